"""`stillwatch import`: published logs as benign background."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click
from rich.console import Console
from rich.table import Table

from stillwatch.errors import ConfigError
from stillwatch.importers.kinds import IMPORTERS
from stillwatch.importers.model import Options
from stillwatch.importers.run import ImportPlan, ImportSummary, run_import
from stillwatch.runs import parse_day
from stillwatch.settings import get_settings


@click.command("import")
@click.argument("kind", type=click.Choice(list(IMPORTERS)))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    help="The landing root.  [default: STILLWATCH_LANDING_URI]",
)
@click.option("--source-id", required=True, help="Name of the source that is written.")
@click.option("--first-day", required=True, metavar="YYYY-MM-DD", help="First UTC day of the copy.")
@click.option("--days", required=True, type=int, help="How many days the copy has.")
@click.option(
    "--times",
    type=click.Choice(["keep", "stretch"]),
    default="keep",
    show_default=True,
    help="keep: move by whole days, so that hours and gaps stay. stretch: scale all of it to "
    "fill the days, for a trace of an hour; then hours of the day mean nothing.",
)
@click.option(
    "--skip-days", type=int, default=0, show_default=True, help="Days of the source to pass over."
)
@click.option(
    "--accounts",
    type=int,
    default=Options.account_count,
    show_default=True,
    help="How many accounts are made up where the source names none.",
)
@click.option(
    "--seed",
    type=int,
    default=Options.seed,
    show_default=True,
    help="Another seed makes up other accounts, draws and samples.",
)
@click.option("--limit", type=int, help="Stop after so many records.")
@click.option(
    "--sample",
    type=float,
    default=1.0,
    show_default=True,
    help="Share to keep, by whole accounts or sessions where there are any; scales ServeGen's "
    "rates.",
)
@click.option("--skip-bad", is_flag=True, help="Count records that cannot be read and go on.")
@click.option("--drop-flagged", is_flag=True, help="Leave out conversations flagged as toxic.")
@click.option("--replace", is_flag=True, help="Write an earlier import of that name anew.")
def command(
    kind: str,
    files: tuple[Path, ...],
    into: Path | None,
    source_id: str,
    first_day: str,
    days: int,
    times: Literal["keep", "stretch"],
    skip_days: int,
    accounts: int,
    seed: int,
    limit: int | None,
    sample: float,
    skip_bad: bool,
    drop_flagged: bool,
    replace: bool,
) -> None:
    """Bring published logs into landing, as a benign background.

    FILES are files of one published format, plain or compressed as .gz or .zst, or folders that
    hold them. They become a source of format `native` with an account registry, on days that you
    choose. The pipeline then treats it like any other source. What the source does not say stays
    absent; what had to be made up stands in docs/reference/import.md.

    \b
    azure      Azure LLM inference traces 2023 and 2024    CSV
    burstgpt   BurstGPT v1.1 and v2.0                      CSV
    mooncake   Mooncake request traces                     JSON lines
    servegen   ServeGen client data                        folders of chunk-*-trace.csv
    wildchat   WildChat, WildChat-1M, WildChat-4.8M        Parquet

    \b
    An hour of Azure over two days:
      stillwatch import azure AzureLLMInferenceTrace_conv.csv --source-id azure
        --first-day 2026-11-01 --days 2 --times stretch
    A thousandth of a percent of ServeGen's m-small, its second week:
      stillwatch import servegen data/language/m-small --source-id servegen
        --first-day 2026-11-01 --days 7 --skip-days 7 --sample 0.00001

    The same files and options give the same bytes.
    """
    if into is None:
        where = get_settings().landing
        if "://" in where:
            raise ConfigError(
                f"STILLWATCH_LANDING_URI={where!r} is not a local folder: give --into FOLDER "
                "and copy it to the object store"
            )
        into = Path(where)
    plan = ImportPlan(
        kind=kind,
        paths=files,
        landing=into,
        source_id=source_id,
        first_day=parse_day(first_day, "--first-day"),
        days=days,
        options=Options(accounts, seed, sample, drop_flagged),
        times=times,
        skip_days=skip_days,
        limit=limit,
        skip_bad=skip_bad,
        replace=replace,
    )
    _print(run_import(plan), into)


def _print(summary: ImportSummary, landing: Path) -> None:
    table = Table(
        title=f"Import {summary.source_id}", caption="read = written + skipped", show_header=False
    )
    table.add_row("read", f"{summary.read_count:,}")
    table.add_row("written", f"{summary.written_count:,}")
    for reason, count in summary.skipped_by_reason.items():
        table.add_row(f"skipped, {reason}", f"{count:,}")
    for day, count in summary.written_by_day.items():
        table.add_row(f"  on {day}", f"{count:,}")
    table.add_row("accounts", f"{summary.account_count:,}")
    table.add_row("landing", str(landing))
    Console().print(table)
    for problem in summary.problems:
        click.echo(f"bad record: {problem}", err=True)
