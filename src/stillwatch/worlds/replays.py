"""Which reasoning artefacts are handed in again, for a whole day at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_MOST_GATHERED = 4096  # of the newest artefacts of a campaign, one is picked
_TRIES = 8


def find_last_issued(session: Ints, issued: Bools) -> Ints:
    """Return for each row the last earlier row of its session that issued an artefact, or -1.

    Rows are in order of time.

    >>> session = np.array([7, 8, 7, 7])
    >>> find_last_issued(session, np.array([True, False, False, True])).tolist()
    [-1, -1, 0, 0]
    """
    order = np.argsort(session, kind="stable")
    place = np.where(issued[order], np.arange(len(order)), -1)
    earlier = np.concatenate([[-1], np.maximum.accumulate(place)[:-1]])[: len(order)]
    same = (earlier >= 0) & (session[order][earlier] == session[order])
    last = np.full(len(order), -1, dtype=np.int64)
    last[order[same]] = order[earlier[same]]
    return last


def pick_foreign(rng: np.random.Generator, asking: Ints, issued: Ints, account: Ints) -> Ints:
    """Return for each asking row an earlier issuing row of another account, or -1.

    `issued` are the issuing rows of the campaign, `account` the account of every row of the day.
    """
    before = np.searchsorted(issued, asking)
    oldest = np.maximum(0, before - _MOST_GATHERED)
    found = np.full(len(asking), -1, dtype=np.int64)
    for _ in range(_TRIES):
        missing = np.flatnonzero((found < 0) & (before > 0))
        span = before[missing] - oldest[missing]
        pick = issued[oldest[missing] + (rng.random(len(missing)) * span).astype(np.int64)]
        is_foreign = account[pick] != account[asking[missing]]
        found[missing[is_foreign]] = pick[is_foreign]
    return found
