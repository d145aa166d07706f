"""IP-to-ASN and IP-to-country tables: hundreds of thousands of ranges, read in columns.

The files are CSV of start, end, label (the AS number or the country code) and anything after it,
IPv4 and IPv6 alike. Such a table gives ranges only, no indicators.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from stillwatch.feeds.addresses import SPECIAL_SPANS, V4_OFFSET
from stillwatch.feeds.asn_list import RESERVED_ASNS
from stillwatch.feeds.entries import decode, read_first_row
from stillwatch.feeds.parsed import ParsedFeed, VersionRefusedError
from stillwatch.feeds.ranges import flatten_ranges
from stillwatch.feeds.registry import Feed, FeedKind, ParserHints

_Words = npt.NDArray[np.uint64]
_Flags = npt.NDArray[np.bool_]
_LOW = (1 << 64) - 1
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


@dataclass(frozen=True)
class _Numbers:
    """Addresses as two 64-bit halves, and which of the texts are addresses at all."""

    high: _Words
    low: _Words
    is_valid: _Flags
    is_v4: _Flags

    def take(self, chosen: npt.NDArray[np.int64] | _Flags) -> _Numbers:
        return _Numbers(
            self.high[chosen], self.low[chosen], self.is_valid[chosen], self.is_v4[chosen]
        )


def parse_lookup_table(feed: Feed, files: Mapping[str, bytes]) -> ParsedFeed:
    """Return the disjoint ranges of an ip2asn or ip2country feed; refused rows are counted."""
    parsed = ParsedFeed()
    starts, ends, labels = _read_columns(parsed, files, feed.parser)
    clean_labels, bad_label = _check_labels(feed.kind, labels)
    start, end = _to_numbers(starts), _to_numbers(ends)
    label_reason = "invalid_asn" if feed.kind is FeedKind.IP2ASN else "invalid_country"
    checks: list[tuple[str, _Flags]] = [
        ("invalid_address", ~(start.is_valid & end.is_valid)),
        ("mixed_families", start.is_v4 != end.is_v4),
        ("end_before_start", _is_less(end, start)),
        (label_reason, bad_label),
    ]
    if feed.kind is FeedKind.IP2ASN:
        checks.append(("reserved_asn", _is_reserved_asn(clean_labels)))
    checks.append(("special_purpose", _touches_special(start, end)))
    keep = np.ones(len(labels), dtype=np.bool_)
    for reason, failed in checks:
        refused = failed & keep
        places = np.flatnonzero(refused)
        examples = [
            f"{starts[n].as_py()},{ends[n].as_py()},{labels[n].as_py()}" for n in places[:5]
        ]
        parsed.refuse_many(reason, len(places), examples)
        keep &= ~refused
    kept = pa.array(clean_labels).filter(pa.array(keep))
    _make_disjoint(parsed, start.take(keep), end.take(keep), kept)
    return parsed


def _read_columns(
    parsed: ParsedFeed, files: Mapping[str, bytes], hints: ParserHints
) -> tuple[pa.Array, pa.Array, pa.Array]:
    places = [hints.start_column, hints.end_column, hints.label_column]
    tables = []
    for name in sorted(files):
        text = decode(name, files[name])
        if text.strip():
            tables.append(_read_table(parsed, name, text, hints, max(places)))
    if not tables:
        raise VersionRefusedError("empty", "no rows")
    columns = []
    for place in places:
        chunks = [chunk for table in tables for chunk in table.column(str(place)).chunks]
        columns.append(pc.utf8_trim_whitespace(pa.concat_arrays(chunks)))
    return columns[0], columns[1], columns[2]


def _read_table(
    parsed: ParsedFeed, name: str, text: str, hints: ParserHints, last_place: int
) -> pa.Table:
    ragged: list[str] = []

    def skip_row(row: pa_csv.InvalidRow) -> str:
        ragged.append(row.text or "")
        return "skip"

    first_row = read_first_row(name, text, hints.delimiter)
    if len(first_row) <= last_place:
        raise VersionRefusedError(
            "unreadable",
            f"{name}: the first row has {len(first_row)} columns, not {last_place + 1}",
        )
    names = [str(n) for n in range(len(first_row))]
    try:
        table = pa_csv.read_csv(
            io.BytesIO(text.encode()),
            read_options=pa_csv.ReadOptions(
                column_names=names, skip_rows=int(hints.has_header), use_threads=False
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=hints.delimiter, invalid_row_handler=skip_row
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types={n: pa.string() for n in names}, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise VersionRefusedError("unreadable", f"{name} is not CSV: {error}") from error
    parsed.refuse_many("wrong_column_count", len(ragged), ragged[:5])
    return table


def _to_numbers(texts: pa.Array) -> _Numbers:
    count = len(texts)
    v6 = pc.match_substring(texts, ":")
    leading_zero = pc.match_substring_regex(texts, r"(?:^|\.)0[0-9]")  # octal to some readers
    is_v4 = ~v6.to_numpy(zero_copy_only=False)
    high, low = np.zeros(count, dtype=np.uint64), np.zeros(count, dtype=np.uint64)
    is_valid = np.ones(count, dtype=np.bool_)
    packed4, bad4 = _pack(socket.AF_INET, texts.filter(pc.invert(v6)).to_pylist())
    low[is_v4] = np.frombuffer(packed4, dtype=">u4").astype(np.uint64) + np.uint64(V4_OFFSET)
    packed6, bad6 = _pack(socket.AF_INET6, texts.filter(v6).to_pylist())
    halves = np.frombuffer(packed6, dtype=">u8").astype(np.uint64).reshape(-1, 2)
    high[~is_v4], low[~is_v4] = halves[:, 0], halves[:, 1]
    is_valid[np.flatnonzero(is_v4)[bad4]] = False
    is_valid[np.flatnonzero(~is_v4)[bad6]] = False
    is_valid &= ~(leading_zero.to_numpy(zero_copy_only=False) & is_v4)
    mapped = ~is_v4 & (high == 0) & (low >> np.uint64(32) == np.uint64(0xFFFF))
    return _Numbers(high, low, is_valid & ~mapped, is_v4)


def _pack(family: int, texts: Sequence[str]) -> tuple[bytes, list[int]]:
    pack = socket.inet_pton
    try:
        return b"".join([pack(family, text) for text in texts]), []
    except (OSError, ValueError):
        pass
    packed, bad = [], []
    for place, text in enumerate(texts):
        try:
            packed.append(pack(family, text))
        except (OSError, ValueError):
            packed.append(bytes(4 if family == socket.AF_INET else 16))
            bad.append(place)
    return b"".join(packed), bad


def _check_labels(kind: FeedKind, labels: pa.Array) -> tuple[pa.Array, _Flags]:
    if kind is FeedKind.IP2ASN:
        clean = pc.replace_substring_regex(labels, r"^(?i:as)?0*([0-9]+)$", r"\1")
        good = pc.match_substring_regex(clean, r"^[0-9]{1,10}$")
    else:
        clean = pc.utf8_upper(labels)
        good = pc.match_substring_regex(clean, r"^[A-Z]{2}$")
    return clean, ~good.to_numpy(zero_copy_only=False)


def _is_reserved_asn(labels: pa.Array) -> _Flags:
    numeric = pc.if_else(pc.match_substring_regex(labels, r"^[0-9]{1,10}$"), labels, "0")
    numbers = pc.cast(numeric, pa.uint64()).to_numpy()
    flags = np.zeros(len(numbers), dtype=np.bool_)
    for first, last in RESERVED_ASNS:
        flags |= (numbers >= first) & (numbers <= last)
    flags |= numbers > 0xFFFF_FFFF
    return flags


def _is_less(left: _Numbers, right: _Numbers) -> _Flags:
    result: _Flags = (left.high < right.high) | ((left.high == right.high) & (left.low < right.low))
    return result


def _touches_special(start: _Numbers, end: _Numbers) -> _Flags:
    flags = np.zeros(len(start.low), dtype=np.bool_)
    for first, last, _ in SPECIAL_SPANS:
        ends_before = _is_below(end, first)
        starts_after = ~_is_below(start, last + 1)
        flags |= ~(ends_before | starts_after)
    return flags


def _is_below(numbers: _Numbers, bound: int) -> _Flags:
    if bound >> 128:
        return np.ones(len(numbers.low), dtype=np.bool_)
    high, low = np.uint64(bound >> 64), np.uint64(bound & _LOW)
    result: _Flags = (numbers.high < high) | ((numbers.high == high) & (numbers.low < low))
    return result


def _make_disjoint(parsed: ParsedFeed, start: _Numbers, end: _Numbers, labels: pa.Array) -> None:
    order = np.lexsort((end.low, end.high, start.low, start.high))
    start, end, labels = start.take(order), end.take(order), labels.take(pa.array(order))
    same = np.zeros(len(order), dtype=np.bool_)
    same[1:] = (
        (start.high[1:] == start.high[:-1])
        & (start.low[1:] == start.low[:-1])
        & (end.high[1:] == end.high[:-1])
        & (end.low[1:] == end.low[:-1])
    )
    if same.any():
        same[1:] &= pc.equal(labels[1:], labels[:-1]).to_numpy(zero_copy_only=False)
        doubles = [labels[int(n)].as_py() for n in np.flatnonzero(same)[:5]]
        parsed.refuse_many("duplicate", int(same.sum()), doubles)
        start, end, labels = start.take(~same), end.take(~same), labels.filter(pa.array(~same))
    parsed.entry_count += len(labels)
    parsed.used_count = len(labels)
    count = len(labels)
    if count > 1 and not _is_less(_slice(end, 0, count - 1), _slice(start, 1, count)).all():
        flat = flatten_ranges(
            (_join(start, n), _join(end, n), label) for n, label in enumerate(labels.to_pylist())
        )
        start = _split([item[0] for item in flat])
        end = _split([item[1] for item in flat])
        labels = pa.array([item[2] for item in flat], pa.string())
    parsed.lookup = pa.table(
        {"start_hex": _to_hex(start), "end_hex": _to_hex(end), "label": labels}
    )


def _slice(numbers: _Numbers, first: int, last: int) -> _Numbers:
    return numbers.take(np.arange(first, last))


def _join(numbers: _Numbers, place: int) -> int:
    return (int(numbers.high[place]) << 64) | int(numbers.low[place])


def _split(values: Sequence[int]) -> _Numbers:
    high = np.array([value >> 64 for value in values], dtype=np.uint64)
    low = np.array([value & _LOW for value in values], dtype=np.uint64)
    flags = np.ones(len(values), dtype=np.bool_)
    return _Numbers(high, low, flags, flags)


def _to_hex(numbers: _Numbers) -> pa.Array:
    count = len(numbers.low)
    raw = np.empty((count, 2), dtype=">u8")
    raw[:, 0], raw[:, 1] = numbers.high, numbers.low
    octets = raw.view(np.uint8).reshape(count, 16)
    digits = np.empty((count, 32), dtype=np.uint8)
    digits[:, 0::2], digits[:, 1::2] = _HEX[octets >> 4], _HEX[octets & 15]
    offsets = np.arange(0, 32 * (count + 1), 32, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(digits))
