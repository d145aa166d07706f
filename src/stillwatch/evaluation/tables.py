"""What the metrics read: scored accounts, detected membership by day, and true activity by day.

All are keyed by `account_key` as in the marts. Campaign names of the truth and campaign ids of the
detector are different things: the first are `campaign`, the second `campaign_id`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import InputError


@dataclass(frozen=True)
class TrueAccount:
    """What an account really is; `campaign` is null for the benign."""

    account_key: str
    cohort: str
    campaign: str | None
    world: str = ""

    @property
    def is_attacker(self) -> bool:
        """Whether the account belongs to a true campaign."""
        return self.campaign is not None


@dataclass(frozen=True)
class Membership:
    """One account in one detected campaign, as of the end of one day."""

    as_of_date: date
    campaign_id: str
    account_key: str


@dataclass(frozen=True)
class Activity:
    """What one account of a true campaign did on one day; extraction is part of the exchanges."""

    campaign: str
    account_key: str
    day: date
    exchange_count: int
    extraction_count: int


@dataclass(frozen=True)
class Accounts:
    """Scored accounts in columns: one row each; `campaign` is "" for the benign."""

    account_key: NDArray[np.str_]
    world: NDArray[np.str_]
    cohort: NDArray[np.str_]
    campaign: NDArray[np.str_]
    score: NDArray[np.float64]

    def __post_init__(self) -> None:
        columns = (self.world, self.cohort, self.campaign, self.score)
        if any(len(column) != len(self.account_key) for column in columns):
            raise InputError(
                f"columns of {[len(c) for c in columns]} rows for {len(self.account_key)} accounts"
            )
        if np.isnan(self.score).any():
            count = int(np.isnan(self.score).sum())
            raise InputError(f"{count} accounts have no score: give -inf to rank them last")

    @classmethod
    def join(cls, truth: Sequence[TrueAccount], scores: Mapping[str, float]) -> Self:
        """Return the true accounts with their scores; those that have none rank last (-inf).

        An account without traffic in the window is never scored, and counts as not found.
        """
        return cls(
            np.array([account.account_key for account in truth], dtype=str),
            np.array([account.world for account in truth], dtype=str),
            np.array([account.cohort for account in truth], dtype=str),
            np.array([account.campaign or "" for account in truth], dtype=str),
            np.array([scores.get(a.account_key, -np.inf) for a in truth], dtype=np.float64),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Return the accounts of several worlds below each other."""
        return cls(
            np.concatenate([part.account_key for part in parts]),
            np.concatenate([part.world for part in parts]),
            np.concatenate([part.cohort for part in parts]),
            np.concatenate([part.campaign for part in parts]),
            np.concatenate([part.score for part in parts]),
        )

    @property
    def is_attacker(self) -> NDArray[np.bool_]:
        """Whether each account belongs to a true campaign."""
        return np.asarray(self.campaign != "", dtype=bool)

    def __len__(self) -> int:
        return len(self.account_key)

    def select(self, rows: NDArray[np.bool_]) -> Self:
        """Return the marked rows."""
        return type(self)(
            self.account_key[rows],
            self.world[rows],
            self.cohort[rows],
            self.campaign[rows],
            self.score[rows],
        )

    def list_campaigns(self) -> list[str]:
        """Return the true campaigns, sorted."""
        return sorted({str(name) for name in self.campaign if name})

    def list_cohorts(self) -> list[str]:
        """Return the benign cohorts, sorted."""
        return sorted({str(name) for name in self.cohort[~self.is_attacker]})


def get_partition(
    memberships: Iterable[Membership], as_of_date: date | None = None
) -> dict[str, str]:
    """Return each account's newest detected campaign up to a day (null: of all days).

    An account that is named in two campaigns on one day is an error: one account, one campaign.
    """
    newest: dict[str, tuple[date, str]] = {}
    for row in memberships:
        if as_of_date is not None and row.as_of_date > as_of_date:
            continue
        known = newest.get(row.account_key)
        if known is not None and known[0] == row.as_of_date and known[1] != row.campaign_id:
            raise InputError(
                f"account {row.account_key} is in {known[1]} and in {row.campaign_id} "
                f"on {row.as_of_date}: give one membership per account and day"
            )
        if known is None or known[0] < row.as_of_date:
            newest[row.account_key] = (row.as_of_date, row.campaign_id)
    return {account_key: campaign_id for account_key, (_, campaign_id) in newest.items()}
