"""`stillwatch ingest`: the usage logs and account registries of a day."""

from __future__ import annotations

from datetime import date

import click
from rich.console import Console
from rich.table import Table

from stillwatch.log import track
from stillwatch.runs import days_between, parse_day
from stillwatch.settings import Settings, get_settings
from stillwatch.sources.delivery import DeliveryState, find_open
from stillwatch.sources.ingest import ingest_source
from stillwatch.sources.ledger import IngestResult
from stillwatch.sources.registry import find_source, find_sources

_LOG_WIDTH = 150


@click.command(name="ingest")
@click.option("--date", "first", required=True, help="UTC day of delivery, YYYY-MM-DD.")
@click.option("--to", "last", help="Last day, if several days are to be ingested.")
@click.option("--source", "source_id", help="Only this source.")
def command(first: str, last: str | None, source_id: str | None) -> None:
    """Bring the usage logs and account registries of a day into canonical form.

    Prints the state of each delivery (complete, empty, missing, refused; open if the day is not
    over yet: ingest it again then) and what became of every line. Files that cannot be used as a
    whole are refused and named; the exit code stays 0, because the quality gates decide what stops
    the line.
    """
    settings = get_settings()
    days = days_between(parse_day(first), parse_day(last or first, "--to"))
    sources = [find_source(settings, source_id)] if source_id else find_sources(settings)
    if not sources:
        click.echo(
            f"no sources: nothing lies in {settings.landing}/usage or {settings.landing}/accounts"
        )
        return
    steps = [(day, source.source_id) for day in days for source in sources]
    results = [
        result
        for day, name in track(steps, "Ingesting", total=len(steps))
        for result in _ingest_step(settings, name, day)
    ]
    _print(results)
    if any(result.state is DeliveryState.OPEN for result in results):
        for delivery in find_open(settings, days):
            click.echo(f"open: {delivery.describe()}; ingest it again then")


def _ingest_step(settings: Settings, source_id: str, day: date) -> list[IngestResult]:
    return ingest_source(settings, source_id, day)


def _print(results: list[IngestResult]) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=_LOG_WIDTH)
    table = Table(title="Ingestion", caption="read = accepted + duplicate + quarantined")
    for name in ("day", "source", "kind", "state"):
        table.add_column(name, no_wrap=True)
    for name in ("files", "read", "accepted", "duplicate", "quarantined"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("reasons")
    table.add_column("seconds", justify="right")
    for result in results:
        table.add_row(
            str(result.day),
            result.source.source_id,
            result.kind,
            result.state.value,
            str(len(result.files)),
            f"{result.read_count:,}",
            f"{result.accepted_count:,}",
            f"{result.duplicate_count:,}",
            f"{result.quarantined_count:,}",
            ", ".join(f"{code} {count}" for code, count in result.quarantined_by_reason.items()),
            f"{result.seconds:.1f}",
        )
    console.print(table)
    for result in results:
        for file in result.files:
            if file.state != "loaded":
                click.echo(f"{file.state}: {file.file_name} ({file.reason})")
    done = {result.day for result in results}
    stale = {day for result in results for day in result.later_days} - done
    if stale:
        days = ", ".join(str(day) for day in sorted(stale))
        click.echo(f"ingest again, they hold some of the same exchanges: {days}")
