"""A MISP feed folder as it was known at an instant: its newest manifest and the events it names.

A pull lands the manifest and only those events that are new or have changed. Its record says of
every event that still counts in which version its file lies, so that the folder of a day can be
put together again, exactly, however many pulls it took.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from stillwatch.feeds.entries import decode, load_json
from stillwatch.feeds.landed import DeliveredFeeds, LandedVersion
from stillwatch.feeds.misp import MANIFEST, get_seconds, parse_misp
from stillwatch.feeds.parsed import ParsedFeed, VersionRefusedError
from stillwatch.feeds.registry import Feed


@dataclass(frozen=True)
class HeldEvent:
    """One event as it was last received, and in which version its file lies."""

    version: str
    timestamp: int  # the event's own, in Unix seconds
    byte_count: int
    sha256: str

    def is_in(self, version: LandedVersion, uuid: str) -> bool:
        """Whether a version holds the event's file in full."""
        name, size = name_event_file(uuid), self.byte_count
        return any(file.name == name and file.byte_count == size for file in version.files)


def name_event_file(uuid: str) -> str:
    """Return the name of an event's file in a feed folder, and in landing."""
    return f"{uuid}.json"


def select_fresh(manifest: Mapping[str, Any], at: datetime, ttl: timedelta) -> dict[str, Any]:
    """Return the entries of a manifest whose event was edited within the time to live.

    None of an older event's attributes would count. An entry without a readable time may count.
    """
    oldest = (at - ttl).timestamp()
    return {
        uuid: entry
        for uuid, entry in manifest.items()
        if (edited := get_edit_time(entry)) == 0 or edited > oldest
    }


def get_edit_time(entry: object) -> int:
    """Return when a manifest says an event was last edited, in Unix seconds; 0 if it does not.

    >>> get_edit_time({"timestamp": "1785542400"}), get_edit_time({"info": "no time"})
    (1785542400, 0)
    """
    return get_seconds(entry.get("timestamp")) if isinstance(entry, dict) else 0


def read_held(record: Mapping[str, Any]) -> dict[str, HeldEvent] | None:
    """Return what a pull's record says of its events; None if it is of no pull of a folder."""
    events = record.get("events")
    if not isinstance(events, dict):
        return None
    try:
        return {uuid: HeldEvent(**item) for uuid, item in events.items()}
    except TypeError as error:
        detail = f"`events` of a pull.json is not as a pull writes it: {error}"
        raise VersionRefusedError("unreadable", detail) from error


def parse_misp_version(
    feed: Feed, version: LandedVersion, known: Sequence[LandedVersion], delivered: DeliveredFeeds
) -> ParsedFeed:
    """Return the indicators of a MISP feed as it was known when the version had landed."""
    record = delivered.read_pull_record(version)
    held = read_held(record)
    if held is None:
        files = {file.name: delivered.read_file(version, file.name) for file in version.files}
        return parse_misp(feed, files, version.known_at)
    manifest = _read_manifest(version, delivered)
    fresh = select_fresh(manifest, version.known_at, feed.ttl)
    sources = {item.name: item for item in known}
    files = {MANIFEST: json.dumps(fresh).encode()}
    for uuid in sorted(held.keys() & fresh.keys()):
        event = held[uuid]
        source = sources.get(event.version)
        if source is None or not event.is_in(source, uuid):
            raise VersionRefusedError(
                "incomplete",
                f"{version.name} goes on from {event.version}, of which landing no longer holds "
                f"{name_event_file(uuid)}: the next pull asks for it again",
            )
        files[name_event_file(uuid)] = delivered.read_file(source, name_event_file(uuid))
    parsed = parse_misp(feed, files, version.known_at)
    expired_count = len(manifest) - len(fresh)
    if expired_count:
        parsed.other_objects["event_expired"] += expired_count
    for reason in record.get("failed_events", {}).values():
        parsed.other_objects[f"event_failed_{reason}"] += 1
    return parsed


def _read_manifest(version: LandedVersion, delivered: DeliveredFeeds) -> dict[str, Any]:
    name = f"{version.name}/{MANIFEST}"
    manifest = load_json(name, decode(name, delivered.read_file(version, MANIFEST)))
    if not isinstance(manifest, dict):
        raise VersionRefusedError("unreadable", f"{name} is no MISP manifest")
    return manifest
