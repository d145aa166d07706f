"""Reading published files, plain or compressed, with the place of every problem."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import zstandard

from stillwatch.errors import InputError

_MAX_LINE_CHARS = 64 << 20


class BadValue(Exception):
    """One record cannot be read; the message names file, line and column."""


@dataclass(frozen=True)
class Row:
    """One row of a CSV file, with its place."""

    path: Path
    line: int
    cells: dict[str, str]

    def read_text(self, column: str) -> str:
        """Return the cell without surrounding blanks; it may be empty."""
        return self.cells[column].strip()

    def read_count(self, column: str) -> int:
        """Return a whole number from zero on; `12.0` counts as 12."""
        value = self.read_number(column)
        if value < 0 or not value.is_integer():
            raise self.complain(column, "a whole number from zero on")
        return int(value)

    def read_number(self, column: str) -> float:
        """Return a finite number."""
        try:
            value = float(self.cells[column])
        except ValueError:
            raise self.complain(column, "a number") from None
        if not math.isfinite(value):
            raise self.complain(column, "a finite number")
        return value

    def complain(self, column: str, expected: str) -> BadValue:
        """Return the error that says where this cell is and what was expected."""
        place = f"{self.path}, line {self.line}, column {column!r}"
        return BadValue(f"{place}: {self.cells[column][:40]!r} is not {expected}")


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a UTF-8 file, decompressing `.gz` and `.zst`; damage is an InputError."""
    try:
        with path.open("rb") as raw:
            match path.suffix:
                case ".gz":
                    stream: Any = gzip.GzipFile(fileobj=raw)
                case ".zst":
                    stream = zstandard.ZstdDecompressor().stream_reader(raw)
                case _:
                    stream = raw
            with io.TextIOWrapper(io.BufferedReader(stream), "utf-8-sig", newline="") as text:
                yield text
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: give the path of a published file") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder: name the files in it") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error.reason} (is it compressed?)") from error
    except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        raise InputError(f"{path} is damaged or cut off ({error}): fetch it again") from error


def read_rows(path: Path, required: Sequence[str]) -> Iterator[Row | BadValue]:
    """Yield the rows of a CSV file with a header; columns are found by name, in any order."""
    with open_text(path) as text:
        reader = csv.reader(text)
        header = [name.strip() for name in next(reader, [])]
        missing = [name for name in required if name not in header]
        if missing:
            raise InputError(
                f"{path}, line 1: there is no column {', '.join(map(repr, missing))}; "
                f"found {', '.join(map(repr, header)) or 'nothing'}: is it this kind of trace?"
            )
        try:
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(header):
                    place = f"{path}, line {reader.line_num}"
                    yield BadValue(f"{place}: {len(cells)} cells under {len(header)} columns")
                    continue
                yield Row(path, reader.line_num, dict(zip(header, cells, strict=True)))
        except csv.Error as error:
            raise InputError(f"{path}, line {reader.line_num} is not CSV: {error}") from error


def read_objects(path: Path) -> Iterator[tuple[int, dict[str, Any]] | BadValue]:
    """Yield line number and object of every line of a JSON lines file."""
    with open_text(path) as text:
        number = 0
        while line := text.readline(_MAX_LINE_CHARS):
            number += 1
            if not line.strip():
                continue
            try:
                value = json.loads(line.rstrip())
            except json.JSONDecodeError as error:
                yield BadValue(f"{path}, line {number}, column {error.colno}: not JSON")
                continue
            if isinstance(value, dict):
                yield number, value
            else:
                yield BadValue(f"{path}, line {number}: not a JSON object")


def read_whole(
    value: dict[str, Any], name: str, path: Path, line: int, maximum: int = 2**31 - 1
) -> int:
    """Return a whole number of a JSON object, or raise BadValue with its place."""
    number = value.get(name)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if type(number) is not int or not 0 <= number <= maximum:
        raise BadValue(
            f"{path}, line {line}, key {name!r}: {str(number)[:40]!r} is not a whole number from 0 "
            f"to {maximum}"
        )
    return number


def find_files(paths: Sequence[Path], patterns: Sequence[str]) -> list[Path]:
    """Return the files named, and of a folder those that match, sorted; none is an InputError."""
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} does not exist: give the path of a published file")
        if path.is_dir():
            inside = sorted({each for pattern in patterns for each in path.glob(pattern)})
            if not inside:
                raise InputError(f"no {' or '.join(patterns)} in {path}: name another folder")
            found += inside
        else:
            found.append(path)
    return found
