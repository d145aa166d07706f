"""Rows as text."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from stillwatch.warehouse.formats import format_csv, format_json, format_table


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "＋1", "－1", "＠x"]
)
def test_csv__text_is_never_a_formula(text: str) -> None:
    [_, [cell]] = list(csv.reader(io.StringIO(format_csv(["a"], [[text]]), newline="")))
    assert cell == f"'{text}"


def test_csv__numbers_dates_and_missing_values_stay() -> None:
    instant = datetime(2026, 11, 5, tzinfo=UTC)
    row = [-1, -1.5, Decimal("-2.50"), date(2026, 11, 5), instant, True, None]
    assert format_csv(list("abcdefg"), [row]).splitlines()[1] == (
        "-1,-1.5,-2.50,2026-11-05,2026-11-05T00:00:00+00:00,true,"
    )


def test_json__values_that_json_lacks() -> None:
    row = [Decimal("1.5"), float("nan"), date(2026, 11, 5), [date(2026, 1, 1)], {"k": None}]
    assert json.loads(format_json(list("abcde"), [row])) == [
        {"a": 1.5, "b": None, "c": "2026-11-05", "d": ["2026-01-01"], "e": {"k": None}}
    ]


def test_table__columns_are_aligned_and_numbers_right() -> None:
    assert format_table(["name", "n"], [["a", 1], ["long", 100]]).splitlines() == [
        "name    n",
        "----  ---",
        "a       1",
        "long  100",
    ]


def test_table__terminal_commands_are_not_sent_and_long_cells_are_cut() -> None:
    text = format_table(["a"], [["\x1b[2J\u202e" + "x" * 200]])
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert max(len(line) for line in text.splitlines()) == 60


def test_table__no_rows_is_a_head_only() -> None:
    assert format_table(["a", "b"], []) == "a  b\n-  -"
