"""The closing table of the demonstration, read back from what the run left behind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from stillwatch.orchestration.environment import get_airflow_home
from stillwatch.runs import Paths, get_paths, read_json
from stillwatch.settings import Settings


@dataclass(frozen=True)
class LineCounts:
    """Usage lines by fate; `read` is always the sum of the other three."""

    read: int
    accepted: int
    duplicate: int
    quarantined: int


@dataclass(frozen=True)
class GateCounts:
    """Gates that passed out of those that ran, and how many checks only warned."""

    run: int
    passed: int
    warnings: int


def count_lines(paths: Paths, days: Iterable[date]) -> LineCounts:
    """Return the usage lines of `days` by fate, from the ingestion ledger."""
    records = [
        read_json(path)
        for day in days
        for path in sorted((paths.ledger / "ingestion" / f"dt={day}").glob("usage.*.json"))
    ]
    return LineCounts(
        *(
            sum(record[f"{fate}_count"] for record in records)
            for fate in ("read", "accepted", "duplicate", "quarantined")
        )
    )


def count_gates(paths: Paths, days: Iterable[date]) -> GateCounts:
    """Return how many gates of `days` ran and passed, from the quality ledger."""
    gates = [
        read_json(path)["rows"]
        for day in days
        for path in sorted((paths.ledger / "quality" / f"dt={day}").glob("*.json"))
    ]
    failed = [[row["severity"] for row in rows if not row["success"]] for rows in gates]
    return GateCounts(
        run=len(gates),
        passed=sum("critical" not in severities for severities in failed),
        warnings=sum(severities.count("warning") for severities in failed),
    )


def find_reports(paths: Paths) -> list[dict[str, Any]]:
    """Return the newest registered version of every report."""
    newest: dict[str, dict[str, Any]] = {}
    for path in (paths.ledger / "reports").glob("*.json"):
        record = read_json(path)
        known = newest.get(record["report_id"])
        if known is None or known["version"] < record["version"]:
            newest[record["report_id"]] = record
    return [newest[report_id] for report_id in sorted(newest)]


def find_gaps(settings: Settings, last_day: date) -> list[str]:
    """Return what a finished demonstration should have left behind and has not."""
    paths = get_paths(settings)
    gaps = []
    current = paths.published / "current.duckdb"
    if not current.exists():
        gaps.append(f"{current} is missing")
    else:
        published = _read_published(current)["as_of_date"]
        if published != last_day:
            gaps.append(f"the published snapshot is of {published}, not of {last_day}")
    states = {report["state"] for report in find_reports(paths)}
    gaps += [
        f"no report is in state {state!r}" for state in ("draft", "released") if state not in states
    ]
    if not _find_pdfs(paths):
        gaps.append(f"no PDF is below {paths.reports}")
    return gaps


def print_summary(settings: Settings, days: list[date], console: Console) -> None:
    """Print what was processed and found, where it lies, and how to go on."""
    paths = get_paths(settings)
    lines = count_lines(paths, days)
    gates = count_gates(paths, days)
    published = _read_published(paths.published / "current.duckdb")
    reports = find_reports(paths)
    released = [report["report_id"] for report in reports if report["state"] == "released"]
    waiting = [report["report_id"] for report in reports if report["state"] == "draft"]
    home = get_airflow_home(settings)

    table = Table(show_header=False, title="Stillwatch demo", title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("days processed", f"{len(days)} ({days[0]} to {days[-1]})")
    table.add_row("rows read", f"{lines.read:,}")
    table.add_row("  accepted", f"{lines.accepted:,}")
    table.add_row("  duplicate", f"{lines.duplicate:,}")
    table.add_row("  quarantined", f"{lines.quarantined:,}")
    table.add_row("suspected campaigns", f"{len(published['campaigns'])}")
    for campaign in published["campaigns"]:
        table.add_row(f"  {campaign[0]}", f"{campaign[1]:,} accounts, {campaign[2]} confidence")
    table.add_row("gates passed", f"{gates.passed} of {gates.run}, {gates.warnings} warnings")
    table.add_row("reports released", ", ".join(released))
    table.add_row("reports waiting", _list_waiting(waiting, days[-1]))
    table.add_row("PDF reports", f"{_show(paths.reports)}/ ({len(_find_pdfs(paths))} files)")
    table.add_row("published warehouse", _show(paths.published / "current.duckdb"))
    table.add_row("its documentation", _show(paths.published / "docs" / "index.html"))
    table.add_row("snapshot", f"{published['snapshot_id']} as of {published['as_of_date']}")
    table.add_row("ask it", '.venv/bin/stillwatch query "select * from marts.dim_campaigns"')
    table.add_row("Airflow UI", "make up   (prints the address, then approve or reject a report)")
    table.add_row("  user, password", f"admin, in {_show(home.passwords)}")
    table.add_row("stop it", "make down   (nothing runs now)")
    console.print(table)


def _list_waiting(waiting: list[str], last_day: date) -> str:
    """Return the waiting reports of the last day by name, and how many older ones there are."""
    newest = [report_id for report_id in waiting if report_id.endswith(last_day.isoformat())]
    older = len(waiting) - len(newest)
    return ", ".join(newest) + (f" and {older} of earlier days" if older else "")


def _show(path: Path) -> str:
    """Return a path as one would type it here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _read_published(path: Path) -> dict[str, Any]:
    with duckdb.connect(str(path), read_only=True) as connection:
        about = connection.execute(
            "select snapshot_id, as_of_date from marts.snapshot_info"
        ).fetchone()
        campaigns = connection.execute(
            "select campaign_id, account_count, confidence_level from marts.dim_campaigns "
            "order by account_count desc, campaign_id"
        ).fetchall()
    snapshot_id, as_of_date = about if about is not None else (None, None)
    return {"snapshot_id": snapshot_id, "as_of_date": as_of_date, "campaigns": campaigns}


def _find_pdfs(paths: Paths) -> list[Path]:
    return sorted(paths.reports.rglob("*.pdf"))
