"""The raw entries of a feed's files: decompressed, decoded, split; nothing is judged here."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import zstandard

from stillwatch.feeds.parsed import VersionRefusedError
from stillwatch.feeds.registry import ParserHints

MAX_BYTES = 256 * 1024 * 1024  # of one file, after decompression: far above any feed we know
_MAX_LINE = 4096
_HTML_STARTS = ("<!doctype html", "<html", "<head", "<body", "<script")


def decompress(name: str, content: bytes) -> bytes:
    """Return a landed file's content without its gzip or Zstandard wrapping."""
    try:
        if name.endswith(".gz"):
            with gzip.open(io.BytesIO(content)) as stream:
                plain = stream.read(MAX_BYTES + 1)
        elif name.endswith(".zst"):
            with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content)) as reader:
                plain = reader.read(MAX_BYTES + 1)
        else:
            plain = content
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise VersionRefusedError("unreadable", f"{name}: {error}") from error
    if len(plain) > MAX_BYTES:
        raise VersionRefusedError("too_large", f"{name} has more than {MAX_BYTES} bytes")
    return plain


def decode(name: str, content: bytes) -> str:
    """Return a file's text; a web page in place of data and other encodings are refused."""
    try:
        text = decompress(name, content).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise VersionRefusedError("unreadable", f"{name} is not UTF-8: {error}") from error
    if is_html(text[:2048]):
        raise VersionRefusedError("html_page", f"{name} is a web page, not data (a login page?)")
    return text


def is_html(text: str) -> bool:
    """Return whether a text begins like a web page.

    >>> is_html("  <!DOCTYPE html><title>Log in</title>"), is_html("1.2.3.0/24")
    (True, False)
    """
    start = text.lstrip("\ufeff \t\r\n").lower()
    return start.startswith(_HTML_STARTS)


def read_entries(files: Mapping[str, bytes], hints: ParserHints) -> Iterator[str]:
    """Yield the entries of all files in the order of their names, stripped, blank ones left out."""
    for entry, _ in read_labelled_entries(files, hints):
        yield entry


def read_labelled_entries(
    files: Mapping[str, bytes], hints: ParserHints
) -> Iterator[tuple[str, str]]:
    """Yield each entry with the text of its `labels_column`, which is empty where there is none."""
    for name in sorted(files):
        text = decode(name, files[name])
        match _get_format(name, hints):
            case "json":
                yield from _read_json(name, text, hints)
            case "csv":
                yield from _read_csv(name, text, hints)
            case _:
                for entry in _read_lines(text, hints):
                    yield entry, ""


def read_first_row(name: str, text: str, delimiter: str) -> list[str]:
    """Return the cells of a CSV file's first row, none if it is empty; broken CSV is refused."""
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error as error:
        raise VersionRefusedError("unreadable", f"{name}: line 1: {error}") from error


def load_json(name: str, text: str) -> Any:
    """Return a JSON document; one that is broken or nested too deeply is refused."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise VersionRefusedError("unreadable", f"{name} is not JSON: {error}") from error


def _get_format(name: str, hints: ParserHints) -> str:
    if hints.format != "auto":
        return hints.format
    stem = name.removesuffix(".gz").removesuffix(".zst")
    if stem.endswith(".json"):
        return "json"
    return "csv" if stem.endswith(".csv") else "text"


def _read_lines(text: str, hints: ParserHints) -> Iterator[str]:
    for line in text.splitlines():
        entry = (line.split(hints.comment, 1)[0] if hints.comment else line).strip()
        if entry:
            yield entry[:_MAX_LINE]


def _read_csv(name: str, text: str, hints: ParserHints) -> Iterator[tuple[str, str]]:
    rows = csv.reader(
        io.StringIO(text, newline=""), delimiter=hints.delimiter, skipinitialspace=True
    )
    columns = (hints.column, hints.labels_column)
    place, labels_place = (column if isinstance(column, int) else None for column in columns)
    has_header = hints.has_header or any(isinstance(column, str) for column in columns)
    try:
        for row in rows:
            if not row or (hints.comment and row[0].lstrip().startswith(hints.comment)):
                continue
            if has_header:
                has_header = False
                if isinstance(hints.column, str):
                    place = _find_column(name, row, hints.column)
                if isinstance(hints.labels_column, str):
                    labels_place = _find_column(name, row, hints.labels_column)
                continue
            assert place is not None  # noqa: S101 - a name is looked up in the header above
            entry = row[place].strip() if place < len(row) else ""
            if hints.range_end_column is not None and hints.range_end_column < len(row):
                entry = f"{entry}-{row[hints.range_end_column].strip()}"
            has_labels = labels_place is not None and labels_place < len(row)
            labels = row[labels_place] if labels_place is not None and has_labels else ""
            yield entry[:_MAX_LINE] or ",".join(row)[:_MAX_LINE], labels
    except csv.Error as error:
        raise VersionRefusedError("unreadable", f"{name}: line {rows.line_num}: {error}") from error


def _find_column(name: str, header: list[str], column: str) -> int:
    names = [cell.strip() for cell in header]
    if column not in names:
        have = ", ".join(names)[:200]
        raise VersionRefusedError("unreadable", f"{name} has no column {column!r}: {have}")
    return names.index(column)


def _read_json(name: str, text: str, hints: ParserHints) -> Iterator[tuple[str, str]]:
    node = load_json(name, text)
    for key in filter(None, hints.json_path.split(".")):
        if not isinstance(node, dict) or key not in node:
            raise VersionRefusedError(
                "unreadable", f"{name} has no {hints.json_path!r} (at {key!r})"
            )
        node = node[key]
    if not isinstance(node, list):
        where = hints.json_path or "the document"
        raise VersionRefusedError("unreadable", f"{name}: {where} is not a list")
    for item in node:
        value = item.get(hints.column) if isinstance(item, dict) else item
        labels = item.get(hints.labels_column) if isinstance(item, dict) else None
        if isinstance(labels, list):
            labels = ";".join(str(label) for label in labels)
        if isinstance(value, bool) or not isinstance(value, str | int):
            value = json.dumps(item)  # counted as an invalid entry by the parser
        yield str(value).strip()[:_MAX_LINE], str(labels or "")
