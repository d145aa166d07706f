"""`stillwatch feeds`: pull, check and parse the threat feeds for a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import click
from rich import box
from rich.console import Console
from rich.table import Table

from stillwatch.errors import ConfigError
from stillwatch.feeds.landed import parse_version
from stillwatch.feeds.refresh import FeedResult, refresh_day, refresh_feed
from stillwatch.runs import parse_day
from stillwatch.settings import get_settings


@click.command(short_help="Pull, check and parse the threat feeds for a day.")
@click.option("--date", "day_text", required=True, metavar="D", help="The run day, YYYY-MM-DD.")
@click.option("--feed", "feed_id", metavar="ID", help="Only this feed (default: all).")
@click.option("--pull", is_flag=True, help="Ask the sources first; else use what has landed.")
@click.option(
    "--at",
    "at_text",
    metavar="T",
    help="With --pull: record the pull under this instant (2026-10-31T000000Z); "
    "for rehearsals and worlds in the past.",
)
def command(day_text: str, feed_id: str | None, pull: bool, at_text: str | None) -> None:
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
