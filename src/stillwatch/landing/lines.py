"""JSON lines, split and parsed by us, so that every line is accounted for.

Clean blocks take a fast path; a block with a suspicious line is looked at line by line. The
outcome is the same on both: a record, or a reject that says where and why, never what.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

MAX_LINE_BYTES = 8 << 20
MAX_DEPTH = 64
_BLOCK_BYTES = 4 << 20
_BOM = b"\xef\xbb\xbf"
_SPACED_COLON = re.compile(rb'"[ \t\r]+:')


class Line(NamedTuple):
    """One line as it lies in the decoded file; `data` is None if it is longer than allowed."""

    number: int  # 1-based
    offset: int  # of its first byte
    data: bytes | None


@dataclass(frozen=True)
class Reject:
    """A line that is not a usable record."""

    line_number: int
    byte_offset: int | None
    reason: str
    detail: str


class Record(NamedTuple):
    """A JSON object and where it was."""

    line_number: int
    byte_offset: int | None
    value: dict[str, Any]
    place: int | None = None  # 1-based among the records of its line, if the line holds several


@dataclass(frozen=True)
class Batch:
    """The records and rejects of one block, in line order, and how many lines were blank."""

    records: list[Record]
    rejects: list[Reject]
    blank_count: int
    is_split: bool = False  # whether each record stands for one exchange already


class TooDeep(Exception):
    """An object is nested deeper than MAX_DEPTH."""


def split_lines(pieces: Iterable[bytes]) -> Iterator[list[Line]]:
    """Yield the lines of the decoded bytes, block by block, blank ones included.

    A line feed ends a line and a carriage return before it belongs to it; the last line needs
    none. A byte order mark at the start of the file is skipped. Memory is bounded: a line of more
    than MAX_LINE_BYTES is passed over and comes out without its data.
    """
    number = 1
    offset = 0  # of the first byte of `held`
    held = bytearray()
    overlong_from: int | None = None
    position = 0
    first = True
    for piece in pieces:
        if overlong_from is not None:
            end = piece.find(b"\n")
            if end < 0:
                position += len(piece)
                continue
            yield [Line(number, overlong_from, None)]
            number += 1
            overlong_from = None
            piece = piece[end + 1 :]
            position += end + 1
            offset = position
        held += piece
        position += len(piece)
        if first and len(held) >= len(_BOM):
            first = False
            if held.startswith(_BOM):
                del held[: len(_BOM)]
                offset = len(_BOM)
        if len(held) < _BLOCK_BYTES:
            continue
        end = held.rfind(b"\n")
        if end >= 0:
            lines = _cut(bytes(held[:end]), number, offset)
            yield lines
            number += len(lines)
            offset += end + 1
            del held[: end + 1]
        if len(held) > MAX_LINE_BYTES:
            overlong_from = offset
            held.clear()
    if first and held.startswith(_BOM):
        del held[: len(_BOM)]
        offset = len(_BOM)
    if overlong_from is not None:
        yield [Line(number, overlong_from, None)]
    elif held:
        if held.endswith(b"\n"):
            del held[-1]
        yield _cut(bytes(held), number, offset)


def _cut(block: bytes, number: int, offset: int) -> list[Line]:
    lines = []
    for data in block.split(b"\n"):
        lines.append(Line(number, offset, data if len(data) <= MAX_LINE_BYTES else None))
        number += 1
        offset += len(data) + 1
    return lines


def parse_lines(lines: list[Line]) -> Batch:
    """Return the records and rejects of a block of lines."""
    records: list[Record] = []
    doubtful: list[Line] = []
    blank_count = 0
    key_count = 0
    loads = orjson.loads
    for line in lines:
        data = line.data
        if data is None:
            doubtful.append(line)
            continue
        try:
            value = loads(data)
        except orjson.JSONDecodeError:
            if data.strip():
                doubtful.append(line)
            else:
                blank_count += 1
            continue
        if type(value) is not dict:
            doubtful.append(line)
            continue
        try:
            key_count += count_keys(value)
        except TooDeep:
            doubtful.append(line)
            continue
        records.append(Record(line.number, line.offset, value))
    rejects = [_explain(line) for line in doubtful]
    if _may_repeat_keys(lines, doubtful, key_count):
        by_number = {line.number: line for line in lines}
        kept = []
        for record in records:
            if _repeats_key(by_number[record.line_number].data or b""):
                rejects.append(
                    Reject(
                        record.line_number,
                        record.byte_offset,
                        "duplicate_json_key",
                        "a key stands twice in one object, so its value is ambiguous",
                    )
                )
            else:
                kept.append(record)
        records = kept
        rejects.sort(key=lambda reject: reject.line_number)
    return Batch(records, rejects, blank_count)


def count_keys(value: dict[str, Any], depth: int = 1) -> int:
    """Return how many keys the object and everything inside it has."""
    count = len(value)
    for item in value.values():
        kind = type(item)
        if kind is dict:
            if depth >= MAX_DEPTH:
                raise TooDeep
            count += count_keys(item, depth + 1)
        elif kind is list:
            count += _count_in_list(item, depth + 1)
    return count


def _count_in_list(items: list[Any], depth: int) -> int:
    if depth > MAX_DEPTH:
        raise TooDeep
    count = 0
    for item in items:
        kind = type(item)
        if kind is dict:
            if depth >= MAX_DEPTH:
                raise TooDeep
            count += count_keys(item, depth + 1)
        elif kind is list:
            count += _count_in_list(item, depth + 1)
    return count


def _may_repeat_keys(lines: list[Line], doubtful: list[Line], key_count: int) -> bool:
    """Return whether some parsed line may hold a repeated key, from counts over the whole block.

    The parser keeps the last of two equal keys. In JSON text a quote that ends a key is followed
    by a colon, and a quote inside a string by a backslash before it. So the number of `":` without
    `\\":` is the number of keys as written, unless white space stands before a colon or a string
    ends in an escaped backslash (both looked for: then it may), or a string begins with a colon
    (which only makes the count larger, so it errs towards a closer look).
    """
    skip = {line.number for line in doubtful}
    text = b"\n".join(
        line.data for line in lines if line.data is not None and line.number not in skip
    )
    written = text.count(b'":') - text.count(b'\\":')
    return written != key_count or b'\\\\":' in text or _SPACED_COLON.search(text) is not None


def _repeats_key(data: bytes) -> bool:
    repeated = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal repeated
        if len({key for key, _ in pairs}) < len(pairs):
            repeated = True

    json.loads(data, object_pairs_hook=look)
    return repeated


def _explain(line: Line) -> Reject:
    """Return why a line is not a record."""
    reason, detail = _find_reason(line.data)
    return Reject(line.number, line.offset, reason, detail)


def _find_reason(data: bytes | None) -> tuple[str, str]:
    if data is None:
        return "too_large", f"the line is longer than {MAX_LINE_BYTES} bytes"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return "bad_utf8", f"byte {error.start + 1} of the line is not UTF-8"
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if "depth" in error.msg or "recursion" in error.msg.lower():
            return "too_deep", f"nested deeper than {MAX_DEPTH} levels"
        return "bad_json", f"not JSON from character {error.pos + 1} of the line"
    if type(value) is not dict:
        return "not_object", f"a JSON {_name_kind(value)}, not an object"
    return "too_deep", f"nested deeper than {MAX_DEPTH} levels"


def _name_kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            raise AssertionError(type(value))
