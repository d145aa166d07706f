"""`stillwatch run`."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from stillwatch.log import track
from stillwatch.runs import days_between, parse_day
from stillwatch.settings import get_settings


@click.command("run")
@click.option("--date", "first", required=True, metavar="YYYY-MM-DD", help="First UTC day.")
@click.option("--to", "last", metavar="YYYY-MM-DD", help="Last UTC day; the first one if left out.")
@click.option(
    "--reports",
    type=click.Choice(["last", "each", "none"]),
    default="last",
    show_default=True,
    help="For which days to render draft reports.",
)
def command(first: str, last: str | None, reports: str) -> None:
    """Process days from landed inputs to draft reports, without Airflow.

    Each day runs: ingest, feeds and reference tables, raw gate, dbt build, marts gate, publish, and
    draft reports. Running a day again gives the same rows and the same PDF bytes. A failed critical
    gate stops before publishing; the last good snapshot stands.
    """
    from stillwatch.pipeline import run_days

    settings = get_settings()
    first_day = parse_day(first)
    last_day = parse_day(last, "--to") if last else first_day
    days = days_between(first_day, last_day)
    table = Table(
        "day", "read", "accepted", "duplicate", "quarantined", "warnings", "snapshot", "drafts"
    )
    report_days = {"each": days, "last": [last_day], "none": []}[reports]
    for summary in track(run_days(settings, days, report_days), "days", total=len(days)):
        table.add_row(
            str(summary.day),
            *(
                f"{count:,}"
                for count in (
                    summary.read_count,
                    summary.accepted_count,
                    summary.duplicate_count,
                    summary.quarantined_count,
                    summary.failed_warning_count,
                )
            ),
            summary.snapshot_id,
            str(len(summary.report_ids)),
        )
    Console().print(table)
