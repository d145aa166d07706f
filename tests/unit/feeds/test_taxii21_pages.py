"""Paging against model servers: every kind that the specification allows, and the worst."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.feeds.download import PullFailedError
from stillwatch.feeds.registry import TaxiiHints
from stillwatch.feeds.taxii21_pages import (
    Page,
    Query,
    format_date_added,
    make_object_key,
    parse_date_added,
    read_pages,
)

T0 = datetime(2026, 8, 1, tzinfo=UTC)


class ModelServer:
    """Objects with their dates of addition, given out in pages by date or by `next`."""

    def __init__(self, dates: list[int], page_size: int, has_next: bool = False) -> None:
        self.rows = [
            (T0 + timedelta(milliseconds=date), {"id": f"indicator--{n}", "modified": "x"})
            for n, date in sorted(enumerate(dates), key=lambda row: row[1])
        ]
        self.page_size = page_size
        self.has_next = has_next
        self.queries: list[Query] = []
        self.before_page: Callable[[int], None] = lambda number: None

    def __call__(self, query: Query) -> Page:
        self.before_page(len(self.queries))
        self.queries.append(query)
        after = parse_date_added(query.added_after)
        rows = [row for row in self.rows if after is None or row[0] > after]
        size = min(query.limit, self.page_size)
        start = int(query.next or 0)
        page = rows[start : start + size]
        more = start + size < len(rows)
        return Page(
            content=b"",
            objects=[item for _, item in page],
            more=more,
            next=str(start + size) if more and self.has_next else None,
            date_added_first=format_date_added(page[0][0]) if page else None,
            date_added_last=format_date_added(page[-1][0]) if page else None,
        )


def _hints(**fields: Any) -> TaxiiHints:
    return TaxiiHints(collection="c", **fields)


def _read(server: Callable[[Query], Page], after: str | None = None, **fields: Any) -> list[str]:
    return [item["id"] for item in read_pages(server, _hints(**fields), after).list_objects()]


@settings(max_examples=200, deadline=None)
@given(
    dates=st.lists(st.integers(0, 40), max_size=60),
    page_size=st.integers(1, 30),
    has_next=st.booleans(),
)
def test_read_pages__every_object_comes_whatever_the_dates(dates, page_size, has_next):
    server = ModelServer(dates, 1000, has_next)
    found = read_pages(server, _hints(page_size=page_size), None)
    keys = {make_object_key(item) for item in found.list_objects()}
    assert len(keys) == len(dates)
    assert found.object_count - found.duplicate_count == len(dates)
    last = T0 + timedelta(milliseconds=max(dates, default=0))
    assert found.cursor == (format_date_added(last) if dates else None)


@pytest.mark.fault(39)
def test_read_pages__a_thousand_objects_of_one_date_come_through():
    server = ModelServer([7] * 1000, 10_000)
    assert len(set(_read(server, page_size=100))) == 1000
    assert [query.limit for query in server.queries] == [100, 100, 200, 400, 800, 1600]


@pytest.mark.fault(39)
def test_read_pages__one_date_beyond_the_servers_page_is_said_not_lost():
    server = ModelServer([7] * 1000, 100)
    with pytest.raises(PullFailedError, match="no_progress: more than 100 objects were added at"):
        _read(server, page_size=100)
    assert len(server.queries) == 3


def test_read_pages__next_comes_with_the_filters_of_its_first_question():
    server = ModelServer(list(range(10)), 3, has_next=True)
    after = format_date_added(T0 + timedelta(milliseconds=2))
    assert len(_read(server, after, page_size=3)) == 7
    assert {query.added_after for query in server.queries} == {after}
    assert [query.next for query in server.queries] == [None, "3", "6"]


def test_read_pages__without_next_a_later_date_is_asked_for():
    server = ModelServer(list(range(0, 10)), 4)
    assert len(set(_read(server, page_size=4))) == 10
    assert all(query.next is None for query in server.queries)
    dates = [parse_date_added(query.added_after) for query in server.queries[1:]]
    assert dates == sorted(set(dates))


@pytest.mark.fault(39)
def test_read_pages__more_without_next_or_date_is_a_failure():
    page = Page(b"", [{"id": "indicator--1"}], True, None, None, None)
    with pytest.raises(PullFailedError, match="no_cursor"):
        _read(lambda query: page)


@pytest.mark.fault(39)
@pytest.mark.parametrize("counts", [False, True])
def test_read_pages__an_endless_next_that_brings_nothing_ends(counts):
    asked: list[Query] = []

    def answer(query: Query) -> Page:
        asked.append(query)
        token = str(len(asked)) if counts else "again"
        return Page(b"", [{"id": "indicator--1"}], True, token, None, None)

    with pytest.raises(PullFailedError, match="no_progress"):
        _read(answer)
    assert len(asked) <= 5


@pytest.mark.fault(39)
def test_read_pages__an_endless_next_that_brings_ever_more_ends_at_the_bounds():
    asked: list[Query] = []

    def answer(query: Query) -> Page:
        asked.append(query)
        return Page(b"", [{"id": f"indicator--{len(asked)}"}], True, "again", None, None)

    with pytest.raises(PullFailedError, match="too_many_pages"):
        _read(answer, max_pages=20)
    assert len(asked) == 20
    with pytest.raises(PullFailedError, match="too_many_objects"):
        _read(answer, max_objects=5)


@pytest.mark.fault(39)
def test_read_pages__a_page_that_is_sent_twice_is_counted_once():
    server = ModelServer(list(range(9)), 3, has_next=True)
    real = server.__call__

    def stutter(query: Query) -> Page:
        page = real(query)
        if query.next == "3":  # the server answers with the page before, once
            return Page(b"", real(Query(3)).objects, True, "3 ", None, None)
        return page

    found = read_pages(stutter, _hints(page_size=3), None)
    assert (found.object_count, found.duplicate_count) == (12, 3)
    assert len({item["id"] for item in found.list_objects()}) == 9


@pytest.mark.fault(39)
@pytest.mark.parametrize("has_next", [False, True])
def test_read_pages__an_object_that_moves_while_we_read_loses_no_other(has_next):
    server = ModelServer(list(range(12)), 4, has_next)

    def change(number: int) -> None:
        if number == 2:  # the first object is changed: it goes to the end, all others move up
            _, item = server.rows.pop(0)
            server.rows.append((T0 + timedelta(seconds=1), {**item, "modified": "y"}))

    server.before_page = change
    found = set(_read(server, page_size=4))
    moved = {f"indicator--{n}" for n in range(12)} - found
    # By date nothing is lost. A server whose `next` is a plain offset loses the one object that
    # slid over the page's edge: no client can know; the next pull of everything brings it.
    assert moved == ({"indicator--8"} if has_next else set())


def test_parse_date_added__reads_what_servers_send():
    assert parse_date_added("2026-08-01T00:00:00.123456Z") == T0 + timedelta(microseconds=123456)
    assert parse_date_added("2026-08-01T02:00:00+02:00") == T0
    assert parse_date_added("2026-08-01T00:00:00") is None
    assert parse_date_added("yesterday") is None
    assert parse_date_added(None) is None
