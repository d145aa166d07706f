"""Rows as text: a table for a person, CSV for a spreadsheet, JSON for a program."""

from __future__ import annotations

import csv
import io
import json
import math
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

_CELL_WIDTH = 60
# A cell that starts so is run as a formula by spreadsheets; the last four are full-width forms.
_FORMULA_STARTS = tuple("=+-@\t\r＝＋－＠")


def format_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return an aligned table; long cells are cut and control characters shown, not sent."""
    cells = [[_show(value) for value in row] for row in rows]
    numeric = [
        all(_is_number(row[index]) for row in cells) and bool(cells)
        for index in range(len(columns))
    ]
    widths = [
        max([_width(column), *(_width(row[index]) for row in cells)])
        for index, column in enumerate(columns)
    ]
    lines = [
        "  ".join(
            _pad(cell, width, right)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in [list(columns), ["-" * width for width in widths], *cells]
    ]
    return "\n".join(lines)


def format_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return CSV in which no text cell is a formula: such cells get a leading apostrophe.

    Numbers stay as they are, so that `-1.5` is still a number. A missing value is an empty cell.
    """
    # With this line end the writer quotes cells that hold either half of it.
    lines = []
    for row in [columns, *([_neutralise(value) for value in row] for row in rows)]:
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\r\n").writerow(row)
        lines.append(buffer.getvalue().removesuffix("\r\n") + "\n")
    return "".join(lines)


def format_json(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a JSON list with one object per row; instants are ISO 8601 in UTC."""
    objects = [
        {column: _to_json(value) for column, value in zip(columns, row, strict=True)}
        for row in rows
    ]
    return json.dumps(objects, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def make_printable(text: str) -> str:
    """Return text in which control characters are shown instead of sent to a terminal."""
    return "".join(
        character if unicodedata.category(character)[0] != "C" else "�" for character in text
    )


def _show(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, datetime):
        text = value.strftime("%Y-%m-%d %H:%M:%S")
    elif isinstance(value, float):
        text = f"{value:.6g}"
    else:
        text = str(value)
    text = make_printable(text)
    return text if len(text) <= _CELL_WIDTH else text[: _CELL_WIDTH - 1] + "…"


def _is_number(cell: str) -> bool:
    try:
        float(cell or "0")
    except ValueError:
        return False
    return True


def _width(text: str) -> int:
    wide = sum(1 for character in text if unicodedata.east_asian_width(character) in "WF")
    marks = sum(1 for character in text if unicodedata.combining(character))
    return len(text) + wide - marks


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space


def _neutralise(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value


def _to_json(value: Any) -> Any:
    match value:
        case datetime() | date():
            return value.isoformat()
        case float() if not math.isfinite(value):
            return None
        case Decimal():
            return float(value)
        case list() | tuple():
            return [_to_json(item) for item in value]
        case dict():
            return {str(key): _to_json(item) for key, item in value.items()}
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)
