"""Pulls a TAXII collection: what is new since the last pull, and everything now and then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from stillwatch.feeds.download import Fetcher, PullFailedError, PullLimits
from stillwatch.feeds.landed import (
    DeliveredFeeds,
    LandedVersion,
    find_missing,
    parse_version,
)
from stillwatch.feeds.parsed import VersionRefusedError
from stillwatch.feeds.registry import Feed, TaxiiHints
from stillwatch.feeds.taxii21 import find_collection, pull_objects
from stillwatch.feeds.taxii21_pages import (
    PagedObjects,
    format_date_added,
    make_object_key,
    parse_date_added,
)
from stillwatch.feeds.taxii21_state import Received, accumulate
from stillwatch.log import get_logger
from stillwatch.runs import utc_now

_LOG = get_logger(__name__)

_CLOCK_SKEW = timedelta(days=1)  # a date that a server claims from beyond is not believed


@dataclass(frozen=True)
class _Start:
    """Where a pull goes on from: everything if `added_after` is None."""

    added_after: str | None
    full_version: str | None
    cursor: str | None


def pull_taxii(
    feed: Feed,
    at: datetime,
    delivered: DeliveredFeeds,
    known: Sequence[LandedVersion],
    fetcher: Fetcher,
    limits: PullLimits,
) -> bool:
    """Land what a collection has added since the last pull; return whether there was anything.

    A pull of everything lands even if nothing is new: it says what the server still lists.
    """
    hints = feed.taxii
    if feed.url is None or hints is None:  # the registry sees to it
        raise PullFailedError("bad_entry", f"feed {feed.id} has no `url` or no `taxii`")
    newest = known[-1] if known else None
    if newest is not None and newest.known_at == at:
        return False
    collection = find_collection(fetcher.get, feed.url, hints)
    start = _find_start(feed, hints, collection, at, delivered, known)
    found = pull_objects(fetcher.get, collection, hints, start.added_after, limits.max_bytes)
    new_count = found.object_count - found.duplicate_count
    if start.added_after is not None and newest is not None:
        new_count = _count_new(found, _get_held(feed, newest, known, delivered))
        if new_count == 0:
            _LOG.info("feed %s: nothing added after %s", feed.id, start.added_after)
            return False
    files = {f"page-{n:05d}.json": page.content for n, page in enumerate(found.pages, 1)}
    record = {
        "url": feed.url,
        "status": 200,
        "collection": collection,
        "added_after": start.added_after,
        "full_version": start.full_version,
        "date_added_last": _get_cursor(feed, at, found, start),
        "page_count": len(found.pages),
        "object_count": found.object_count,
        "duplicate_count": found.duplicate_count,
        "new_count": new_count,
        "pages": [_describe(name, page) for name, page in zip(files, found.pages, strict=True)],
    }
    delivered.add_pull(feed.id, at, files, record)
    _LOG.info(
        "feed %s: %d pages, %d objects, %d repeated, %d new",
        *(feed.id, len(found.pages), found.object_count, found.duplicate_count, new_count),
    )
    return True


def _describe(name: str, page: Any) -> dict[str, Any]:
    return {
        "file": name,
        "object_count": len(page.objects),
        "more": page.more,
        "next": page.next,
        "date_added_first": page.date_added_first,
        "date_added_last": page.date_added_last,
    }


def _find_start(
    feed: Feed,
    hints: TaxiiHints,
    collection: str,
    at: datetime,
    delivered: DeliveredFeeds,
    known: Sequence[LandedVersion],
) -> _Start:
    """Return where to go on: after the last pull, or everything.

    Everything is asked for at first, when the collection or the landing folders have changed, and
    when the last pull of everything is half a time to live old.
    """
    everything = _Start(None, None, None)
    if not known:
        return everything
    record = delivered.read_pull_record(known[-1])
    base = record.get("full_version") or known[-1].name
    full_at = parse_version(str(base))
    cursor = parse_date_added(record.get("date_added_last"))
    if (
        record.get("collection") != collection
        or cursor is None
        or full_at is None
        or base not in {version.name for version in known}
        or find_missing(known[-1], record)
        or at - full_at > feed.ttl / 2
    ):
        return everything
    after = format_date_added(cursor - timedelta(seconds=hints.overlap_seconds))
    return _Start(after, str(base), record.get("date_added_last"))


def _get_cursor(feed: Feed, at: datetime, found: PagedObjects, start: _Start) -> str | None:
    """Return the date to go on from next time; None, and so everything, if it is beyond belief."""
    cursor = parse_date_added(found.cursor)
    if cursor is None:
        return start.cursor
    if cursor > max(at, utc_now()) + _CLOCK_SKEW:
        _LOG.warning("feed %s: objects added in the future (%s)", feed.id, found.cursor)
        return None
    earlier = parse_date_added(start.cursor)
    return start.cursor if earlier is not None and earlier > cursor else found.cursor


def _get_held(
    feed: Feed, newest: LandedVersion, known: Sequence[LandedVersion], delivered: DeliveredFeeds
) -> dict[tuple[str, str], Received]:
    try:
        return accumulate(feed, newest, known, delivered)
    except VersionRefusedError as error:
        _LOG.warning("feed %s: what has landed cannot be read: %s", feed.id, error)
        return {}


def _count_new(found: PagedObjects, held: dict[tuple[str, str], Received]) -> int:
    """Return how many objects are not held, or are held with another content."""
    latest = {make_object_key(item): item for item in found.list_objects()}
    return sum(1 for key, item in latest.items() if key not in held or held[key].item != item)
