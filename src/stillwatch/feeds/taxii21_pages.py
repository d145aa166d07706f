"""Paging through a TAXII 2.1 collection: always forward, never for ever, nothing lost.

A page that says `more` is followed by its `next` with the same filters, or, where it has none, by
a new question with a later `added_after`; never by both at once. Pages are sorted by the date at
which an object was added, so that a question begins just before the last date of the page before:
objects of one date that a page boundary cuts apart come again, and are known by id and `modified`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from stillwatch.feeds.download import PullFailedError
from stillwatch.feeds.registry import TaxiiHints

_TICK = timedelta(microseconds=1)
_MOST_IDLE_PAGES = 3  # in a row that bring nothing new: an entry that moves may repeat a page
_LONGEST_NEXT = 4096
_LARGEST_PAGE = 100_000


@dataclass(frozen=True)
class Query:
    """What one page is asked for with."""

    limit: int
    added_after: str | None = None
    next: str | None = None

    def to_params(self) -> dict[str, str]:
        """Return the parameters of the URL."""
        params = {"limit": str(self.limit)}
        if self.added_after is not None:
            params["added_after"] = self.added_after
        if self.next is not None:
            params["next"] = self.next
        return params


@dataclass(frozen=True)
class Page:
    """One answer: as received, and what it says."""

    content: bytes
    objects: list[Any]
    more: bool
    next: str | None
    date_added_first: str | None
    date_added_last: str | None


@dataclass(frozen=True)
class PagedObjects:
    """All pages of one question, and how many objects they repeat."""

    pages: tuple[Page, ...]
    object_count: int
    duplicate_count: int
    cursor: str | None  # the latest date at which an object was added, None if nobody said

    def list_objects(self) -> list[Any]:
        """Return every object in the order in which it was received, duplicates included."""
        return [item for page in self.pages for item in page.objects]


def make_object_key(item: Any) -> tuple[str, str]:
    """Return what tells an object's version from others: its id and `modified`.

    >>> make_object_key({"id": "indicator--1", "modified": "2026-01-01T00:00:00Z"})
    ('indicator--1', '2026-01-01T00:00:00Z')
    """
    if isinstance(item, dict) and isinstance(item.get("id"), str):
        return item["id"], str(item.get("modified", ""))
    return "", json.dumps(item, sort_keys=True)


def parse_date_added(text: str | None) -> datetime | None:
    """Return the instant of a date that a server has sent, None if it is none."""
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return instant.astimezone(UTC) if instant.tzinfo else None


def format_date_added(instant: datetime) -> str:
    """Return an instant as TAXII writes it.

    >>> format_date_added(datetime(2026, 1, 1, tzinfo=UTC))
    '2026-01-01T00:00:00.000000Z'
    """
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read_pages(
    get_page: Callable[[Query], Page], hints: TaxiiHints, added_after: str | None
) -> PagedObjects:
    """Return all pages from `added_after` on; PullFailedError if the server does not lead on."""
    query = Query(hints.page_size, added_after)
    pages: list[Page] = []
    seen: set[tuple[str, str]] = set()
    object_count = idle_count = 0
    while True:
        page = get_page(query)
        pages.append(page)
        known_count = len(seen)
        try:
            seen.update(make_object_key(item) for item in page.objects)
        except RecursionError as error:
            raise PullFailedError("unreadable", "an object is nested too deeply") from error
        object_count += len(page.objects)
        _check_size(hints, len(seen), object_count)
        is_idle = len(seen) == known_count
        idle_count = idle_count + 1 if is_idle else 0
        if not page.more:
            break
        if len(pages) >= hints.max_pages:
            raise PullFailedError(
                "too_many_pages", f"more than {hints.max_pages} pages (`taxii: {{max_pages}}`)"
            )
        if idle_count > _MOST_IDLE_PAGES:
            raise PullFailedError("no_progress", f"{idle_count} pages in a row bring nothing new")
        query = _get_following(query, page, is_idle)
    dates = [date for page in pages if (date := parse_date_added(page.date_added_last))]
    cursor = format_date_added(max(dates)) if dates else None
    return PagedObjects(tuple(pages), object_count, object_count - len(seen), cursor)


def _check_size(hints: TaxiiHints, distinct_count: int, object_count: int) -> None:
    if distinct_count > hints.max_objects:
        raise PullFailedError(
            "too_many_objects", f"more than {hints.max_objects} objects (`taxii: {{max_objects}}`)"
        )
    # Repetitions are cheap to send: a page that grows and starts anew may double what is needed.
    if object_count > 4 * hints.max_objects + _LARGEST_PAGE:
        raise PullFailedError(
            "no_progress", f"{object_count} objects, {distinct_count} of them new"
        )


def _get_following(query: Query, page: Page, is_idle: bool) -> Query:
    if page.next is not None:
        if len(page.next) > _LONGEST_NEXT:
            raise PullFailedError("unreadable", f"`next` has {len(page.next)} characters")
        if page.next == query.next and is_idle:  # the same for every page is allowed, not for ever
            raise PullFailedError("no_progress", f"`next` stays {page.next[:80]!r}, nothing new")
        return replace(query, next=page.next)
    last = parse_date_added(page.date_added_last)
    if last is None:
        raise PullFailedError(
            "no_cursor", "a page says `more`, but has neither `next` nor X-TAXII-Date-Added-Last"
        )
    upcoming = last - _TICK
    present = parse_date_added(query.added_after)
    if present is None or upcoming > present:
        return Query(query.limit, format_date_added(upcoming))
    if len(page.objects) >= query.limit and query.limit < _LARGEST_PAGE:
        return Query(min(2 * query.limit, _LARGEST_PAGE), query.added_after)
    raise PullFailedError(
        "no_progress",
        f"more than {len(page.objects)} objects were added at {page.date_added_last}, and the "
        "server gives no more on a page and no `next`",
    )
