"""A TAXII collection as it was known at an instant: the landed pulls up to then, put together.

A pull lands only what was added since the one before. The collection of a version is therefore
made of its own pages and those of earlier versions, as far back as the feed's time to live: an
object counts until it is revoked, its own time is over, or it has not been received for that long.
A pull of everything, made twice in each time to live, receives again what the server still lists.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stillwatch.feeds.entries import decode, load_json
from stillwatch.feeds.landed import DeliveredFeeds, LandedVersion, find_missing, select_inputs
from stillwatch.feeds.parsed import ParsedFeed, VersionRefusedError
from stillwatch.feeds.registry import Feed
from stillwatch.feeds.stix21 import parse_stix21
from stillwatch.feeds.taxii21_pages import make_object_key

_Key = tuple[str, str]


@dataclass(frozen=True)
class Received:
    """An object as it was last received, and when."""

    item: Any
    at: datetime


def accumulate(
    feed: Feed, version: LandedVersion, known: Sequence[LandedVersion], delivered: DeliveredFeeds
) -> dict[_Key, Received]:
    """Return each object of the collection as of a version, by id and `modified`.

    Pulls of another collection, from before the entry was changed, do not count, nor do pulls
    that broke off while they landed: the pull after such a one asks for everything.
    """
    inputs = select_inputs(version, known, feed.ttl)
    record = delivered.read_pull_record(version)
    base = record.get("full_version")
    if base is not None and base not in {item.name for item in known}:
        raise VersionRefusedError(
            "incomplete",
            f"{version.name} goes on from the full pull {base}, which is not in landing: "
            "the next pull asks for everything",
        )
    objects: dict[_Key, Received] = {}
    for item in inputs:
        if item.name != version.name:
            earlier = delivered.read_pull_record(item)
            is_other = earlier.get("collection") != record.get("collection")
            if is_other or find_missing(item, earlier):
                continue
        for found in read_objects(item, delivered):
            objects[make_object_key(found)] = Received(found, item.known_at)
    return objects


def read_objects(version: LandedVersion, delivered: DeliveredFeeds) -> list[Any]:
    """Return the objects of all pages of one version in the order of the pages."""
    found: list[Any] = []
    for file in version.files:
        name = f"{version.name}/{file.name}"
        document = load_json(name, decode(name, delivered.read_file(version, file.name)))
        objects = document.get("objects", []) if isinstance(document, dict) else None
        if not isinstance(objects, list):
            raise VersionRefusedError("unreadable", f"{name} is no envelope of objects")
        found.extend(objects)
    return found


def parse_taxii21(
    feed: Feed, version: LandedVersion, known: Sequence[LandedVersion], delivered: DeliveredFeeds
) -> ParsedFeed:
    """Return the indicators of the collection as it was known when the version had landed."""
    try:
        objects = accumulate(feed, version, known, delivered)
        items = [_limit_validity(feed, received) for received in objects.values()]
        bundle = json.dumps({"type": "bundle", "objects": items})
    except RecursionError as error:
        raise VersionRefusedError("unreadable", "an object is nested too deeply") from error
    return parse_stix21(feed, {"collection.json": bundle.encode()}, version.known_at)


def _limit_validity(feed: Feed, received: Received) -> Any:
    """Return the object; an indicator without an end ends a time to live after it was received."""
    item = received.item
    if not isinstance(item, Mapping) or item.get("type") != "indicator":
        return item
    if item.get("valid_until") is not None:
        return item
    end = received.at + feed.ttl
    if _starts_later(item, end):
        return item
    return {**item, "valid_until": end.isoformat()}


def _starts_later(item: Mapping[str, Any], end: datetime) -> bool:
    try:
        start = datetime.fromisoformat(str(item.get("valid_from")))
    except ValueError:
        return False
    return start.tzinfo is not None and start >= end
