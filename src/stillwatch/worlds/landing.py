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

from stillwatch.worlds.model import Delivery, Source
from stillwatch.worlds.records import Line

_STREAM = 4
_BREAKS = ("half_line", "wrong_type", "missing_account", "bad_time", "bad_utf8")


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
        return self._write(day, entries)

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
        broken = []
        for turn in range(min(self._delivery.broken_lines, len(lines))):
            line = lines[int(rng.integers(len(lines)))]
            kind = _BREAKS[turn % len(_BREAKS)]
            fresh = rng.bytes(16).hex()
            broken.append(_Entry(line.second, _damage(line, kind, fresh), broken=kind))
        return broken

    def _write(self, day: date, entries: list[_Entry]) -> list[LandedFile]:
        folder = self._root / "usage" / self._source.source_id / f"dt={day}"
        size = -(-len(entries) // self._source.files_per_day) or 1
        files = []
        for part in range(self._source.files_per_day):
            some = entries[part * size : (part + 1) * size]
            path = folder / f"part-{part:03d}.jsonl.gz"
            byte_count, digest = write_lines(path, [entry.data for entry in some])
            kinds = [entry.broken for entry in some if entry.broken]
            files.append(
                LandedFile(
                    path=str(path.relative_to(self._root)),
                    kind="usage",
                    source_id=self._source.source_id,
                    delivered_date=day,
                    line_count=len(some),
                    late_count=sum(entry.late for entry in some),
                    duplicate_count=sum(entry.duplicate for entry in some),
                    broken_count=len(kinds),
                    broken_by_kind={kind: kinds.count(kind) for kind in sorted(set(kinds))},
                    byte_count=byte_count,
                    sha256=digest,
                )
            )
        return files


def write_lines(path: Path, lines: Sequence[bytes]) -> tuple[int, str]:
    """Write lines as gzip without a time stamp; return the file's size and sha256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = b"\n".join(lines) + b"\n" if lines else b""
    packed = gzip.compress(body, compresslevel=5, mtime=0)
    path.write_bytes(packed)
    return len(packed), hashlib.sha256(packed).hexdigest()


def _damage(line: Line, kind: str, fresh: str) -> bytes:
    """Return the line as a new exchange that cannot be read; the truth never lists it."""
    row = orjson.loads(line.data)
    native = "exchange_id" in row
    row["exchange_id" if native else "requestId"] = f"msg_{fresh[:24]}" if native else fresh
    match kind:
        case "half_line":
            data = orjson.dumps(row)
            return data[: len(data) // 2]
        case "wrong_type":
            if native:
                row["input_tokens"] = "many"
            else:
                row["input"]["inputTokenCount"] = "many"
        case "missing_account":
            del row["account_id" if native else "identity"]
        case "bad_time":
            row["event_at" if native else "timestamp"] = "yesterday"
        case "bad_utf8":
            return orjson.dumps(row)[:-1] + b',"note":"\xff\xfe"}'
        case _:
            raise ValueError(f"no way to break a line called {kind!r}")
    return orjson.dumps(row)
