"""What a competitor gets and gives, and how optional packages are loaded."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import ConfigError, InputError
from stillwatch.evaluation.tables import TrueAccount

ESTABLISHED_DAYS = 90  # tenure from which an account may serve as reference, as in the detector


@dataclass(frozen=True)
class SharedValues:
    """Which account holds which identifier value: one row per pair, both numbered from 0."""

    account: NDArray[np.int64]
    value: NDArray[np.int64]
    value_types: tuple[str, ...]  # by number of the value: its identifier type

    @property
    def value_count(self) -> int:
        """Number of values."""
        return len(self.value_types)


@dataclass(frozen=True)
class ExchangeTokens:
    """Each exchange as hashed features: row n holds `hashes[starts[n]:starts[n + 1]]`.

    Rows of one account stand together, oldest first.
    """

    account: NDArray[np.int64]
    starts: NDArray[np.int64]
    hashes: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.account)


@dataclass(frozen=True)
class WorldTables:
    """All that a competitor may know of a world: facts of accounts, never what they really are.

    `features` has a row per account and a column per name, NaN where unknown. `tenure_days` is NaN
    without a registry. `attributes` holds one text per account and name, "" where unknown.
    """

    world: str
    as_of_date: date
    account_keys: tuple[str, ...]
    feature_names: tuple[str, ...]
    features: NDArray[np.float64]
    tenure_days: NDArray[np.float64]
    attributes: Mapping[str, NDArray[np.str_]]
    shared: SharedValues
    exchanges: ExchangeTokens

    def get_feature(self, name: str) -> NDArray[np.float64]:
        """Return a feature by name."""
        if name not in self.feature_names:
            raise InputError(f"world {self.world!r} has no feature {name!r}: see WORLD_FEATURES")
        column: NDArray[np.float64] = self.features[:, self.feature_names.index(name)]
        return column

    @property
    def is_established(self) -> NDArray[np.bool_]:
        """Whether the account is old enough to serve as reference; all are, without a registry."""
        if np.isnan(self.tenure_days).all():
            return np.ones(len(self.account_keys), dtype=bool)
        return np.asarray(self.tenure_days >= ESTABLISHED_DAYS, dtype=bool)


@dataclass(frozen=True)
class LabelledWorld:
    """A world with its truth, for those that learn; `truth` is by the order of the accounts."""

    tables: WorldTables
    truth: tuple[TrueAccount, ...]

    def __post_init__(self) -> None:
        if tuple(each.account_key for each in self.truth) != self.tables.account_keys:
            raise InputError(
                f"world {self.tables.world!r}: the truth must list its accounts in the same order"
            )


@dataclass(frozen=True)
class AccountScores:
    """A competitor's score of every account of a world: higher is more suspect."""

    competitor: str
    world: str
    scores: Mapping[str, float]

    @classmethod
    def of(cls, competitor: str, world: WorldTables, score: NDArray[np.float64]) -> AccountScores:
        """Return the scores in the order of the world's accounts; NaN is unknown and ranks last."""
        values = np.where(np.isnan(score), -np.inf, score).tolist()
        return cls(competitor, world.world, dict(zip(world.account_keys, values, strict=True)))


@runtime_checkable
class Competitor(Protocol):
    """Scores the accounts of a world from its tables alone."""

    @property
    def name(self) -> str:
        """Name in the score table."""
        ...

    def score(self, world: WorldTables) -> AccountScores:
        """Return a score for every account."""
        ...


def load_extra(module: str) -> Any:
    """Return an optional module, or raise a ConfigError that names what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"{module} cannot be imported ({error}): it comes with the dependency group `bench`, "
            "which only the competitors of the score table need"
        ) from error


def fill_unknown(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the features with the column's median where unknown, and 0 where all are."""
    filled = features.copy()
    for column in filled.T:
        known = column[~np.isnan(column)]
        column[np.isnan(column)] = np.median(known) if len(known) else 0.0
    return filled
