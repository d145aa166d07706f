from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from importlib.resources import files

import duckdb
import pytest

from stillwatch.errors import ReportError
from stillwatch.reporting import numbers
from stillwatch.reporting.numbers import (
    NumberBook,
    Query,
    bind,
    find_unit,
    read_numbers,
    recompute,
    write_numbers,
)


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> Iterator[NumberBook]:
    connection = duckdb.connect()
    connection.execute("create table sales (shop varchar, sold_count bigint, good_ratio double)")
    connection.execute("insert into sales values ('a', 3, 0.5), ('b', 4, null)")
    query = Query(
        "sales", "select * from sales where sold_count >= :least order by shop", ("shop",), {}
    )
    monkeypatch.setattr(numbers, "read_query", lambda name: query)
    yield NumberBook(connection, "snap-1", {"least": 0})
    connection.close()


def test_rows__keep_every_numeric_cell_as_a_number_with_its_sql(book: NumberBook) -> None:
    first, second = book.rows("sales")
    assert first.figure("sold_count").key == "sales/a/sold_count"
    assert first.text("shop") == "a"
    assert second.figure("good_ratio").text == "Unknown"
    number = book.numbers["sales/a/good_ratio"]
    assert (number.value, number.unit, number.snapshot_id) == (0.5, "ratio", "snap-1")
    assert ":least" not in number.sql


def test_rows__asked_twice_are_computed_once(book: NumberBook) -> None:
    first = book.rows("sales")
    book.connection.execute("update sales set good_ratio = 0.7 where shop = 'a'")
    assert book.rows("sales") == first


def test_read_number__drops_the_noise_of_summation() -> None:
    assert numbers.read_number(0.1 + 0.2 - 0.3) == 0.0
    assert numbers.read_number(0.1 + 0.2) == 0.3
    assert numbers.read_number(2**63) == 2**63


def test_rows__refuse_a_row_key_that_is_not_unique(book: NumberBook) -> None:
    book.connection.execute("insert into sales values ('a', 9, 0.1)")
    with pytest.raises(ReportError, match="sales/a/sold_count has two values"):
        book.rows("sales")


def test_row__refuses_none_and_several(book: NumberBook) -> None:
    with pytest.raises(ReportError, match="gave 2 rows"):
        book.row("sales")


def test_recompute__gives_the_numbers_again_and_shows_a_change(book: NumberBook) -> None:
    book.rows("sales")
    stored = read_numbers(write_numbers(list(book.numbers.values()), "snap-1"))
    assert {number.key: number.value for number in stored} == recompute(
        book.connection, "sales", stored[0].sql
    )
    book.connection.execute("update sales set sold_count = 5 where shop = 'a'")
    assert recompute(book.connection, "sales", stored[0].sql)["sales/a/sold_count"] == 5


def test_bind__writes_literals_that_cannot_break_out() -> None:
    query = Query("q", "select :name, :day, :count, '12:30'::varchar", (), {})
    sql = bind(query, {"name": "x'; drop table t; --", "day": date(2026, 11, 12), "count": 3})
    assert sql == "select 'x''; drop table t; --', date '2026-11-12', 3, '12:30'::varchar"


def test_bind__names_a_parameter_that_nobody_gives() -> None:
    with pytest.raises(ReportError, match="query q asks for :missing"):
        bind(Query("q", "select :missing", (), {}), {})


def test_find_unit__follows_the_column_name_unless_told() -> None:
    query = Query("q", "", (), {"odd": "number"})
    assert find_unit(query, "account_change_count") == "change"
    assert find_unit(query, "prior_log10_odds") == "log10"
    assert find_unit(query, "odd") == "number"
    assert find_unit(query, "platform") is None


def test_queries__each_says_first_what_it_answers() -> None:
    folder = files("stillwatch.reporting").joinpath("queries")
    for file in folder.iterdir():
        text = file.read_text(encoding="utf-8")
        assert text.startswith("-- "), file.name
        assert "current_date" not in text, file.name
        assert "now()" not in text, file.name
