"""`stillwatch check`."""

from __future__ import annotations

import click

from stillwatch.errors import GateFailed
from stillwatch.runs import get_paths, parse_day
from stillwatch.settings import get_settings


@click.command("check")
@click.option("--date", "day", required=True, metavar="YYYY-MM-DD", help="UTC day of the run.")
@click.option(
    "--gate",
    type=click.Choice(["raw", "marts", "all"]),
    default="all",
    show_default=True,
    help="`raw` judges the canonical data of the day, `marts` the private build.",
)
@click.option("--every", is_flag=True, help="Print the expectations that held, too.")
def command(day: str, gate: str, every: bool) -> None:
    """Run the data-quality gates of a day.

    A failed critical expectation stops the line: exit code 1, and nothing can be published for
    the day. A failed warning goes on, and is printed in the reports. Results are kept in
    ledger/quality and, once published, in marts.rpt_data_quality; no value of a row is in them.
    """
    from stillwatch.quality.gates import check_day
    from stillwatch.quality.results import GATES, read_outcome
    from stillwatch.warehouse.formats import format_table

    settings, run_date = get_settings(), parse_day(day)
    for name in GATES if gate == "all" else [item for item in GATES if item == gate]:
        failure: GateFailed | None = None
        try:
            outcome = check_day(settings, run_date, name)
        except GateFailed as error:
            failure = error
            found = read_outcome(get_paths(settings), run_date, name)
            if found is None:
                raise
            outcome = found
        shown = [row for row in outcome.rows if every or not row.success]
        click.echo(
            f"gate {name} of {run_date}: {'FAILED' if failure else 'passed'}, "
            f"{len(outcome.rows)} checks, {len(outcome.failed_critical)} critical and "
            f"{len(outcome.failed_warning)} warnings failed"
        )
        if shown:
            click.echo(
                format_table(
                    ("result", "suite", "expectation", "column", "observed", "allowed"),
                    [
                        (
                            "ok" if row.success else row.severity.value,
                            row.suite,
                            row.expectation,
                            row.column_name or "",
                            row.observed,
                            row.bound,
                        )
                        for row in shown
                    ],
                )
            )
        if failure is not None:
            raise failure
