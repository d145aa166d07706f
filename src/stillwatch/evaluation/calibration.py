"""Whether probabilities mean what they say: reliability table, ECE and Brier score."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import InputError
from stillwatch.evaluation.intervals import Estimate, estimate_ratio

BIN_COUNT = 10


class Binning(StrEnum):
    """How probabilities are put into bins: of equal width, or of (nearly) equal count."""

    WIDTH = "equal width"
    COUNT = "equal count"


@dataclass(frozen=True)
class ReliabilityBin:
    """One bin: [low, high), the last one closed; observed is the share of attackers."""

    low: float
    high: float
    count: int
    mean_probability: float
    observed: Estimate


@dataclass(frozen=True)
class Calibration:
    """ECE under its stated binning, Brier score, and the filled bins they come from."""

    binning: str
    account_count: int
    expected_error: float | None
    brier_score: float | None
    bins: tuple[ReliabilityBin, ...]


def measure_calibration(
    probability: NDArray[np.float64],
    is_attacker: NDArray[np.bool_],
    binning: Binning = Binning.WIDTH,
    bin_count: int = BIN_COUNT,
) -> Calibration:
    """Return how the probabilities agree with what the accounts are.

    ECE is the mean distance of the mean probability and the observed share over bins, weighted by
    count. With few attackers nearly all accounts lie in the first bin and ECE is small whatever the
    others do: read the bins. Equal count never parts equal values.
    """
    if len(probability) and not ((probability >= 0) & (probability <= 1)).all():
        worst = probability[~((probability >= 0) & (probability <= 1))][0]
        raise InputError(f"{worst} is no probability: calibration needs scores within 0 and 1")
    total = len(probability)
    edges = _cut(probability, binning, bin_count)
    place = np.clip(np.searchsorted(edges, probability, side="right") - 1, 0, len(edges) - 2)
    bins = []
    for number in np.unique(place):
        inside = place == number
        count, hits = int(inside.sum()), int(is_attacker[inside].sum())
        bins.append(
            ReliabilityBin(
                low=float(edges[number]),
                high=float(edges[number + 1]),
                count=count,
                mean_probability=float(probability[inside].mean()),
                observed=estimate_ratio(hits, count),
            )
        )
    error = sum(
        each.count * abs(each.mean_probability - (each.observed.value or 0.0)) for each in bins
    )
    return Calibration(
        binning=f"{len(edges) - 1} bins of {binning.value}",
        account_count=total,
        expected_error=error / total if total else None,
        brier_score=float(np.mean((probability - is_attacker) ** 2)) if total else None,
        bins=tuple(bins),
    )


def _cut(probability: NDArray[np.float64], binning: Binning, bin_count: int) -> NDArray[np.float64]:
    match binning:
        case Binning.WIDTH:
            return np.linspace(0.0, 1.0, bin_count + 1)
        case Binning.COUNT:
            if len(probability) == 0:
                return np.array([0.0, 1.0])
            shares = np.linspace(0.0, 1.0, bin_count + 1)[1:-1]
            last = np.unique(np.quantile(probability, shares, method="inverted_cdf"))
            values = np.unique(probability)
            inner = values[np.minimum(np.searchsorted(values, last, "right"), len(values) - 1)]
            inner = np.unique(inner[(inner > 0) & (inner < 1)])
            return np.concatenate([[0.0], inner, [1.0]])
