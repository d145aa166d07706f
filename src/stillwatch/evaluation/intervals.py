"""Figures with their intervals: exact where the count is binomial or Poisson, else a bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from stillwatch.errors import InputError

LEVEL = 0.95
REPLICATES = 400
FEWEST_WORLDS = 5  # below it the campaign is resampled, not the world


@dataclass(frozen=True)
class Estimate:
    """A figure with the bounds of its interval and how they were reached.

    A null value is undefined on these data; null bounds mean that no interval can be given.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    method: str = ""
    level: float = LEVEL


@dataclass(frozen=True)
class ResamplingPlan:
    """Which rows are drawn together: `clusters` within `strata`, both numbered per row."""

    strata: NDArray[np.int64]
    clusters: NDArray[np.int64]
    unit: str


def estimate_ratio(count: int, total: int, level: float = LEVEL) -> Estimate:
    """Return `count / total` with the exact (Clopper-Pearson) interval.

    >>> round(estimate_ratio(0, 100).high, 4)
    0.0362
    """
    if not 0 <= count <= total:
        raise InputError(f"{count} of {total} is no share: count the same rows in both numbers")
    if total == 0:
        return Estimate(None, method="no cases", level=level)
    tail = (1 - level) / 2
    low = 0.0 if count == 0 else float(stats.beta.ppf(tail, count, total - count + 1))
    high = 1.0 if count == total else float(stats.beta.ppf(1 - tail, count + 1, total - count))
    return Estimate(count / total, low, high, f"Clopper-Pearson, {count} of {total}", level)


def bound_ratio(count: int, total: int, confidence: float = LEVEL) -> float:
    """Return the one-sided exact upper bound of a share; 1 where there are no cases.

    >>> round(bound_ratio(0, 3_000_000) * 1e6, 3)
    0.999
    """
    if count >= total:
        return 1.0
    return float(stats.beta.ppf(confidence, count + 1, total - count))


def estimate_rate(events: int, exposure: float, level: float = LEVEL) -> Estimate:
    """Return `events / exposure` with the exact (Garwood) Poisson interval.

    With no event the whole error goes to the upper bound, which is then the rule of three:
    about 3 / exposure at 95 %.

    >>> round(estimate_rate(0, 3.0).high, 3)
    0.999
    """
    if exposure <= 0:
        return Estimate(None, method="no exposure", level=level)
    if events == 0:
        high = bound_rate(0, exposure, level)
        return Estimate(0.0, 0.0, high, "exact Poisson upper bound, no event", level)
    tail = (1 - level) / 2
    low = float(stats.chi2.ppf(tail, 2 * events)) / 2 / exposure
    high = float(stats.chi2.ppf(1 - tail, 2 * events + 2)) / 2 / exposure
    return Estimate(
        events / exposure,
        low,
        high,
        f"exact Poisson, {events} event{'s' if events > 1 else ''}",
        level,
    )


def bound_rate(events: int, exposure: float, confidence: float = LEVEL) -> float:
    """Return the one-sided exact upper bound of a Poisson rate."""
    return float(stats.chi2.ppf(confidence, 2 * events + 2)) / 2 / exposure


def plan_resampling(
    worlds: Sequence[str] | NDArray[np.str_], campaigns: Sequence[str] | NDArray[np.str_]
) -> ResamplingPlan:
    """Return what is drawn together, from each account's world and campaign ("" for none).

    With at least FEWEST_WORLDS worlds these are drawn whole: accounts of one seed resemble each
    other. With fewer, attackers are drawn by campaign and benign accounts one by one, which leaves
    out the spread between worlds; the unit says so.
    """
    world_names, world_number = np.unique(np.asarray(worlds, dtype=str), return_inverse=True)
    if len(world_names) >= FEWEST_WORLDS:
        strata = np.zeros(len(world_number), dtype=np.int64)
        return ResamplingPlan(strata, world_number.astype(np.int64), f"{len(world_names)} worlds")
    campaign_names, campaign_number = np.unique(
        np.asarray(campaigns, dtype=str), return_inverse=True
    )
    is_attacker = np.asarray(campaigns, dtype=str) != ""
    pair = world_number * len(campaign_names) + campaign_number
    _, clusters = np.unique(
        np.where(is_attacker, pair, -1 - np.arange(len(pair))), return_inverse=True
    )
    count = len(np.unique(clusters[is_attacker]))
    unit = f"{count} campaigns, benign accounts one by one"
    return ResamplingPlan(is_attacker.astype(np.int64), clusters.astype(np.int64), unit)


def bootstrap(
    statistic: Callable[[NDArray[np.int64]], float | None],
    plan: ResamplingPlan,
    seed: int,
    replicates: int = REPLICATES,
    level: float = LEVEL,
) -> Estimate:
    """Return a statistic of row weights with its cluster-bootstrap percentile interval.

    The bounds are null where a stratum holds a single cluster: its spread cannot be seen.
    Replicates on which the statistic is undefined are left out and counted in the method.
    """
    rows = len(plan.clusters)
    value = statistic(np.ones(rows, dtype=np.int64))
    groups = [
        np.unique(plan.clusters[plan.strata == stratum]) for stratum in np.unique(plan.strata)
    ]
    if value is None or any(len(group) < 2 for group in groups):
        reason = "undefined" if value is None else f"no interval from {plan.unit}"
        return Estimate(value, method=reason, level=level)
    dice = np.random.default_rng(seed)
    size = int(plan.clusters.max()) + 1
    values = []
    for _ in range(replicates):
        drawn = np.zeros(size, dtype=np.int64)
        for group in groups:
            drawn += np.bincount(group[dice.integers(len(group), size=len(group))], minlength=size)
        found = statistic(drawn[plan.clusters])
        if found is not None:
            values.append(found)
    method = f"bootstrap by {plan.unit}, {len(values)} replicates"
    if not values:
        return Estimate(value, method=method, level=level)
    tail = (1 - level) / 2
    low, high = (float(bound) for bound in np.quantile(values, [tail, 1 - tail]))
    return Estimate(value, low, high, method, level)


def bootstrap_mean(values: Sequence[float], unit: str, seed: int, **options: Any) -> Estimate:
    """Return the mean of one value per cluster (say, per campaign) with its bootstrap interval."""
    if not values:
        return Estimate(None, method=f"no {unit}")
    array = np.asarray(values, dtype=np.float64)
    rows = np.arange(len(array))
    plan = ResamplingPlan(np.zeros(len(array), dtype=np.int64), rows, f"{len(array)} {unit}")

    def weigh(weights: NDArray[np.int64]) -> float:
        return float(np.average(array, weights=weights))

    return bootstrap(weigh, plan, seed, **options)
