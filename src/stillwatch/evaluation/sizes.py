"""How far estimates of a campaign's extraction are from the truth, as a factor."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from stillwatch.evaluation.intervals import Estimate, bootstrap_mean


@dataclass(frozen=True)
class SizeEstimate:
    """Estimated and true extraction of a found campaign (a share or a count), with its interval."""

    campaign: str
    true_value: float
    estimated_value: float | None
    low: float | None = None
    high: float | None = None

    @property
    def error_factor(self) -> float | None:
        """How many times too large or too small; 1 is exact, null where one of them is zero."""
        if not self.estimated_value or self.true_value <= 0:
            return None
        ratio = self.estimated_value / self.true_value
        return max(ratio, 1 / ratio)

    @property
    def is_within(self) -> bool | None:
        """Whether the true value lies within the estimate's interval; null without one."""
        if self.low is None or self.high is None:
            return None
        return self.low <= self.true_value <= self.high


@dataclass(frozen=True)
class SizeError:
    """Typical (geometric mean) error factor over campaigns, and how often the interval held."""

    factor: Estimate
    undefined_count: int
    within_count: int
    interval_count: int


def measure_size_error(estimates: Iterable[SizeEstimate], seed: int = 0) -> SizeError:
    """Return the size error over campaigns, each weighing the same.

    Estimates without a factor (nothing estimated, or nothing true) are counted, not averaged.
    """
    listed = list(estimates)
    factors = [each.error_factor for each in listed]
    logs = [math.log(factor) for factor in factors if factor is not None]
    mean = bootstrap_mean(logs, "campaigns", seed)
    factor = Estimate(
        _raise(mean.value),
        _raise(mean.low),
        _raise(mean.high),
        f"geometric mean, {mean.method}",
        mean.level,
    )
    held = [each.is_within for each in listed if each.is_within is not None]
    return SizeError(factor, len(factors) - len(logs), sum(held), len(held))


def _raise(logarithm: float | None) -> float | None:
    return None if logarithm is None else math.exp(logarithm)
