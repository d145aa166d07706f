"""Disjoint address ranges: flattening, overlap with protected lists, the Parquet table."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from stillwatch.canonical import RANGES
from stillwatch.feeds.addresses import to_hex

Range = tuple[int, int, str]


def flatten_ranges(
    ranges: Iterable[Range], ranks: Mapping[str, float] | None = None
) -> list[Range]:
    """Return disjoint ranges that cover the same addresses: the most specific range wins.

    Most specific means covering the fewest addresses; of two equal ranges the one whose payload
    sorts first wins, so the answer does not depend on the order of the input. With `ranks`, a
    number per payload, the lowest rank wins before all that.

    >>> flatten_ranges([(0, 9, "wide"), (3, 5, "narrow")])
    [(0, 2, 'wide'), (3, 5, 'narrow'), (6, 9, 'wide')]
    >>> flatten_ranges([(0, 9, "wide"), (3, 5, "narrow")], {"wide": 0, "narrow": 1})
    [(0, 9, 'wide')]
    """
    waiting = sorted(ranges)
    flat: list[Range] = []
    active: list[tuple[float, int, str, int]] = []  # rank, size, payload, end: the least on top
    position = 0
    index = 0
    while index < len(waiting) or active:
        if not active:
            position = waiting[index][0]
        while index < len(waiting) and waiting[index][0] == position:
            start, end, payload = waiting[index]
            rank = ranks[payload] if ranks else 0
            heapq.heappush(active, (rank, end - start, payload, end))
            index += 1
        _, _, payload, end = active[0]
        upcoming = waiting[index][0] if index < len(waiting) else end + 1
        stop = min(end, upcoming - 1)
        if stop >= position:
            if flat and flat[-1][2] == payload and flat[-1][1] == position - 1:
                flat[-1] = (flat[-1][0], stop, payload)
            else:
                flat.append((position, stop, payload))
        position = stop + 1
        while active and active[0][3] < position:
            heapq.heappop(active)
    return flat


def are_disjoint(ranges: Sequence[Range]) -> bool:
    """Return whether sorted ranges never overlap."""
    return all(ranges[n][1] < ranges[n + 1][0] for n in range(len(ranges) - 1))


def find_overlap(
    ranges: Iterable[Range], protected: Sequence[tuple[int, int]]
) -> tuple[Range, int] | None:
    """Return the first range that covers a protected address, with that address; or None.

    `protected` is sorted and disjoint.
    """
    ends = [end for _, end in protected]
    for item in ranges:
        index = bisect_left(ends, item[0])
        if index < len(protected) and protected[index][0] <= item[1]:
            return item, max(item[0], protected[index][0])
    return None


def make_range_table(
    feed_id: str, range_kind: str, ranges: Sequence[Range], labels: Sequence[str], keyed: bool
) -> pa.Table:
    """Return ranges in the schema `canonical.RANGES`; a keyed payload is an indicator's key."""
    count = len(ranges)
    return pa.Table.from_arrays(
        [
            pa.repeat(pa.scalar(feed_id, pa.string()), count),
            pa.repeat(pa.scalar(range_kind, pa.string()), count),
            pa.array([to_hex(start) for start, _, _ in ranges], pa.string()),
            pa.array([to_hex(end) for _, end, _ in ranges], pa.string()),
            pa.array([payload for _, _, payload in ranges], pa.string())
            if keyed
            else pa.nulls(count, pa.string()),
            pa.array(labels, pa.string()),
        ],
        schema=RANGES,
    )
