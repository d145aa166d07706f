"""`stillwatch status`."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import click

from stillwatch.errors import ConfigError, LocationError
from stillwatch.runs import Paths, get_paths, read_json
from stillwatch.settings import Settings, get_settings


@click.command("status")
def command() -> None:
    """Show what has been processed, published, reported.

    Every figure comes from the ledger and the published snapshot; nothing is changed.
    """
    settings = get_settings()
    paths = get_paths(settings)
    days = _find_days(paths)
    click.echo(_describe_days(paths, days))
    click.echo()
    click.echo(_describe_published(settings, paths))
    click.echo(_describe_reports(paths))
    click.echo(_describe_landed(settings, paths))
    click.echo(_describe_late(settings))


def _find_days(paths: Paths) -> list[date]:
    return _read_days(paths.ledger / "ingestion")


def _read_days(folder: Path) -> list[date]:
    days = []
    for path in sorted(folder.glob("dt=*")):
        try:
            days.append(date.fromisoformat(path.stem.removeprefix("dt=")))
        except ValueError:
            continue
    return days


def _describe_days(paths: Paths, days: list[date]) -> str:
    from stillwatch.warehouse.formats import format_table

    if not days:
        return f"no day has been ingested below {paths.home}"
    columns = (
        "day",
        "read",
        "accepted",
        "duplicate",
        "quarantined",
        "gate raw",
        "gate marts",
        "snapshot",
    )
    return format_table(columns, [_describe_day(paths, day) for day in days])


def _describe_day(paths: Paths, day: date) -> tuple[Any, ...]:
    from stillwatch.quality.results import read_outcome

    usage = [
        read_json(path)
        for path in sorted((paths.ledger / "ingestion" / f"dt={day}").glob("usage.*.json"))
    ]
    counts = [
        sum(record[name] for record in usage)
        for name in ("read_count", "accepted_count", "duplicate_count", "quarantined_count")
    ]
    gates = []
    for outcome in (read_outcome(paths, day, "raw"), read_outcome(paths, day, "marts")):
        if outcome is None:
            gates.append("not run")
        elif not outcome.passed:
            gates.append("FAILED")
        elif outcome.failed_warning:
            gates.append(f"passed, {len(outcome.failed_warning)} warnings")
        else:
            gates.append("passed")
    record = paths.ledger / "runs" / f"dt={day}.json"
    snapshot = read_json(record)["snapshot_id"] if record.exists() else "not published"
    return (day, *counts, *gates, snapshot)


def _describe_published(settings: Settings, paths: Paths) -> str:
    from stillwatch.warehouse.query import open_published

    if not (paths.published / "current.duckdb").exists():
        return "published: nothing yet"
    with closing(open_published(settings)) as connection:
        snapshot_id, as_of = connection.execute(
            "select snapshot_id, as_of_date from marts.snapshot_info"
        ).fetchall()[0]
        campaigns = connection.execute(
            "select status, count(*) from marts.dim_campaigns group by status order by status"
        ).fetchall()
    listed = ", ".join(f"{count} {status}" for status, count in campaigns) or "none"
    return f"published: {snapshot_id}, newest day {as_of}\ncampaigns: {listed}"


def _describe_reports(paths: Paths) -> str:
    newest: dict[str, dict[str, Any]] = {}
    for path in sorted((paths.ledger / "reports").glob("*.json")):
        record = read_json(path)
        known = newest.get(record["report_id"])
        if known is None or known["version"] < record["version"]:
            newest[record["report_id"]] = record
    states = Counter(str(record["state"]) for record in newest.values())
    waiting = states.pop("draft", 0)
    released = states.pop("released", 0)
    others = "".join(f", {count} {state}" for state, count in sorted(states.items()))
    return f"reports: {waiting} waiting for a person, {released} released{others}"


def _describe_landed(settings: Settings, paths: Paths) -> str:
    from stillwatch.sources.day_folders import list_days
    from stillwatch.sources.delivery import KINDS
    from stillwatch.sources.registry import find_sources, open_source

    try:
        landed = {
            day.isoformat()
            for source in find_sources(settings)
            for kind in KINDS
            for day in list_days(
                open_source(settings, source, kind),
                source.get_location(kind),
                source.get_day_folder(kind),
            )
        }
    except (ConfigError, LocationError) as error:
        return f"landed: cannot be told, {error}"
    finished = {day.isoformat() for day in _read_days(paths.ledger / "runs")}
    waiting = sorted(landed - finished)
    if not waiting:
        return f"landed: {len(landed)} days, all processed" if landed else "landed: nothing yet"
    shown = ", ".join(waiting[:10]) + (f" and {len(waiting) - 10} more" if waiting[10:] else "")
    return f"landed but not yet processed: {shown}"


def _describe_late(settings: Settings) -> str:
    from stillwatch.sources.late import find_late, read_unfinished

    try:
        late = find_late(settings)
    except (ConfigError, LocationError) as error:
        return f"late: cannot be told, {error}"
    unfinished = read_unfinished(get_paths(settings))
    if not late and not unfinished:
        return "late: nothing has changed in landing since it was ingested"
    lines = [f"late: {item.describe()}" for item in late]
    if unfinished:
        lines.append(f"late: not finished: {', '.join(str(day) for day in unfinished)}")
    if unfinished or any(not item.is_too_late for item in late):
        lines.append("take up what is late with: stillwatch run --reopen")
    return "\n".join(lines)
