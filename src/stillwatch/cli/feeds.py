"""`stillwatch feeds`: pull, check and parse the threat feeds for a day; export what may leave."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table

from stillwatch.errors import ConfigError
from stillwatch.feeds.export import COLUMNS, list_cells, read_indicators, write_bundle
from stillwatch.feeds.handling import Audience, Selection, select_for_audience
from stillwatch.feeds.landed import parse_version
from stillwatch.feeds.refresh import FeedResult, refresh_day, refresh_feed
from stillwatch.feeds.registry import Marking
from stillwatch.runs import parse_day
from stillwatch.settings import get_settings
from stillwatch.warehouse.formats import format_csv


@click.group(
    invoke_without_command=True, short_help="Pull, check and parse the threat feeds for a day."
)
@click.option("--date", "day_text", metavar="D", help="The run day, YYYY-MM-DD.")
@click.option("--feed", "feed_id", metavar="ID", help="Only this feed (default: all).")
@click.option("--pull", is_flag=True, help="Ask the sources first; else use what has landed.")
@click.option(
    "--at",
    "at_text",
    metavar="T",
    help="With --pull: record the pull under this instant (2026-10-31T000000Z); "
    "for rehearsals and worlds in the past.",
)
@click.pass_context
def command(
    context: click.Context,
    day_text: str | None,
    feed_id: str | None,
    pull: bool,
    at_text: str | None,
) -> None:
    """Pull, check and parse the threat feeds for a day.

    A feed is an entry of <config>/feeds.yml or a folder landing/feeds/<id>/ with a feed.yml. Each
    pull lands as landing/feeds/<id>/dt=<instant>/. A day uses the newest version that had landed
    by its end and that passed the sanity gate; a version that fails leaves the last good one in
    use. Every entry is used or counted as refused by reason: entries = used + refused.

    \b
    States:  current     the newest version that is known on the day is in use
             last_good   a newer version or pull failed (see below the table)
             missing     no usable version was known on the day

    \b
    Examples:
      stillwatch feeds --date 2026-11-01                     what the day knows
      stillwatch feeds --date 2026-11-01 --pull              ask all sources now
      stillwatch feeds --date 2026-11-01 --feed ip2asn --pull --at 2026-10-31T000000Z
    """
    if context.invoked_subcommand is not None:
        given = [name for name, value in context.params.items() if value]
        if given:
            raise click.UsageError(f"give the options of {context.invoked_subcommand} after it")
        return
    if day_text is None:
        raise click.UsageError("Missing option '--date'.")
    day = parse_day(day_text)
    at = _parse_instant(at_text)
    if at is not None and not pull:
        raise ConfigError("--at says when a pull is recorded: give it together with --pull")
    settings = get_settings()
    if feed_id is not None:
        results = [refresh_feed(settings, feed_id, day, pull, at)]
    else:
        results = refresh_day(settings, day, pull, at)
    _print(results, day)


@command.command(short_help="Write the indicators that an audience may have.")
@click.option("--date", "day_text", required=True, metavar="D", help="As of the end of this day.")
@click.option(
    "--audience",
    type=click.Choice([str(item) for item in Audience]),
    required=True,
    help="Who is to read it.",
)
@click.option(
    "--marking",
    type=click.Choice([str(item) for item in Marking]),
    help="The strictest marking that it may hold (default: RED for internal, GREEN for peers, "
    "CLEAR for public).",
)
@click.option(
    "--format", "format_name", type=click.Choice(["csv", "stix"]), default="csv", show_default=True
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write this file, and beside it FILE.handling.json (default: standard output).",
)
def export(
    day_text: str, audience: str, marking: str | None, format_name: str, output: Path | None
) -> None:
    """Write the indicators that an audience may have.

    An indicator leaves only if its feed states licence and time to live, its permitted use
    reaches the audience, and neither it nor its feed is marked above the maximum. What stays is
    counted by reason. The file as a whole takes the strictest marking of its parts. In CSV, text
    that a spreadsheet would run as a formula begins with an apostrophe.

    \b
    Examples:
      stillwatch feeds export --date 2026-11-01 --audience peers
      stillwatch feeds export --date 2026-11-01 --audience peers --format stix --output peers.json
    """
    day = parse_day(day_text)
    limit = None if marking is None else Marking(marking)
    at = datetime.combine(day, time.max, tzinfo=UTC)
    rows = read_indicators(get_settings(), day)
    selection = select_for_audience(rows, Audience(audience), at, limit)
    if format_name == "stix":
        text = write_bundle(selection)
    else:
        text = format_csv(COLUMNS, list_cells(selection.rows))
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8", newline="")
        record = _describe_handling(selection, audience, day, format_name)
        sidecar = output.with_name(f"{output.name}.handling.json")
        sidecar.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    withheld = ", ".join(f"{reason} {count:,}" for reason, count in selection.withheld.items())
    click.echo(
        f"{selection.marking}: {len(selection.rows):,} of {selection.read_count:,} indicators for "
        f"{audience}; withheld: {withheld or 'none'}",
        err=True,
    )


def _describe_handling(
    selection: Selection, audience: str, day: date, format_name: str
) -> dict[str, Any]:
    record: dict[str, Any] = {
        "marking": str(selection.marking),
        "audience": audience,
        "as_of_date": day.isoformat(),
        "indicator_count": len(selection.rows),
        "withheld_by_reason": selection.withheld,
        "feeds": sorted({row["feed_id"] for row in selection.rows}),
        "licences": sorted({row["licence"] for row in selection.rows}),
    }
    if format_name == "csv":
        record["csv_rule"] = "text that begins like a formula has an apostrophe before it"
    return record


def _parse_instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    instant = parse_version(text)
    if instant is None:
        raise ConfigError(f"--at {text!r} is not an instant: write it as 2026-10-31T000000Z")
    return instant


def _print(results: Sequence[FeedResult], day: date) -> None:
    if not results:
        click.echo("no feeds: neither in feeds.yml nor below landing/feeds/")
        return
    table = Table(box=box.SIMPLE_HEAD, title=f"Feeds on {day}", title_justify="left")
    table.add_column("feed", no_wrap=True)
    table.add_column("version", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for heading in ("entries", "used", "refused", "age, days"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("refused by reason")
    for result in results:
        age = result.age_days
        table.add_row(
            result.feed_id,
            result.version or "none",
            result.state,
            f"{result.entry_count:,}",
            f"{result.used_count:,}",
            f"{result.refused_count:,}",
            "" if age is None else f"{age:.1f}",
            ", ".join(f"{reason} {count:,}" for reason, count in result.refused_by_reason.items()),
        )
    console = Console()
    console.print(table) if console.is_terminal else Console(width=160).print(table)
    for result in results:
        for version, reason, detail in result.refused_versions:
            click.echo(f"{result.feed_id}: version {version} refused: {reason}: {detail}")
        pull = result.pull
        if pull is not None and pull.has_failed:
            until = f" until {pull.until:%Y-%m-%dT%H:%M:%SZ}" if pull.until else ""
            click.echo(f"{result.feed_id}: pull {pull.state}{until}: {pull.reason}: {pull.detail}")
