"""The day that a run is for, where its files lie, and the only clock.

A run is for one UTC day, `run_date`: the day on which inputs were delivered. Everything that a
run writes depends on that day and on its inputs, never on the wall clock; `utc_now` is for facts
about the outside world (when a person approved, when a feed was really pulled).
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from stillwatch.errors import ConfigError, WarehouseError
from stillwatch.settings import Settings


def utc_now() -> datetime:
    """Return the present instant, aware and in UTC."""
    return datetime.now(UTC)


def parse_day(text: str, origin: str = "--date") -> date:
    """Return the UTC day written as YYYY-MM-DD, or raise a ConfigError that names its origin."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{origin} {text!r} is not a day: write it as YYYY-MM-DD") from error
    if text != day.isoformat():
        raise ConfigError(f"{origin} {text!r} is not a day: write it as YYYY-MM-DD")
    return day


def days_between(first: date, last: date) -> list[date]:
    """Return every day from `first` to `last`, both included, in order."""
    if last < first:
        raise ConfigError(f"the last day {last} is before the first day {first}")
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def end_of_day(day: date) -> datetime:
    """Return the first instant after `day`, in UTC (intervals are half-open)."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC)


@dataclass(frozen=True)
class Paths:
    """Every folder below STILLWATCH_HOME. Nothing else in the package spells these names.

    A build that nobody is to see has a folder of its own, `preview`: its database and what dbt
    writes lie there, all else is read from the home.
    """

    home: Path
    preview: Path | None = None

    @property
    def canonical(self) -> Path:
        """Canonical Parquet: exchanges, accounts, quarantine by delivery day and source."""
        return self.home / "canonical"

    @property
    def feeds(self) -> Path:
        """Parsed feed versions: `<feed_id>/<version>/{indicators,ranges}.parquet, version.json`."""
        return self.home / "feeds"

    @property
    def ledger(self) -> Path:
        """Append-only or per-day JSON records: ingestion, feeds, quality, runs, reports."""
        return self.home / "ledger"

    @property
    def reference(self) -> Path:
        """Validated copies of the reference tables, as Parquet, by run day."""
        return self.home / "reference"

    @property
    def screening(self) -> Path:
        """Who is listed, who may be, and who is held by listed parties, as Parquet, by run day."""
        return self.home / "screening"

    @property
    def warehouse(self) -> Path:
        """The private build database; only the pipeline opens it."""
        return (self.preview or self.home / "warehouse") / "build.duckdb"

    @property
    def dbt(self) -> Path:
        """What dbt writes: compiled models (`target`) and its log (`logs`)."""
        return (self.preview or self.cache) / "dbt"

    @property
    def uses(self) -> Path:
        """What each account used, by delivery day, for hunts: `dt=<day>/uses.parquet`. Private."""
        return self.home / "warehouse" / "uses"

    @property
    def published(self) -> Path:
        """What analysts read: `current.duckdb`, `parquet/`, `docs/`, `snapshots/`."""
        return self.home / "published"

    @property
    def reports(self) -> Path:
        """One folder per report document: `<report_id>/`."""
        return self.home / "reports"

    @property
    def cache(self) -> Path:
        """Things that can be made again: dbt targets, package downloads."""
        return self.home / "cache"

    @property
    def locks(self) -> Path:
        """Lock files that keep two writers apart."""
        return self.home / "locks"


def get_paths(settings: Settings) -> Paths:
    """Return the state folders below the absolute STILLWATCH_HOME."""
    return Paths(settings.home.absolute())


@contextmanager
def exclusive(paths: Paths, name: str, timeout_seconds: float = 3600) -> Iterator[None]:
    """Hold the lock `name` while the block runs, so that a second writer waits or is told why."""
    paths.locks.mkdir(parents=True, exist_ok=True)
    lock_file = paths.locks / f"{name}.lock"
    try:
        with FileLock(lock_file, timeout=timeout_seconds):
            yield
    except Timeout as error:
        raise WarehouseError(
            f"another run has held {lock_file} for {timeout_seconds:.0f} s: wait for it to end"
        ) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it replaces `path` at once if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as canonical JSON (sorted keys, one line feed at the end), atomically."""
    with replacing(path) as temporary:
        temporary.write_text(
            json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def read_json(path: Path) -> Any:
    """Return what `write_json` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))
