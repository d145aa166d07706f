"""Opens the published snapshot of a day, read-only and without access to anything else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from stillwatch.errors import ReportError
from stillwatch.runs import Paths

_SAFE = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


@dataclass(frozen=True)
class SnapshotRef:
    """One published snapshot: its id, its day and its file."""

    snapshot_id: str
    as_of_date: date
    path: Path


@contextmanager
def open_snapshot(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a read-only connection that can reach no other file, in UTC."""
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        raise ReportError(f"snapshot {path} cannot be opened: {error}") from error
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set threads = 1")  # sums of floats depend on the order of rows
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        yield connection
    finally:
        connection.close()


def find_snapshot(paths: Paths, day: date) -> SnapshotRef:
    """Return the snapshot whose newest day is `day`: the current one, else the one kept last.

    A newer snapshot is never used for an older day, because it knows more than was known.
    """
    kept = (paths.published / "snapshots").glob("*.duckdb")
    newest_first = sorted(kept, key=lambda path: (-path.stat().st_mtime, path.name))
    candidates = [paths.published / "current.duckdb", *newest_first]
    for path in candidates:
        if path.exists():
            found = _describe(path)
            if found.as_of_date == day:
                kept_path = get_snapshot_path(paths, found.snapshot_id)
                return SnapshotRef(
                    found.snapshot_id, day, kept_path if kept_path.exists() else path
                )
    raise ReportError(
        f"no snapshot of {day} is published below {paths.published}: "
        f"run `stillwatch publish --date {day}` first"
    )


def find_snapshot_by_id(paths: Paths, snapshot_id: str) -> SnapshotRef:
    """Return the snapshot with this id, wherever it is kept."""
    for path in (get_snapshot_path(paths, snapshot_id), paths.published / "current.duckdb"):
        if path.exists():
            found = _describe(path)
            if found.snapshot_id == snapshot_id:
                return found
    raise ReportError(
        f"snapshot {snapshot_id} is not kept below {paths.published / 'snapshots'}: "
        "its report can no longer be checked against the warehouse"
    )


def get_snapshot_path(paths: Paths, snapshot_id: str) -> Path:
    """Return where a snapshot is kept, refusing an id that is no plain file name."""
    if not snapshot_id or snapshot_id.startswith(".") or not set(snapshot_id) <= _SAFE:
        raise ReportError(f"snapshot id {snapshot_id!r} is not a plain name")
    return paths.published / "snapshots" / f"{snapshot_id}.duckdb"


def _describe(path: Path) -> SnapshotRef:
    with open_snapshot(path) as connection:
        row = connection.execute(
            "select snapshot_id, as_of_date from marts.snapshot_info"
        ).fetchone()
    if row is None:
        raise ReportError(
            f"snapshot {path} says nothing about itself (marts.snapshot_info is empty)"
        )
    return SnapshotRef(str(row[0]), row[1], path)
