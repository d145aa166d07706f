"""Deliveries: lines into dated, compressed files, with the untidiness of real deliveries."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.worlds.formats import WRITERS
from stillwatch.worlds.formats.writer import BYTE_BREAKS, Writer
from stillwatch.worlds.model import Delivery, FileKind, Source
from stillwatch.worlds.records import Line

_STREAM = 4
_BATCH_STREAM = 5
_BREAKS = ("half_line", "wrong_type", "missing_account", "bad_time", "bad_utf8")
_BATCH_RATIO = 0.05  # how many lines begin a batch, in formats that have them
_LONGEST_BATCH = 8
_ENDINGS: dict[FileKind, str] = {
    "jsonl": "jsonl",
    "gzip": "jsonl.gz",
    "zstd": "jsonl.zst",
    "parquet": "parquet",
}


@dataclass(frozen=True)
class LandedFile:
    """One written file with what it holds."""

    path: str
    kind: str
    source_id: str
    delivered_date: date
    line_count: int
    late_count: int = 0
    duplicate_count: int = 0
    broken_count: int = 0
    broken_by_kind: dict[str, int] = field(default_factory=dict)
    byte_count: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class _Entry:
    second: float
    data: bytes
    late: bool = False
    duplicate: bool = False
    broken: str | None = None


class Deliverer:
    """Delivers one source's lines day by day; what comes late waits here for the next day."""

    def __init__(self, root: Path, source: Source, delivery: Delivery, seed: int) -> None:
        self._root, self._source, self._delivery, self._seed = root, source, delivery, seed
        self._writer = WRITERS[source.format]
        self._waiting: list[_Entry] = []

    def deliver(
        self, day: date, number: int, lines: Sequence[Line], last: bool
    ) -> list[LandedFile]:
        """Write the day's files and return them; on the last day nothing is held back."""
        rng = np.random.default_rng([self._seed, _STREAM, number, *self._source.source_id.encode()])
        entries = [_Entry(line.second, line.data) for line in lines]
        entries, held = self._hold_back(rng, entries, last)
        entries += self._waiting
        again = self._repeat(rng, entries)
        stay = len(again) if last else (len(again) + 1) // 2
        self._waiting = held + again[stay:]
        entries += again[:stay]
        if day in self._delivery.broken_days:
            entries += self._break(rng, lines)
        entries.sort(key=lambda entry: entry.second)
        return self._write(day, number, entries)

    def _hold_back(
        self, rng: np.random.Generator, entries: list[_Entry], last: bool
    ) -> tuple[list[_Entry], list[_Entry]]:
        if last:
            return entries, []
        late = rng.random(len(entries)) < self._delivery.late_ratio
        held = [
            _Entry(entry.second, entry.data, late=True)
            for entry, is_late in zip(entries, late, strict=True)
            if is_late
        ]
        kept = [entry for entry, is_late in zip(entries, late, strict=True) if not is_late]
        return kept, held

    def _repeat(self, rng: np.random.Generator, entries: list[_Entry]) -> list[_Entry]:
        fresh = [entry for entry in entries if not (entry.late or entry.duplicate)]
        count = min(self._delivery.duplicates_per_day, len(fresh))
        picks = rng.permutation(len(fresh))[:count]
        return [
            _Entry(fresh[int(pick)].second, fresh[int(pick)].data, duplicate=True) for pick in picks
        ]

    def _break(self, rng: np.random.Generator, lines: Sequence[Line]) -> list[_Entry]:
        in_table = self._source.file_kind == "parquet"
        kinds = self._writer.typed_breaks if in_table else _BREAKS
        broken = []
        for turn in range(min(self._delivery.broken_lines, len(lines))):
            line = lines[int(rng.integers(len(lines)))]
            kind = kinds[turn % len(kinds)]
            fresh = rng.bytes(16).hex()
            data = _damage(self._writer, line, kind, fresh)
            broken.append(_Entry(line.second, data, broken=kind))
        return broken

    def _write(self, day: date, number: int, entries: list[_Entry]) -> list[LandedFile]:
        folder = self._root / "usage" / self._source.source_id / f"dt={day}"
        size = -(-len(entries) // self._source.files_per_day) or 1
        ending = _ENDINGS[self._source.file_kind]
        files = []
        for part in range(self._source.files_per_day):
            some = entries[part * size : (part + 1) * size]
            path = folder / f"part-{part:03d}.{ending}"
            line_count, byte_count, digest = self._write_file(path, number, part, some)
            kinds = [entry.broken for entry in some if entry.broken]
            files.append(
                LandedFile(
                    path=str(path.relative_to(self._root)),
                    kind="usage",
                    source_id=self._source.source_id,
                    delivered_date=day,
                    line_count=line_count,
                    late_count=sum(entry.late for entry in some),
                    duplicate_count=sum(entry.duplicate for entry in some),
                    broken_count=len(kinds),
                    broken_by_kind={kind: kinds.count(kind) for kind in sorted(set(kinds))},
                    byte_count=byte_count,
                    sha256=digest,
                )
            )
        return files

    def _write_file(
        self, path: Path, number: int, part: int, entries: list[_Entry]
    ) -> tuple[int, int, str]:
        """Write one file; return its lines (rows of a table), its size and sha256."""
        if self._source.file_kind == "parquet":
            rows = [orjson.loads(entry.data) for entry in entries]
            size, digest = write_table(path, self._writer.make_table(rows))
            return len(rows), size, digest
        rng = np.random.default_rng(
            [self._seed, _BATCH_STREAM, number, part, *self._source.source_id.encode()]
        )
        lines = _batch(self._writer, rng, entries)
        size, digest = write_lines(path, lines, self._source.file_kind)
        return len(lines), size, digest


def write_lines(path: Path, lines: Sequence[bytes], kind: FileKind = "gzip") -> tuple[int, str]:
    """Write lines, compressed without a time stamp; return the file's size and sha256."""
    body = b"\n".join(lines) + b"\n" if lines else b""
    match kind:
        case "jsonl":
            packed = body
        case "gzip":
            packed = gzip.compress(body, compresslevel=5, mtime=0)
        case "zstd":
            packed = pa.Codec("zstd", 3).compress(body, asbytes=True)
        case "parquet":
            raise ValueError(f"{path} is no file of lines")
    return _store(path, packed)


def write_table(path: Path, table: pa.Table) -> tuple[int, str]:
    """Write a table as Parquet; return the file's size and sha256."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return _store(path, sink.getvalue().to_pybytes())


def _store(path: Path, packed: bytes) -> tuple[int, str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed)
    return len(packed), hashlib.sha256(packed).hexdigest()


def _batch(writer: Writer, rng: np.random.Generator, entries: list[_Entry]) -> list[bytes]:
    """Return the lines of a file: now and then several records in one, if the format has batches.

    A record whose bytes are broken stays alone: it would take its neighbours with it.
    """
    if writer.join([]) is None:
        return [entry.data for entry in entries]
    chances = rng.random(len(entries))
    lengths = rng.integers(2, _LONGEST_BATCH + 1, len(entries)).tolist()
    lines: list[bytes] = []
    place = 0
    while place < len(entries):
        length = lengths[place] if chances[place] < _BATCH_RATIO else 1
        some = entries[place : place + length]
        if length == 1 or any(entry.broken in BYTE_BREAKS for entry in some):
            lines += [entry.data for entry in some]
        else:
            lines.append(writer.join([entry.data for entry in some]) or b"")
        place += length
    return lines


def _damage(writer: Writer, line: Line, kind: str, fresh: str) -> bytes:
    """Return the line as a new exchange that cannot be read; the truth never lists it."""
    row = orjson.loads(line.data)
    writer.rename(row, fresh)
    match kind:
        case "half_line":
            data = orjson.dumps(row)
            return data[: len(data) // 2]
        case "bad_utf8":
            return orjson.dumps(row)[:-1] + b',"note":"\xff\xfe"}'
        case _:
            writer.damage(row, kind)
            return orjson.dumps(row)
