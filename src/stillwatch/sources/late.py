"""What has changed in landing since a day was ingested, and which days must run again for it.

Beside the ledger of each ingestion lies a record of the files it saw, with size and tag, and of
those that another file has taken the place of. A landed file whose size and tag are as recorded is
the same; one that differs is hashed, so that a copy with a new time of change reopens nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from stillwatch.landing.storage import LandedFile, Landing
from stillwatch.log import get_logger
from stillwatch.runs import Paths, get_paths, read_json, write_json
from stillwatch.settings import Settings
from stillwatch.sources.delivery import KINDS, DeliveryState, get_closing, look
from stillwatch.sources.files import identify
from stillwatch.sources.history import ledger_file
from stillwatch.sources.registry import Source, find_sources, open_source

WATCHED_DAYS = 90  # how far back from the newest day landing is looked at, at most

_LOG = get_logger(__name__)


@dataclass(frozen=True)
class LateDelivery:
    """What has changed of one kind, source and day since it was ingested."""

    day: date
    source_id: str
    kind: str
    added: tuple[str, ...]
    changed: tuple[str, ...]  # the same name with other content
    gone: tuple[str, ...]
    has_closed: bool  # it was ingested before the day was over
    is_too_late: bool  # further back than the source's `reopen_days`

    @property
    def file_count(self) -> int:
        """How many files differ."""
        return len(self.added) + len(self.changed) + len(self.gone)

    def describe(self) -> str:
        """Return day, source, kind and what differs, in counts."""
        parts = [
            f"{len(names)} {word}"
            for names, word in (
                (self.added, "new"),
                (self.changed, "changed"),
                (self.gone, "gone"),
            )
            if names
        ]
        if self.has_closed:
            parts.append("closed since")
        end = "; too late to run again" if self.is_too_late else ""
        return f"{self.day} {self.kind} of {self.source_id}: {', '.join(parts)}{end}"


@dataclass(frozen=True)
class Rerun:
    """What was found late in landing, and the days that have to run again for it, in order."""

    late: tuple[LateDelivery, ...]
    unfinished: tuple[date, ...]  # left over by a run of late days that failed or was killed
    days: tuple[date, ...]

    @property
    def too_late(self) -> tuple[LateDelivery, ...]:
        """What is further back than its source's `reopen_days`, and changes nothing."""
        return tuple(item for item in self.late if item.is_too_late)


def record_files(
    paths: Paths,
    kind: str,
    source_id: str,
    day: date,
    landed: Iterable[LandedFile],
    results: Sequence[dict[str, Any]],
) -> None:
    """Write which files were ingested, and keep an entry of each one whose place was taken.

    `results` are the files' entries in the ledger, with the same names as `landed`.
    """
    path = get_record_path(paths, kind, source_id, day)
    known = read_json(path) if path.exists() else {"files": [], "superseded": []}
    tags = {file.name: file.tag for file in landed}
    files = [entry | {"tag": tags[entry["file_name"]]} for entry in results]
    now = {entry["file_name"]: entry["sha256"] for entry in files}
    superseded = known["superseded"] + [
        entry | {"superseded_by": now.get(entry["file_name"])}
        for entry in known["files"]
        if now.get(entry["file_name"]) != entry["sha256"]
    ]
    for entry in superseded[len(known["superseded"]) :]:
        _LOG.warning(
            "%s was ingested before with other content (%s): its %d rows are superseded",
            entry["file_name"],
            entry["sha256"][:12],
            entry["accepted_count"],
        )
    write_json(path, {"files": files, "superseded": superseded})


def get_record_path(paths: Paths, kind: str, source_id: str, day: date) -> Path:
    """Return where the record of the ingested files of one kind, source and day lies."""
    return paths.ledger / "deliveries" / f"dt={day.isoformat()}" / f"{kind}.{source_id}.json"


def find_late(settings: Settings, before: date | None = None) -> list[LateDelivery]:
    """Return what has changed since the days were ingested, the oldest first.

    Looks at days that have been ingested, back to WATCHED_DAYS before the newest of them, and if
    `before` is given only at days before it. Landing is read, nothing is written.
    """
    paths = get_paths(settings)
    days = list_ingested_days(paths)
    if not days:
        return []
    newest = days[-1]
    watched = [
        day
        for day in days
        if day >= newest - timedelta(days=WATCHED_DAYS) and (before is None or day < before)
    ]
    found = []
    for source in find_sources(settings):
        for kind in KINDS:
            landing = open_source(settings, source, kind)
            for day in watched:
                late = _compare(paths, landing, source, kind, day, newest)
                if late is not None:
                    found.append(late)
    return sorted(found, key=lambda late: (late.day, late.source_id, late.kind))


def plan_rerun(settings: Settings, before: date | None = None) -> Rerun:
    """Return what has changed in landing (before a day, if given) and which days to run again."""
    paths = get_paths(settings)
    late = find_late(settings, before)
    for item in late:
        _LOG.warning("late: %s", item.describe())
    unfinished = read_unfinished(paths)
    days = {*list_days_to_rerun(late, list_ingested_days(paths)), *unfinished}
    return Rerun(tuple(late), unfinished, tuple(sorted(days)))


def read_unfinished(paths: Paths) -> tuple[date, ...]:
    """Return the days that were to run again for late files and have not been finished."""
    path = _unfinished_path(paths)
    days = read_json(path)["days"] if path.exists() else []
    return tuple(date.fromisoformat(day) for day in days)


def begin_rerun(paths: Paths, days: Iterable[date]) -> None:
    """Write down which days are to run again, so that a run that fails half-way is taken up.

    The first step of a day records its files as seen: from then on landing no longer tells.
    """
    _write_unfinished(paths, {*read_unfinished(paths), *days})


def finish_rerun(paths: Paths, day: date) -> None:
    """Note that the day has been run to its end."""
    unfinished = read_unfinished(paths)
    if day in unfinished:
        _write_unfinished(paths, set(unfinished) - {day})


def _write_unfinished(paths: Paths, days: set[date]) -> None:
    write_json(_unfinished_path(paths), {"days": [day.isoformat() for day in sorted(days)]})


def _unfinished_path(paths: Paths) -> Path:
    return paths.ledger / "deliveries" / "unfinished.json"


def list_ingested_days(paths: Paths) -> list[date]:
    """Return the days with an ingestion ledger, in order."""
    days = []
    for folder in (paths.ledger / "ingestion").glob("dt=*"):
        try:
            days.append(date.fromisoformat(folder.name.removeprefix("dt=")))
        except ValueError:
            continue
    return sorted(days)


def list_days_to_rerun(late: Iterable[LateDelivery], ingested: Iterable[date]) -> list[date]:
    """Return the days to run again: from the oldest reopened one to the newest ingested one.

    Later days follow because what counts as a duplicate, a baseline or a known campaign on a day
    depends on the days before it.
    """
    reopened = [item.day for item in late if not item.is_too_late]
    if not reopened:
        return []
    return [day for day in sorted(ingested) if day >= min(reopened)]


def _compare(
    paths: Paths, landing: Landing, source: Source, kind: str, day: date, newest: date
) -> LateDelivery | None:
    ledger = ledger_file(paths, kind, source.source_id, day)
    state = read_json(ledger).get("delivery_state") if ledger.exists() else None
    recorded = _read_recorded(paths, kind, source.source_id, day, ledger)
    delivery = look(landing, source, kind, day)
    landed = {file.name: file for file in delivery.files}
    added = tuple(sorted(landed.keys() - recorded.keys()))
    gone = tuple(sorted(recorded.keys() - landed.keys()))
    changed = tuple(
        name
        for name in sorted(landed.keys() & recorded.keys())
        if _differs(landing, landed[name], recorded[name])
    )
    has_closed = (
        state == DeliveryState.OPEN.value
        and delivery.is_closed
        and get_closing(source, day) is not None
    )
    if not (added or changed or gone or has_closed):
        return None
    is_too_late = day < newest - timedelta(days=source.reopen_days)
    return LateDelivery(day, source.source_id, kind, added, changed, gone, has_closed, is_too_late)


def _read_recorded(
    paths: Paths, kind: str, source_id: str, day: date, ledger: Path
) -> dict[str, dict[str, Any]]:
    record = get_record_path(paths, kind, source_id, day)
    source = record if record.exists() else ledger  # a ledger from before there were records
    entries = read_json(source)["files"] if source.exists() else []
    return {entry["file_name"]: entry for entry in entries}


def _differs(landing: Landing, file: LandedFile, recorded: dict[str, Any]) -> bool:
    known_tag = recorded.get("tag")
    if file.byte_count == recorded["byte_count"] and known_tag and file.tag == known_tag:
        return False
    return identify(landing, file) != str(recorded["sha256"])
