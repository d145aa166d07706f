"""Fingerprints of tables."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from stillwatch.warehouse.fingerprint import fingerprint_tables


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def fingerprint(connection: duckdb.DuckDBPyConnection, rows: str) -> str:
    connection.execute(f"create or replace table t as {rows}")
    return fingerprint_tables(connection, "main", ["t"])["t"]


def test_fingerprint__order_of_rows_and_columns_does_not_matter(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    first = fingerprint(connection, "select i as a, i * 2 as b from range(1000) as r(i)")
    again = fingerprint(
        connection, "select i * 2 as b, i as a from range(1000) as r(i) order by i desc"
    )
    assert first == again


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select 1 as a", "select 2 as a"),
        ("select 1 as a", "select 1 as b"),
        ("select 1::int as a", "select 1::bigint as a"),
        ("select null::varchar as a", "select '' as a"),
        ("select null::varchar as a", "select '-' as a"),
        ("select 'x' as a, 'yz' as b", "select 'xy' as a, 'z' as b"),
        ("select '1:x' as a, '' as b", "select '1' as a, 'x' as b"),
        ("select unnest([1, 2]) as a", "select unnest([1, 2, 2]) as a"),
        ("select unnest([1, 1, 2]) as a", "select unnest([1, 2, 2]) as a"),
        ("select 1 as a where false", "select 0 as a"),
        ("select 0.1::double as a", "select (0.1::double + 1e-16) + 1e-17 as a"),
    ],
)
def test_fingerprint__different_content_differs(
    connection: duckdb.DuckDBPyConnection, one: str, other: str
) -> None:
    assert fingerprint(connection, one) != fingerprint(connection, other)


def test_fingerprint__time_zone_of_the_session_does_not_matter(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    rows = "select timestamptz '2026-11-05 12:00:00+00' as a"
    connection.execute("set timezone = 'UTC'")
    first = fingerprint(connection, rows)
    connection.execute("set timezone = 'Asia/Tokyo'")
    assert fingerprint(connection, rows) == first
