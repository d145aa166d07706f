"""`stillwatch run`."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from stillwatch.errors import InputError
from stillwatch.log import track
from stillwatch.runs import days_between, parse_day
from stillwatch.settings import Settings, get_settings

if TYPE_CHECKING:
    from stillwatch.pipeline import DaySummary

_COLUMNS = ("day", "read", "accepted", "duplicate", "quarantined", "warnings", "drafts")


@click.command("run")
@click.option("--date", "first", metavar="YYYY-MM-DD", help="First UTC day.")
@click.option("--to", "last", metavar="YYYY-MM-DD", help="Last UTC day; the first one if left out.")
@click.option(
    "--reports",
    type=click.Choice(["last", "each", "none"]),
    default="last",
    show_default=True,
    help="For which days to render draft reports.",
)
@click.option(
    "--reopen",
    is_flag=True,
    help="First run every day again whose files have changed in landing, and the days after it.",
)
@click.option(
    "--accept-open", is_flag=True, help="Run days whose delivery is not complete yet, as they are."
)
def command(
    first: str | None, last: str | None, reports: str, reopen: bool, accept_open: bool
) -> None:
    """Process days from landed inputs to draft reports, without Airflow.

    Each day runs: ingest, feeds and reference tables, raw gate, dbt build, marts gate, publish, and
    draft reports. Running a day again gives the same rows and the same PDF bytes. A failed critical
    gate stops before publishing; the last good snapshot stands.

    A day is refused while the rule of one of its sources (`marker`, `complete_after_hours` in
    sources.yml) says that it is not over. `--reopen` alone takes up late files and nothing else.
    """
    from stillwatch.pipeline import rerun_days, run_days
    from stillwatch.sources.late import plan_rerun

    if first is None and (last is not None or not reopen):
        raise click.UsageError("Say which day: --date, or --reopen for the days with late files.")
    settings = get_settings()
    days = []
    if first is not None:
        days = days_between(parse_day(first), parse_day(last or first, "--to"))
        if not accept_open:
            _refuse_open(settings, days)
    table = Table(*_COLUMNS)
    if reopen:
        rerun = plan_rerun(settings, before=days[0] if days else None)
        for late in rerun.late:
            click.echo(f"late: {late.describe()}")
        if rerun.unfinished:
            listed = ", ".join(str(day) for day in rerun.unfinished)
            click.echo(f"late: not finished the last time: {listed}")
        if not rerun.days:
            click.echo("late: nothing to run again")
        again = tuple(day for day in rerun.days if day not in days)
        for summary in track(rerun_days(settings, again), "days again", total=len(again)):
            _add_row(table, summary)
    report_days = {"each": days, "last": days[-1:], "none": []}[reports]
    for summary in track(run_days(settings, days, report_days), "days", total=len(days)):
        _add_row(table, summary)
    if table.row_count:
        Console().print(table)
        click.echo(f"published: {summary.snapshot_id}")


def _refuse_open(settings: Settings, days: list[date]) -> None:
    from stillwatch.sources.delivery import find_open

    found = find_open(settings, days)
    if found:
        more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
        raise InputError(
            f"{found[0].describe()}{more}: run it then, or now with --accept-open and again later "
            "with --reopen"
        )


def _add_row(table: Table, summary: DaySummary) -> None:
    counts = (
        summary.read_count,
        summary.accepted_count,
        summary.duplicate_count,
        summary.quarantined_count,
        summary.failed_warning_count,
    )
    table.add_row(
        str(summary.day),
        *(f"{count:,}" for count in counts),
        str(len(summary.report_ids)),
    )
