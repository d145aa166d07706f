"""Pulls a MISP feed folder: the manifest, and the events it names that are new or have changed."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from stillwatch.feeds.answers import ByteBudget, OverBudgetError, load_object
from stillwatch.feeds.download import Answer, Fetcher, PullFailedError, PullLimits
from stillwatch.feeds.landed import DeliveredFeeds, LandedVersion, find_missing, format_version
from stillwatch.feeds.misp import MANIFEST, get_seconds, read_events
from stillwatch.feeds.misp_state import (
    HeldEvent,
    get_edit_time,
    name_event_file,
    read_held,
    select_fresh,
)
from stillwatch.feeds.parsed import VersionRefusedError
from stillwatch.feeds.registry import Feed, MispHints
from stillwatch.log import get_logger

_LOG = get_logger(__name__)

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LONGEST_NAME = 80  # of a manifest's entry, where it is no UUID
_FILE_ENDINGS = (".json", ".json.gz", ".json.zst")
_ENDS_THE_PULL = ("secret_echoed", "http_429")  # whichever event it was that brought it


@dataclass(frozen=True)
class _Base:
    """The pull that this one goes on from, and those of its events that landing still holds."""

    version: LandedVersion
    record: Mapping[str, Any]
    held: Mapping[str, HeldEvent]


@dataclass
class _Received:
    """The events that a pull has fetched so far: as received, described, or failed by reason."""

    files: dict[str, bytes] = field(default_factory=dict)
    events: dict[str, HeldEvent] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Folder:
    """One feed folder during one pull: how it is asked, and for what."""

    manifest_url: str
    at: datetime
    hints: MispHints
    fetcher: Fetcher
    budget: ByteBudget


def is_folder(feed: Feed) -> bool:
    """Return whether the URL of a MISP feed leads to a feed folder, not to one file of events."""
    layout = (feed.misp or MispHints()).layout
    if layout != "auto":
        return layout == "folder"
    path = urlsplit(feed.url or "").path
    return _is_manifest(path) or not path.lower().endswith(_FILE_ENDINGS)


def pull_misp(
    feed: Feed,
    at: datetime,
    delivered: DeliveredFeeds,
    known: Sequence[LandedVersion],
    fetcher: Fetcher,
    limits: PullLimits,
) -> bool:
    """Land what has changed in a feed folder since the last pull; return whether that was anything.

    An event that cannot be read is noted by reason, and asked for again by the next pull; too many
    of them fail the pull. Half a time to live after the last version the manifest lands anyway.
    """
    if feed.url is None:  # the registry sees to it
        raise PullFailedError("bad_entry", f"feed {feed.id} has no `url`")
    newest = known[-1] if known else None
    if newest is not None and newest.known_at == at:
        return False
    base = _find_base(feed, at, known, delivered)
    held = base.held if base else {}
    manifest_url, hints = _locate_manifest(feed.url), feed.misp or MispHints()
    folder = _Folder(manifest_url, at, hints, fetcher, ByteBudget(feed.url, limits.max_bytes))
    answer = _get_manifest(folder, base)
    landed = delivered.read_file(base.version, MANIFEST) if base else None
    content = answer.content if answer.content is not None else landed or b""
    folder.budget.spend(content)
    manifest = load_object(answer.url, content)
    fresh = select_fresh(manifest, at, feed.ttl)
    received = _fetch_events(folder, fresh, held)
    is_due = newest is None or at - newest.known_at > feed.ttl / 2
    is_same = base is not None and base.version == newest and content == landed
    if is_same and not received.files and not is_due:
        _LOG.info("feed %s: no event is new or has changed", feed.id)
        return False
    events = {uuid: event for uuid, event in held.items() if uuid in fresh} | received.events
    record = {
        "url": feed.url,
        "final_url": answer.url,
        "status": answer.status,
        "etag": answer.etag or (base.record.get("etag") if base and landed == content else None),
        "base_version": base.version.name if base else None,
        "named_count": len(manifest),
        "expired_count": len(manifest) - len(fresh),
        "received_count": len(received.files),
        "withdrawn_count": len(held.keys() - manifest.keys()),
        "failed_events": received.failed,
        "events": {uuid: vars(event) for uuid, event in sorted(events.items())},
    }
    delivered.add_pull(feed.id, at, {MANIFEST: content, **received.files}, record)
    _LOG.info(
        "feed %s: %d events named, %d expired, %d received, %d withdrawn, %d failed",
        *(feed.id, len(manifest), record["expired_count"], len(received.files)),
        *(record["withdrawn_count"], len(received.failed)),
    )
    return True


def _is_manifest(path: str) -> bool:
    return path.rsplit("/", 1)[-1] == MANIFEST


def _locate_manifest(url: str) -> str:
    parts = urlsplit(url)
    if _is_manifest(parts.path) or parts.path.lower().endswith(_FILE_ENDINGS):
        return url
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{MANIFEST}"))


def _locate_event(manifest_url: str, uuid: str) -> str:
    parts = urlsplit(manifest_url)
    folder = parts.path.rsplit("/", 1)[0]
    return urlunsplit(parts._replace(path=f"{folder}/{name_event_file(uuid)}"))


def _find_base(
    feed: Feed, at: datetime, known: Sequence[LandedVersion], delivered: DeliveredFeeds
) -> _Base | None:
    """Return the newest pull of this folder that landed in full, within the time to live."""
    recent = {item.name: item for item in known if item.known_at > at - feed.ttl}
    for version in reversed(recent.values()):
        record = delivered.read_pull_record(version)
        if record.get("url") != feed.url or find_missing(version, record):
            continue
        try:
            events = read_held(record)
        except VersionRefusedError as error:
            _LOG.warning("feed %s: version %s: %s", feed.id, version.name, error)
            continue
        if events is None:
            continue
        present = {
            uuid: event
            for uuid, event in events.items()
            if event.version in recent and event.is_in(recent[event.version], uuid)
        }
        return _Base(version, record, present)
    return None


def _get_manifest(folder: _Folder, base: _Base | None) -> Answer:
    etag = base.record.get("etag") if base else None
    answer = folder.fetcher.get(folder.manifest_url, {"If-None-Match": etag} if etag else {})
    if answer.content is None and not etag:
        raise PullFailedError("http_304", f"{answer.url} answered 304 to a first question")
    return answer


def _fetch_events(
    folder: _Folder, fresh: Mapping[str, Any], held: Mapping[str, HeldEvent]
) -> _Received:
    """Return the events that the manifest dates otherwise than what is held, newest first."""
    wanted = [
        uuid
        for uuid, entry in fresh.items()
        if uuid not in held or held[uuid].timestamp != get_edit_time(entry)
    ]
    if len(wanted) > folder.hints.max_events:
        raise PullFailedError(
            "too_many_events",
            f"{folder.manifest_url}: {len(wanted)} events to fetch, more than "
            f"{folder.hints.max_events} (`misp: {{max_events}}`, or a shorter `ttl_days`)",
        )
    received = _Received()
    for uuid in sorted(wanted, key=lambda item: (-get_edit_time(fresh[item]), item)):
        try:
            content, timestamp = _fetch_event(folder, uuid)
        except OverBudgetError:
            raise
        except PullFailedError as error:
            if error.wait is not None or error.reason in _ENDS_THE_PULL:
                raise
            received.failed[uuid[:_LONGEST_NAME]] = error.reason
            _LOG.warning("%s: an event failed: %s", folder.manifest_url, error)
            _check_failures(folder, received, len(fresh), error)
            continue
        digest = hashlib.sha256(content).hexdigest()
        earlier = held.get(uuid)
        if earlier is not None and not _is_newer(earlier, digest, timestamp, fresh[uuid]):
            continue
        received.files[name_event_file(uuid)] = content
        received.events[uuid] = HeldEvent(
            format_version(folder.at), timestamp, len(content), digest
        )
    return received


def _is_newer(earlier: HeldEvent, digest: str, timestamp: int, entry: object) -> bool:
    """Return whether an answer replaces what is held; a stale copy of a cache does not."""
    if digest == earlier.sha256:
        return False
    return timestamp >= earlier.timestamp or timestamp == get_edit_time(entry)


def _fetch_event(folder: _Folder, uuid: str) -> tuple[bytes, int]:
    """Return the answer for one event and the event's own time of edit."""
    if not _UUID.fullmatch(uuid):
        raise PullFailedError(
            "bad_name", f"the manifest names {uuid[:_LONGEST_NAME]!r}, which is no UUID"
        )
    answer = folder.fetcher.get(_locate_event(folder.manifest_url, uuid))
    content = answer.content or b""
    folder.budget.spend(content)
    try:
        events = list(read_events(name_event_file(uuid), content))
    except VersionRefusedError as error:
        raise PullFailedError(error.reason, error.detail) from error
    if len(events) != 1 or events[0].get("uuid") != uuid:
        raise PullFailedError("wrong_event", f"{answer.url} holds another event than {uuid}")
    return content, get_seconds(events[0].get("timestamp"))


def _check_failures(
    folder: _Folder, received: _Received, fresh_count: int, last: PullFailedError
) -> None:
    """Raise PullFailedError once more events have failed than a pull may lose."""
    failed_count = len(received.failed)
    most = max(1, int(folder.hints.max_failed_ratio * fresh_count))
    if failed_count <= most and failed_count < fresh_count:
        return
    reasons = Counter(received.failed.values())
    listed = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
    raise PullFailedError(
        "too_many_failed",
        f"{folder.manifest_url}: {failed_count} of {fresh_count} events failed ({listed}), more "
        f"than {most} or all (`misp: {{max_failed_ratio}}`); the last: {last.detail}",
    ) from last
