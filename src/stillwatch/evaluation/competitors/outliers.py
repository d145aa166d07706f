"""Unsupervised outlier detectors on account features: isolation forest, ECOD and COPOD.

ECOD (Li et al., TKDE 2022) and COPOD (ICDM 2020) define the same score: the tails of all features
are summed as negative logarithms, once the left ones, once the right ones, once those that the
skewness points to; the largest sum counts. It is written here after the papers, as one competitor.
The pyod package computes two others under these names (it takes the largest tail within a feature),
which are competitors of their own: a score must not depend on what happens to be installed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import InputError
from stillwatch.evaluation.competitors.protocol import (
    AccountScores,
    WorldTables,
    fill_unknown,
    load_extra,
)


@dataclass(frozen=True)
class IsolationForest:
    """Scores an account by how few random cuts part it from all others (scikit-learn)."""

    name: str = "isolation forest"
    seed: int = 0
    trees: int = 200

    def score(self, world: WorldTables) -> AccountScores:
        """Return the anomaly score, higher for the stranger accounts."""
        forest = load_extra("sklearn.ensemble").IsolationForest(
            n_estimators=self.trees, random_state=self.seed
        )
        features = fill_unknown(world.features)
        return AccountScores.of(self.name, world, -forest.fit(features).score_samples(features))


@dataclass(frozen=True)
class Ecod:
    """Scores an account by its tail probabilities, feature by feature, as if independent."""

    name: str = "ECOD/COPOD"

    def score(self, world: WorldTables) -> AccountScores:
        """Return the score of the papers."""
        return AccountScores.of(self.name, world, score_ecod(fill_unknown(world.features)))


@dataclass(frozen=True)
class PyodOutliers:
    """ECOD or COPOD as the pyod package computes them."""

    model: str = "ecod"

    @property
    def name(self) -> str:
        """Name in the score table."""
        return f"{self.model.upper()} (pyod)"

    def score(self, world: WorldTables) -> AccountScores:
        """Return pyod's decision scores."""
        if self.model not in {"ecod", "copod"}:
            raise InputError(f"{self.model!r} is not run here: choose ecod or copod")
        module = load_extra(f"pyod.models.{self.model}")
        detector = getattr(module, self.model.upper())()
        detector.fit(fill_unknown(world.features))
        return AccountScores.of(self.name, world, np.asarray(detector.decision_scores_))


def score_ecod(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest of the summed left, right and skew-chosen tails, as negative logarithms.

    The skewness of a feature says which of its tails is the rare one: the left if it is negative.
    """
    left, right = get_tails(features)
    chosen = np.where(_get_skewness(features) < 0, left, right)
    sums = np.stack([left.sum(axis=1), right.sum(axis=1), chosen.sum(axis=1)])
    largest: NDArray[np.float64] = sums.max(axis=0)
    return largest


def get_tails(
    features: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return -log of the empirical P(X <= x) and P(X >= x) of every value in its column."""
    rows = len(features)
    left, right = np.empty_like(features), np.empty_like(features)
    for number, column in enumerate(features.T):
        ordered = np.sort(column)
        left[:, number] = -np.log(np.searchsorted(ordered, column, side="right") / rows)
        right[:, number] = -np.log((rows - np.searchsorted(ordered, column, side="left")) / rows)
    return left, right


def _get_skewness(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sample skewness of each column, 0 where it does not vary."""
    centred = features - features.mean(axis=0)
    spread = np.sqrt((centred**2).mean(axis=0))
    third = (centred**3).mean(axis=0)
    safe = np.where(spread > 1e-12, spread, 1.0)
    skewness: NDArray[np.float64] = np.where(spread > 1e-12, third / safe**3, 0.0)
    return skewness
