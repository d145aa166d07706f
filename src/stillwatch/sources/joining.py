"""Exchanges that a platform delivers in several records, put together before they are mapped.

The parts of one exchange may lie on lines far apart, in any order. They are looked for within a
window that is counted in records, so the outcome depends neither on where the blocks of a file
end nor on the form of the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from stillwatch.landing.lines import Batch, Line, Record, Reject, parse_lines
from stillwatch.sources.adapter import Adapter, Joined
from stillwatch.sources.chunks import split_records
from stillwatch.sources.json_parts import digest_object

WINDOW_RECORDS = 10_000  # a part further behind the first one of its exchange comes too late
_BATCH_RECORDS = 4_096


def join_blocks(
    adapter: Adapter, blocks: Iterable[list[Line] | Batch], window: int = WINDOW_RECORDS
) -> Iterator[Batch]:
    """Yield the records of the blocks, those of one exchange as one at the place of the first."""
    window_of = _Window(adapter, window)
    records: list[Record] = []
    rejects: list[Reject] = []
    blank_count = 0
    for block in blocks:
        batch = block if isinstance(block, Batch) else parse_lines(block)
        batch = split_records(batch, adapter.list_records)
        rejects += batch.rejects
        blank_count += batch.blank_count
        for record in batch.records:
            records += window_of.take(record)
            if len(records) >= _BATCH_RECORDS:
                yield Batch(records, rejects, blank_count, is_split=True)
                records, rejects, blank_count = [], [], 0
    records += window_of.close()
    yield Batch(records, rejects, blank_count, is_split=True)


class _Window:
    """Holds the records of the last while that may be parts, gathered by exchange."""

    def __init__(self, adapter: Adapter, width: int) -> None:
        self._adapter = adapter
        self._width = width
        self._held: dict[str, list[Record]] = {}  # in the order of their first parts
        self._first_seen: dict[str, int] = {}
        self._count = 0

    def take(self, record: Record) -> Iterator[Record]:
        """Take one record; yield it if it stands alone, and what need not be held any longer."""
        key = self._adapter.find_exchange(record.value)
        self._count += 1
        if key is None:
            yield record
        else:
            self._first_seen.setdefault(key, self._count)
            self._held.setdefault(key, []).append(record)
        while self._held:
            oldest = next(iter(self._held))
            if self._count - self._first_seen[oldest] < self._width:
                return
            del self._first_seen[oldest]
            yield from _join(self._held.pop(oldest))

    def close(self) -> Iterator[Record]:
        """Yield what is still held."""
        for parts in self._held.values():
            yield from _join(parts)
        self._held = {}


def _join(parts: list[Record]) -> list[Record]:
    """Return the exchange of some parts, once for each time that it was delivered.

    A part with equal content is no other part but a repeated delivery of the exchange: it comes
    out once more at the place of the repeat, to be counted as a duplicate like any other. Several
    parts that are repeated equally often are one repeat.
    """
    if len(parts) == 1:
        return parts
    distinct: list[Any] = []
    seen: Counter[bytes] = Counter()
    repeats: list[Record] = []  # the n-th stands where a part came for the (n + 1)-th time
    for part in parts:
        content = digest_object(part.value)
        seen[content] += 1
        if seen[content] == 1:
            distinct.append(part.value)
        elif seen[content] - 2 == len(repeats):
            repeats.append(part)
    value = distinct[0] if len(distinct) == 1 else Joined(parts=distinct)
    return [record._replace(value=value) for record in (parts[0], *repeats)]
