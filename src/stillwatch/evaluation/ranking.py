"""How well scores rank accounts: average precision, and recall at a rate of false positives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import InputError
from stillwatch.evaluation.intervals import (
    Estimate,
    bootstrap,
    bound_ratio,
    estimate_ratio,
    plan_resampling,
)
from stillwatch.evaluation.tables import Accounts

RATES_PER_MILLION = (10.0, 100.0, 1000.0)


@dataclass(frozen=True)
class RecallAtRate:
    """Recall where at most `rate_per_million` benign accounts in a million are flagged.

    `recall` is at the lowest threshold that keeps to the rate on these accounts. Where they are too
    few to allow a single false positive, it is not resolvable: the recall at no false positive is
    given instead, and `false_positive_rate` says how little that proves. `proven_recall` is at the
    lowest threshold whose one-sided 95 % bound keeps to the rate, null if there is none; the
    threshold is chosen on the same accounts, so it leans to the favourable side.
    """

    rate_per_million: float
    benign_count: int
    allowed_false_positives: int
    false_positives: int
    threshold: float | None
    is_resolvable: bool
    recall: Estimate
    false_positive_rate: Estimate
    proven_recall: float | None

    @property
    def statement(self) -> str:
        """Return in words what these accounts can show."""
        if self.is_resolvable:
            return f"{self.false_positives} of {self.benign_count:,} benign accounts flagged"
        needed = int(np.ceil(1e6 / self.rate_per_million))
        return (
            f"not resolvable with {self.benign_count:,} benign accounts (one false positive needs "
            f"{needed:,}): recall at none"
        )


class RankedScores:
    """Scores sorted once, so that they can be counted again under many weights.

    Equal scores share one threshold: they are flagged together or not at all.
    """

    def __init__(self, score: NDArray[np.float64], is_attacker: NDArray[np.bool_]) -> None:
        if np.isnan(score).any():
            raise InputError("a score is not a number: give -inf to rank an account last")
        self._order = np.argsort(-score, kind="stable")
        ranked = score[self._order]
        self._ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
        self._ends = self._ends[: 0 if len(ranked) == 0 else None]
        self._is_attacker = is_attacker[self._order]
        self.thresholds = ranked[self._ends]

    def count(
        self, weights: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return true and false positives at each threshold, from the highest down."""
        weight = np.ones(len(self._order), np.int64) if weights is None else weights[self._order]
        found = np.cumsum(np.where(self._is_attacker, weight, 0))[self._ends]
        wrong = np.cumsum(np.where(self._is_attacker, 0, weight))[self._ends]
        return found, wrong


def get_average_precision(found: NDArray[np.int64], wrong: NDArray[np.int64]) -> float | None:
    """Return the mean precision over recall steps, or null without attackers."""
    if len(found) == 0 or found[-1] == 0:
        return None
    gained = np.diff(found, prepend=0)
    flagged = np.maximum(found + wrong, 1)
    return float(np.sum(gained * (found / flagged)) / found[-1])


def get_recall(
    found: NDArray[np.int64], wrong: NDArray[np.int64], allowed: float
) -> tuple[float | None, int | None]:
    """Return the recall with at most `allowed` false positives, and the number of its threshold.

    The number is null where even the highest threshold flags too many: then nothing is flagged.
    """
    if len(found) == 0 or found[-1] == 0:
        return None, None
    place = int(np.searchsorted(wrong, allowed, side="right")) - 1
    if place < 0:
        return 0.0, None
    return float(found[place] / found[-1]), place


def measure_average_precision(accounts: Accounts, seed: int = 0) -> Estimate:
    """Return the average precision over accounts, with its interval."""
    ranked = RankedScores(accounts.score, accounts.is_attacker)
    plan = plan_resampling(accounts.world, accounts.campaign)
    return bootstrap(lambda weights: get_average_precision(*ranked.count(weights)), plan, seed)


def measure_recall_at_rate(
    accounts: Accounts, rate_per_million: float, seed: int = 0
) -> RecallAtRate:
    """Return the recall at a rate of false positives, and what these accounts can prove of it."""
    ranked = RankedScores(accounts.score, accounts.is_attacker)
    found, wrong = ranked.count()
    benign_count = int((~accounts.is_attacker).sum())
    rate = rate_per_million / 1e6
    allowed = int(np.floor(rate * benign_count + 1e-9))
    is_resolvable = allowed >= 1

    def measure(weights: NDArray[np.int64]) -> float | None:
        hits, errors = ranked.count(weights)
        limit = rate * int(errors[-1]) + 1e-9 if is_resolvable else 0.0
        return get_recall(hits, errors, np.floor(limit))[0]

    plan = plan_resampling(accounts.world, accounts.campaign)
    _, place = get_recall(found, wrong, allowed)
    false_positives = 0 if place is None else int(wrong[place])
    return RecallAtRate(
        rate_per_million=rate_per_million,
        benign_count=benign_count,
        allowed_false_positives=allowed,
        false_positives=false_positives,
        threshold=None if place is None else float(ranked.thresholds[place]),
        is_resolvable=is_resolvable,
        recall=bootstrap(measure, plan, seed),
        false_positive_rate=estimate_ratio(false_positives, benign_count),
        proven_recall=_prove_recall(found, wrong, benign_count, rate),
    )


def _prove_recall(
    found: NDArray[np.int64], wrong: NDArray[np.int64], benign_count: int, rate: float
) -> float | None:
    """Return the recall at the most false positives whose upper bound keeps to the rate."""
    if bound_ratio(0, benign_count) > rate:
        return None
    low, high = 0, max(int(np.floor(rate * benign_count)), 0)
    while low < high:
        middle = (low + high + 1) // 2
        if bound_ratio(middle, benign_count) <= rate:
            low = middle
        else:
            high = middle - 1
    return get_recall(found, wrong, low)[0]


def trace_recall(accounts: Accounts) -> list[tuple[float, float]]:
    """Return the corners of recall over false positives per million: (rate, recall), rising.

    Only the best recall of each rate is kept. The first point is at no false positive; rates below
    one in the number of benign accounts cannot be told apart from it.
    """
    found, wrong = RankedScores(accounts.score, accounts.is_attacker).count()
    if len(found) == 0 or found[-1] == 0 or wrong[-1] == 0:
        return []
    points: dict[float, float] = {0.0: 0.0}
    for hits, errors in zip(found, wrong, strict=True):
        points[float(errors / wrong[-1] * 1e6)] = float(hits / found[-1])
    return sorted(points.items())
