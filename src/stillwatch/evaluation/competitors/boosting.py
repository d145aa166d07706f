"""Gradient boosting, the only competitor that learns: always tested on a family it has not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import InputError
from stillwatch.evaluation.competitors.protocol import (
    AccountScores,
    LabelledWorld,
    WorldTables,
    load_extra,
)
from stillwatch.evaluation.splits import leave_one_family_out


@dataclass(frozen=True)
class GradientBoosting:
    """Scores accounts by what training worlds taught (scikit-learn's histogram boosting).

    Every campaign weighs the same, and all of them together as much as the benign accounts.
    """

    training: tuple[LabelledWorld, ...] = field(repr=False)
    name: str = "gradient boosting"
    seed: int = 0

    def score(self, world: WorldTables) -> AccountScores:
        """Return the model's probability; the training worlds must not hold this world."""
        if any(each.tables.world == world.world for each in self.training):
            raise InputError(
                f"world {world.world!r} is among the training worlds: score it with leave_one_out"
            )
        features = np.concatenate([each.tables.features for each in self.training])
        campaigns = [
            f"{each.tables.world}/{account.campaign}" if account.campaign else None
            for each in self.training
            for account in each.truth
        ]
        model = _train(features, campaigns, self.seed)
        return AccountScores.of(self.name, world, model.score(world.features))


@dataclass(frozen=True)
class HeldOutScores:
    """Scores of one split's test accounts, and the family that the model had not seen."""

    family: str
    scores: AccountScores


def leave_one_out(
    labelled: LabelledWorld,
    families: Mapping[str, str] | None = None,
    seed: int = 0,
    name: str = "gradient boosting",
) -> tuple[HeldOutScores, ...]:
    """Return out-of-family scores of every account of one world, a split per family.

    Scores of different splits come from different models: measure within a split, then average.
    """
    held = []
    keys = labelled.tables.account_keys
    for split in leave_one_family_out(labelled.truth, families, seed=seed):
        training, testing = list(split.training), list(split.testing)
        campaigns = [labelled.truth[row].campaign for row in training]
        model = _train(labelled.tables.features[training], campaigns, seed)
        score = model.score(labelled.tables.features[testing])
        scores = dict(zip((keys[row] for row in testing), score.tolist(), strict=True))
        held.append(HeldOutScores(split.family, AccountScores(name, labelled.tables.world, scores)))
    return tuple(held)


@dataclass(frozen=True)
class _Model:
    """A fitted classifier and the columns that it was fitted on."""

    classifier: Any
    columns: NDArray[np.intp]

    def score(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of being an attacker, one per row."""
        probability: NDArray[np.float64] = self.classifier.predict_proba(features[:, self.columns])
        return probability[:, 1]


def _train(features: NDArray[np.float64], campaigns: Sequence[str | None], seed: int) -> _Model:
    label = np.array([campaign is not None for campaign in campaigns])
    if label.all() or not label.any():
        raise InputError("training needs attackers and benign accounts: one of them is missing")
    # A field that no training account delivers teaches nothing, and scikit-learn 1.9 stops on it.
    columns = np.flatnonzero(~np.isnan(features).all(axis=0))
    classifier = load_extra("sklearn.ensemble").HistGradientBoostingClassifier(
        random_state=seed, early_stopping=False
    )
    classifier.fit(features[:, columns], label, sample_weight=weigh_accounts(campaigns))
    return _Model(classifier, columns)


def weigh_accounts(campaigns: Sequence[str | None]) -> NDArray[np.float64]:
    """Return a weight of 1 for the benign, and for attackers what makes campaigns equal.

    >>> weigh_accounts([None, None, None, None, "a", "b", "b", "b"]).tolist()[4:6]
    [2.0, 0.6666666666666666]
    """
    sizes = Counter(campaign for campaign in campaigns if campaign is not None)
    benign = sum(campaign is None for campaign in campaigns)
    return np.array(
        [1.0 if name is None else benign / len(sizes) / sizes[name] for name in campaigns]
    )
