"""`stillwatch report`."""

from __future__ import annotations

import click

from stillwatch.errors import ConfigError, ReportError
from stillwatch.runs import parse_day
from stillwatch.settings import get_settings


@click.command("report")
@click.option("--date", "day", metavar="YYYY-MM-DD", help="UTC day whose documents are drafted.")
@click.option("--verify", "report_id", metavar="REPORT_ID", help="Check a report instead.")
def command(day: str | None, report_id: str | None) -> None:
    """Freeze the facts of a day and render its draft reports.

    Drafting a day again with the same facts changes nothing; with other facts it adds a version.
    `--verify` runs every stored SQL of a report on its snapshot again, compares the numbers with
    those stored and with the text of the PDF, and lists the keys that differ (exit code 1).
    """
    if (day is None) == (report_id is None):
        raise ConfigError("give either --date YYYY-MM-DD to draft or --verify REPORT_ID to check")
    if report_id is not None:
        _verify(report_id)
    elif day is not None:
        _draft(day)


def _draft(day: str) -> None:
    from stillwatch.reporting.documents import draft_day

    refs = draft_day(get_settings(), parse_day(day))
    rows = [("report", "version", "state", "pages", "sha256", "path")]
    for ref in refs:
        state = ref.state if ref.is_new else f"{ref.state}, unchanged"
        version, pages = str(ref.version), str(ref.page_count)
        rows.append((ref.report_id, version, state, pages, ref.sha256[:16], str(ref.path)))
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        click.echo("  ".join([*cells, row[-1]]))


def _verify(report_id: str) -> None:
    from stillwatch.reporting.verify import verify_report

    outcome = verify_report(get_settings(), report_id)
    for difference in outcome.differences:
        click.echo(f"{difference.key}: stored {difference.stored}, found {difference.found}")
    if outcome.differences:
        raise ReportError(
            f"{report_id} version {outcome.version}: {len(outcome.differences)} differences (above)"
        )
    click.echo(
        f"{report_id} version {outcome.version}: {outcome.number_count} numbers computed again, "
        f"{outcome.printed_count} printed figures found on the pages, no difference"
    )
