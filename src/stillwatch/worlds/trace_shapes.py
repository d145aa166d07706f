"""Measures of traffic: how uneven, how concentrated, how much of a prompt was seen before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stillwatch.importers.mooncake import PrefixReader

Floats = npt.NDArray[np.float64]

_MIN_GAPS = 10  # a CV of fewer gaps says nothing


@dataclass(frozen=True)
class PrefixShape:
    """What the block hashes of a trace say about its conversations."""

    shared_ratios: list[float]  # per request: blocks seen before, the first left out
    outcome_shares: tuple[float, float, float]  # begins, continues, shares a part
    turns: list[int]  # per conversation
    gap_seconds: list[float]  # between requests of one conversation


def count_per_bin(times: Floats, seconds: float) -> Floats:
    """Return how many times fall into each bin, the last (cut off) bin left out.

    >>> count_per_bin(np.array([0.0, 1.0, 2.5, 4.1]), 2.0).tolist()
    [2.0, 1.0]
    """
    bins = ((times - times.min()) // seconds).astype(np.int64)
    return np.bincount(bins).astype(np.float64)[:-1]


def measure_dispersion(counts: Floats) -> float:
    """Return variance / mean of counts: 1 for a Poisson process, more if they come in bursts.

    >>> measure_dispersion(np.array([0.0, 4.0]))
    2.0
    """
    return float(counts.var() / counts.mean())


def measure_gap_cvs(times: Floats, seconds: float) -> list[float]:
    """Return the CV of the gaps between sorted times, bin by bin."""
    bins = ((times - times[0]) // seconds).astype(np.int64)
    cvs = []
    for number in np.unique(bins):
        gaps = np.diff(times[bins == number])
        if len(gaps) >= _MIN_GAPS and gaps.mean() > 0:
            cvs.append(float(gaps.std() / gaps.mean()))
    return cvs


def measure_top_shares(totals: Sequence[float], ranks: Sequence[int]) -> tuple[float, ...]:
    """Return the share of all requests that the busiest clients make, by how many of them.

    >>> measure_top_shares([1.0, 6.0, 3.0], (1, 2))
    (0.6, 0.9)
    """
    ordered = np.sort(np.asarray(totals, dtype=np.float64))[::-1]
    return tuple(float(ordered[:rank].sum() / ordered.sum()) for rank in ranks)


def measure_prefixes(requests: Sequence[tuple[float, Sequence[int]]]) -> PrefixShape:
    """Return the shape of requests given as second and blocks, in order of time."""
    reader = PrefixReader()
    ratios: list[float] = []
    outcomes = [0, 0, 0]
    moments: dict[int, list[float]] = defaultdict(list)
    for second, blocks in requests:
        reuse = reader.add(blocks)
        ratios.append(max(reuse.shared_blocks - 1, 0) / max(len(blocks) - 1, 1))
        outcomes[1 if reuse.turn > 1 else 2 if reuse.shared_blocks > 1 else 0] += 1
        moments[reuse.session].append(second)
    gaps = [float(gap) for times in moments.values() for gap in np.diff(np.sort(times))]
    begins, continues, part = (count / len(requests) for count in outcomes)
    return PrefixShape(
        ratios, (begins, continues, part), [len(times) for times in moments.values()], gaps
    )
