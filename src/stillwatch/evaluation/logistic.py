"""Weighted logistic regression on one number: Platt's scaling of evidence to probabilities."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import InputError

_STEPS = 100
_HALVINGS = 40
_TOLERANCE = 1e-10  # of the gradient, with weights that add up to 1


@dataclass(frozen=True)
class Line:
    """log2 odds = intercept + slope * bits."""

    intercept: float
    slope: float

    def predict(self, bits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of each number of bits."""
        log_odds = np.clip((self.intercept + self.slope * bits) * math.log(2.0), -700.0, 700.0)
        return np.asarray(1.0 / (1.0 + np.exp(-log_odds)), dtype=np.float64)


def fit_line(
    bits: NDArray[np.float64], is_positive: NDArray[np.bool_], weight: NDArray[np.float64]
) -> Line:
    """Return the line of the greatest weighted likelihood; weights count relative to each other.

    Targets are drawn in by one account of each side, as Platt (1999) does, so that evidence that
    parts the sides wholly does not give an infinite slope. Newton's method with halved steps (Lin,
    Lin and Weng 2007): the loss is convex. One side alone, or equal bits, is an InputError.
    """
    positives = int(is_positive.sum())
    negatives = len(bits) - positives
    if not positives or not negatives:
        raise InputError(f"{positives} attackers and {negatives} honest accounts: a fit needs both")
    if np.ptp(bits) == 0:
        raise InputError(f"all {len(bits)} accounts have {bits[0]} bits: there is no slope to fit")
    target = np.where(is_positive, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    share = weight / weight.sum()
    centre, scale = float(share @ bits), float(np.std(bits))
    inputs = np.column_stack([np.ones(len(bits)), (bits - centre) / scale])
    base = float(share @ target)
    at = np.array([math.log(base / (1 - base)), 0.0])
    for _ in range(_STEPS):
        odds = inputs @ at
        probability = 1.0 / (1.0 + np.exp(-np.clip(odds, -700.0, 700.0)))
        gradient = inputs.T @ (share * (probability - target))
        if float(np.abs(gradient).max()) < _TOLERANCE:
            break
        curvature = (inputs.T * (share * probability * (1 - probability))) @ inputs
        step = np.linalg.solve(curvature + 1e-14 * np.eye(2), gradient)
        at = _descend(inputs, target, share, at, step, gradient)
    else:
        raise InputError(
            f"no fit within {_STEPS} steps: the evidence of the accounts is degenerate"
        )
    slope = float(at[1]) / scale
    return Line((float(at[0]) - slope * centre) / math.log(2.0), slope / math.log(2.0))


def _descend(
    inputs: NDArray[np.float64],
    target: NDArray[np.float64],
    share: NDArray[np.float64],
    at: NDArray[np.float64],
    step: NDArray[np.float64],
    gradient: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the first of the step, its half, its quarter ... that lowers the loss enough."""

    def measure(place: NDArray[np.float64]) -> float:
        odds = inputs @ place
        return float(share @ (np.logaddexp(0.0, odds) - target * odds))

    here, slope = measure(at), float(gradient @ step)
    length = 1.0
    for _ in range(_HALVINGS):
        if measure(at - length * step) <= here - 1e-4 * length * slope + 1e-15:
            break
        length /= 2
    return at - length * step
