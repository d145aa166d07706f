"""Every figure of a report, with the SQL that gives it.

A named query (`queries/<name>.sql`) is bound to the report's day and campaign, run on the
published snapshot, and each numeric cell becomes one number under the key
`<query>/<row key>/<column>`. Templates print these figures and no others, and
`stillwatch report --verify` runs the same SQL again.

A query file opens with comments: what it answers, `-- key: a, b` for the columns that name a row,
and `-- unit: column=unit` where the column's name does not tell the unit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

import duckdb

from stillwatch.errors import ReportError
from stillwatch.reporting.text import clean
from stillwatch.reporting.wording import write_value

Parameter = str | int | date

_DECIMALS = 9
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)\b")
_SUFFIX_UNITS = (
    ("_change_count", "change"),
    ("_count", "count"),
    ("_tokens", "tokens"),
    ("_bytes", "bytes"),
    ("_ratio", "ratio"),
    ("_ratio_low", "ratio"),
    ("_ratio_high", "ratio"),
    ("_probability", "probability"),
    ("_days", "days"),
    ("_log10", "log10"),
    ("_log10_odds", "log10"),
    ("_log10_likelihood_ratio", "log10"),
)


@dataclass(frozen=True)
class Figure:
    """One number as it is printed, with the key under which its SQL is kept."""

    key: str
    value: float | int | None
    unit: str
    text: str


@dataclass(frozen=True)
class Query:
    """A named query: its SQL template, the columns that name a row, and units of odd columns."""

    name: str
    sql: str
    key_columns: tuple[str, ...]
    units: Mapping[str, str]


@dataclass(frozen=True)
class Number:
    """One row of `report_numbers`."""

    key: str
    value: float | int | None
    unit: str
    sql: str
    sql_sha256: str
    snapshot_id: str


@dataclass(frozen=True)
class Row:
    """One result row: numbers as figures, everything else as cleaned text, dates or truth."""

    figures: Mapping[str, Figure]
    values: Mapping[str, Any]

    def figure(self, column: str) -> Figure:
        """Return the figure of a numeric column."""
        return self.figures[column]

    def number(self, column: str) -> float | int:
        """Return the plain value of a numeric column, 0 where it is unknown (for drawing only)."""
        return self.figures[column].value or 0

    def text(self, column: str) -> str | None:
        """Return a text column, cleaned, or None where it is unknown."""
        value = self.values[column]
        return None if value is None else str(value)

    def get(self, column: str) -> Any:
        """Return a column that is neither a number nor text: a date, an instant or a truth."""
        return self.values[column]


@dataclass
class NumberBook:
    """Runs named queries on one snapshot and keeps every number they gave."""

    connection: duckdb.DuckDBPyConnection
    snapshot_id: str
    parameters: dict[str, Parameter]
    numbers: dict[str, Number] = field(default_factory=dict)
    results: dict[str, list[Row]] = field(default_factory=dict)

    def rows(self, name: str, **more: Parameter) -> list[Row]:
        """Run a named query, once for the same parameters, and return its rows."""
        query = read_query(name)
        sql = bind(query, {**self.parameters, **more})
        if sql not in self.results:
            cells = _run(self.connection, sql)
            self.results[sql] = [self._read_row(query, sql, row) for row in cells]
        return self.results[sql]

    def row(self, name: str, **more: Parameter) -> Row:
        """Run a named query that gives exactly one row."""
        rows = self.rows(name, **more)
        if len(rows) != 1:
            raise ReportError(
                f"query {name} gave {len(rows)} rows on snapshot {self.snapshot_id}, not one"
            )
        return rows[0]

    def _read_row(self, query: Query, sql: str, cells: Mapping[str, Any]) -> Row:
        figures: dict[str, Figure] = {}
        values: dict[str, Any] = {}
        for column, raw in cells.items():
            unit = find_unit(query, column)
            if unit is None:
                values[column] = _read_value(raw)
                continue
            key = write_key(query, cells, column)
            value = read_number(raw)
            figures[column] = Figure(key, value, unit, write_value(value, unit))
            number = Number(
                key, value, unit, sql, sha256(sql.encode()).hexdigest(), self.snapshot_id
            )
            if self.numbers.setdefault(key, number) != number:
                raise ReportError(f"number {key} has two values: its row key is not unique")
        return Row(figures, values)


@lru_cache(maxsize=128)
def read_query(name: str) -> Query:
    """Return a named query of the package."""
    source = files("stillwatch.reporting").joinpath("queries", f"{name}.sql")
    text = source.read_text(encoding="utf-8").strip()
    keys: tuple[str, ...] = ()
    units: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("-- key:"):
            keys = tuple(part.strip() for part in line.removeprefix("-- key:").split(","))
        elif line.startswith("-- unit:"):
            for part in line.removeprefix("-- unit:").split(","):
                column, unit = part.split("=")
                units[column.strip()] = unit.strip()
    return Query(name, text, keys, units)


def bind(query: Query, parameters: Mapping[str, Parameter]) -> str:
    """Return the query with its parameters written in as literals, ready to be run by anyone."""

    def write(match: re.Match[str]) -> str:
        name = match[1]
        if name not in parameters:
            raise ReportError(
                f"query {query.name} asks for :{name}, which the report does not give"
            )
        return _write_literal(parameters[name])

    return _PARAMETER.sub(write, query.sql)


def find_unit(query: Query, column: str) -> str | None:
    """Return the unit of a column, or None if the column is no number."""
    if column in query.units:
        return query.units[column]
    return next((unit for suffix, unit in _SUFFIX_UNITS if column.endswith(suffix)), None)


def write_key(query: Query, cells: Mapping[str, Any], column: str) -> str:
    """Return the key of one cell: query, row key, column."""
    parts = [clean(str(cells[name])) for name in query.key_columns]
    return "/".join([query.name, *parts, column])


def read_number(raw: Any) -> float | int | None:
    """Return a cell as an int, or as a float without the noise of summation; None stays None."""
    if raw is None:
        return None
    if isinstance(raw, bool):
        return int(raw)
    if isinstance(raw, int):
        return raw
    value = float(raw)
    if not math.isfinite(value):
        raise ReportError(f"a number of the report is {value}: the snapshot's mart is wrong")
    if isinstance(raw, Decimal) and raw == raw.to_integral_value() and raw.as_tuple().exponent == 0:
        return int(raw)
    return float(f"{round(value, _DECIMALS):.12g}")


def recompute(connection: duckdb.DuckDBPyConnection, name: str, sql: str) -> dict[str, Any]:
    """Run one stored SQL text again and return its numbers by key."""
    query = read_query(name)
    return {
        write_key(query, cells, column): read_number(raw)
        for cells in _run(connection, sql)
        for column, raw in cells.items()
        if find_unit(query, column) is not None
    }


def write_numbers(numbers: Sequence[Number], snapshot_id: str) -> dict[str, Any]:
    """Return `report_numbers` as JSON: each SQL text once, each number with its SQL's hash."""
    queries = {number.sql_sha256: number for number in numbers}
    return {
        "snapshot_id": snapshot_id,
        "queries": [
            {"name": number.key.split("/")[0], "sql": number.sql, "sql_sha256": digest}
            for digest, number in sorted(queries.items())
        ],
        "numbers": [
            {"key": n.key, "value": n.value, "unit": n.unit, "sql_sha256": n.sql_sha256}
            for n in sorted(numbers, key=lambda n: n.key)
        ],
    }


def read_numbers(document: Mapping[str, Any]) -> list[Number]:
    """Return the rows that `write_numbers` wrote."""
    texts = {query["sql_sha256"]: query["sql"] for query in document["queries"]}
    snapshot_id = document["snapshot_id"]
    return [
        Number(
            item["key"],
            item["value"],
            item["unit"],
            texts[item["sql_sha256"]],
            item["sql_sha256"],
            snapshot_id,
        )
        for item in document["numbers"]
    ]


def _run(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    cursor = connection.execute(sql)
    columns = [column[0] for column in cursor.description or ()]
    return [dict(zip(columns, cells, strict=True)) for cells in cursor.fetchall()]


def _read_value(raw: Any) -> Any:
    if isinstance(raw, str):
        return clean(raw, limit=4000)
    if isinstance(raw, datetime):
        return raw.astimezone(UTC) if raw.tzinfo else raw.replace(tzinfo=UTC)
    return raw


def _write_literal(value: Parameter) -> str:
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    if isinstance(value, int):
        return str(value)
    if "\x00" in value:
        raise ReportError(f"parameter {value!r} of a report query holds a NUL character")
    return "'" + value.replace("'", "''") + "'"
