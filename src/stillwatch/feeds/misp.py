"""MISP events: a feed folder (`manifest.json` and one file per event), or exported events.

An entry is one value of an attribute, or one attribute that gives none. Attributes count only if
their author meant them for detection (`to_ids`), and only while they are fresh: the feed's time to
live runs from the day an attribute was last seen, or last edited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from stillwatch.feeds.addresses import RefusedError
from stillwatch.feeds.entries import decode, load_json
from stillwatch.feeds.misp_tags import TagReading, read_tags
from stillwatch.feeds.misp_values import convert_value, split_value
from stillwatch.feeds.parsed import ParsedFeed, VersionRefusedError
from stillwatch.feeds.registry import Feed

MANIFEST = "manifest.json"
_SIDE_FILES = ("hashes.csv",)  # of a feed folder; attributes stand in the events
_END_OF_TIME = 253_402_300_800  # the year 10000, in seconds
_NOT_FOR_ALL = ("0", "1", "4")  # this organisation, this community, a sharing group

_NOT_SHOWN = frozenset({"personal_address", "shared_mail_domain", "card_number"})


@dataclass(frozen=True)
class _Context:
    """What an attribute takes over from the event, and the object, that it stands in."""

    reading: TagReading
    is_deleted: bool = False


def parse_misp(feed: Feed, files: Mapping[str, bytes], known_at: datetime) -> ParsedFeed:
    """Return the indicators of MISP events as they stood when the version became known."""
    parsed = ParsedFeed()
    manifest = _read_manifest(files)
    events = [
        event
        for name in sorted(files)
        if _get_stem(name) not in (MANIFEST, *_SIDE_FILES)
        for event in read_events(name, files[name])
    ]
    kept = _drop_superseded(parsed, events)
    if manifest is not None:
        kept = _keep_listed(parsed, kept, manifest)
    for event in kept:
        listed = (manifest or {}).get(str(event.get("uuid")))
        reading = read_tags(listed.get("Tag") if isinstance(listed, dict) else None)
        context = _Context(_read_handling(feed, event, reading))
        for attribute, inner in _list_attributes(parsed, event, context):
            _parse_attribute(parsed, feed, attribute, inner, known_at)
    return parsed


def _get_stem(name: str) -> str:
    return name.removesuffix(".gz").removesuffix(".zst")


def _read_manifest(files: Mapping[str, bytes]) -> dict[str, Any] | None:
    for name in sorted(files):
        if _get_stem(name) == MANIFEST:
            manifest = load_json(name, decode(name, files[name]))
            if not isinstance(manifest, dict):
                raise VersionRefusedError("unreadable", f"{name} is no MISP manifest")
            return manifest
    return None


def read_events(name: str, content: bytes) -> Iterator[dict[str, Any]]:
    """Yield the events of one file, whichever way it was exported."""
    document = load_json(name, decode(name, content))
    if isinstance(document, dict) and "response" in document:
        document = document["response"]
    if isinstance(document, dict) and isinstance(document.get("Attribute"), list):
        yield document  # a bare event, or the answer of an attribute search
        return
    for item in document if isinstance(document, list) else [document]:
        event = item.get("Event", item) if isinstance(item, dict) else None
        is_event = isinstance(event, dict) and event.keys() & {"Attribute", "Object", "info"}
        if event is None or not is_event:
            raise VersionRefusedError("unreadable", f"{name} holds something that is no MISP event")
        yield event


def _drop_superseded(parsed: ParsedFeed, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the newest version of each event; what stands in an older one is counted."""
    newest: dict[str, dict[str, Any]] = {}
    anonymous = []
    for event in sorted(events, key=lambda item: get_seconds(item.get("timestamp"))):
        name = event.get("uuid")
        if not isinstance(name, str):
            anonymous.append(event)
            continue
        if name in newest:
            parsed.other_objects["superseded_event"] += 1
            _refuse_all(parsed, newest[name], "superseded")
        newest[name] = event
    return [newest[name] for name in sorted(newest)] + anonymous


def _keep_listed(
    parsed: ParsedFeed, events: list[dict[str, Any]], manifest: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the events that the manifest names: it is the feed's own list of what stands."""
    kept = []
    for event in events:
        if event.get("uuid") in manifest:
            kept.append(event)
        else:
            parsed.other_objects["event_not_in_manifest"] += 1
            _refuse_all(parsed, event, "not_in_manifest")
    missing = len(manifest) - len(kept)
    if missing:
        parsed.other_objects["event_missing"] += missing
    return kept


def _refuse_all(parsed: ParsedFeed, event: dict[str, Any], reason: str) -> None:
    for attribute, _ in _list_attributes(parsed, event, _Context(TagReading())):
        parsed.refuse(reason, _name(attribute))


def _list_attributes(
    parsed: ParsedFeed, event: dict[str, Any], context: _Context
) -> Iterator[tuple[object, _Context]]:
    for attribute in _get_list(event, "Attribute"):
        yield attribute, context
    for item in _get_list(event, "Object"):
        if not isinstance(item, dict):
            parsed.refuse("malformed", f"object in event {event.get('uuid')}")
            continue
        inner = replace(context, is_deleted=_is_true(item.get("deleted")))
        for attribute in _get_list(item, "Attribute"):
            yield attribute, inner
    for proposal in _get_list(event, "ShadowAttribute"):
        parsed.refuse("proposal", _name(proposal))  # somebody's wish, not the author's word


def _read_handling(feed: Feed, holder: dict[str, Any], outer: TagReading) -> TagReading:
    reading = outer.combine(read_tags(holder.get("Tag")))
    is_narrow = str(holder.get("distribution", "")) in _NOT_FOR_ALL
    if is_narrow and feed.parser.honours_distribution:
        reading = reading.combine(TagReading(permitted_use="internal"))
    return reading


def _parse_attribute(
    parsed: ParsedFeed, feed: Feed, attribute: object, context: _Context, known_at: datetime
) -> None:
    name = _name(attribute)
    kind = attribute.get("type") if isinstance(attribute, dict) else None
    value = attribute.get("value") if isinstance(attribute, dict) else None
    if not isinstance(attribute, dict) or not isinstance(kind, str):
        parsed.refuse("malformed", name)
        return
    try:
        reading = _read_handling(feed, attribute, context.reading)
        valid_from, valid_until = _read_validity(feed, attribute, known_at)
        _check(attribute, reading, context, valid_until, known_at)
        values = split_value(kind, value)
    except RefusedError as error:
        parsed.refuse(error.reason, name)
        return
    excluded = {entry.value for entry in feed.exclude}
    for part_kind, part in values:
        try:
            found = convert_value(feed, attribute, part_kind, part.strip())
        except RefusedError as error:
            parsed.refuse(error.reason, name if error.reason in _NOT_SHOWN else f"{kind}: {part}")
            continue
        if found.value in excluded:
            parsed.refuse("excluded", part)
            continue
        indicator = replace(
            found,
            labels=feed.labels,
            confidence=reading.confidence,
            valid_from=valid_from,
            valid_until=valid_until,
            marking=reading.marking,
            permitted_use=reading.permitted_use,
            source_reliability=reading.source_reliability,
            information_credibility=reading.information_credibility,
        )
        parsed.use(indicator, part)


def _check(
    attribute: dict[str, Any],
    reading: TagReading,
    context: _Context,
    valid_until: datetime,
    known_at: datetime,
) -> None:
    if context.is_deleted or _is_true(attribute.get("deleted")):
        raise RefusedError("deleted")
    if not _is_true(attribute.get("to_ids")):
        raise RefusedError("not_for_detection")
    if attribute.get("warnings"):
        raise RefusedError("warninglist")  # MISP itself says: a known false positive
    if reading.is_deceptive:
        raise RefusedError("deceptive_source")
    if valid_until <= known_at:
        raise RefusedError("expired")


def _read_validity(
    feed: Feed, attribute: dict[str, Any], known_at: datetime
) -> tuple[datetime | None, datetime]:
    """Return from when and until when an attribute counts; a time in the future is no sighting."""
    first_seen = _read_instant(attribute.get("first_seen"))
    seen = _read_instant(attribute.get("last_seen"))
    if seen is None:
        seconds = get_seconds(attribute.get("timestamp"))
        seen = datetime.fromtimestamp(seconds, UTC) if 0 < seconds < _END_OF_TIME else known_at
    elif first_seen is not None and seen < first_seen:
        raise RefusedError("malformed")
    return first_seen, min(seen, known_at) + feed.ttl


def _name(attribute: object) -> str:
    if not isinstance(attribute, dict):
        return f"a {type(attribute).__name__} in place of an attribute"
    return f"{attribute.get('type')} {attribute.get('uuid')}"


def _get_list(holder: dict[str, Any], key: str) -> list[Any]:
    value = holder.get(key)
    return value if isinstance(value, list) else []


def _is_true(value: object) -> bool:
    return value is True or value in ("1", "true", 1)


def get_seconds(value: object) -> int:
    """Return a Unix time as MISP writes it, digits in a text; 0 for anything else."""
    text = str(value)
    return int(text) if re.fullmatch(r"[0-9]{1,12}", text) else 0


def _read_instant(value: object) -> datetime | None:
    if value in (None, ""):
        return None
    try:
        instant = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise RefusedError("malformed") from error
    if instant.tzinfo is None:
        raise RefusedError("malformed")
    return instant.astimezone(UTC)
