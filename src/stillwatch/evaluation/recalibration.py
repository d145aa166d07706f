"""Slope and prior of the evidence, fitted to labelled worlds and judged on those left out.

Accounts are weighed so that attackers are as rare as the deployment's prior says and every campaign
counts the same, however large it is. So the fitted intercept is a prior that can be adopted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import InputError
from stillwatch.evaluation.calibration import BIN_COUNT
from stillwatch.evaluation.cell_store import CellData, read_cell
from stillwatch.evaluation.logistic import Line, fit_line
from stillwatch.evaluation.methods import LEDGER, write_slug
from stillwatch.evaluation.result import read_result
from stillwatch.evaluation.stored_evidence import (
    CAMPAIGN_BITS,
    GROUP_BITS,
    MEMBERSHIP,
    OWN_BITS,
)
from stillwatch.transform.variables import Variable, read_variables

_LOWEST = 0.01  # of a campaign: int_campaigns keeps its probability above
_HIGHEST_OUTSIDE = 0.5  # of an account in no campaign: fct_account_scores keeps it below


@dataclass(frozen=True)
class Accounts:
    """Accounts with evidence, one place each: bits, truth, scenario, and what was published.

    `membership` is NaN outside campaigns; `campaign` is empty for the honest.
    """

    scenario: NDArray[np.str_]
    campaign: NDArray[np.str_]
    bits: NDArray[np.float64]
    membership: NDArray[np.float64]
    published: NDArray[np.float64]

    @property
    def is_attacker(self) -> NDArray[np.bool_]:
        """Whether the account belongs to a planted campaign."""
        return np.asarray(self.campaign != "")

    def choose(self, chosen: NDArray[np.bool_]) -> Accounts:
        """Return some of the accounts."""
        return Accounts(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Errors:
    """Weighted calibration error (ten bins of equal width) and Brier score of probabilities."""

    expected_error: float
    brier_score: float


@dataclass(frozen=True)
class LeftOut:
    """A scenario with the values fitted to all others, and the errors on its accounts."""

    scenario: str
    account_count: int
    campaign_count: int
    line: Line
    before: Errors
    after: Errors


@dataclass(frozen=True)
class Recalibration:
    """The values fitted to all scenarios, their range and the errors over those left out."""

    prior_log2_odds: float
    stored: Line
    fitted: Line
    account_count: int
    campaign_count: int
    without_evidence_count: int
    before: Errors
    after: Errors
    scenarios: tuple[LeftOut, ...]


def recalibrate(folder: Path) -> Recalibration:
    """Return slope and prior that fit the worlds, as they are, of a stored evaluation."""
    result = read_result(folder)
    scenario_of = {group.name: group.base for group in result.base_groups}
    cells = [
        (scenario_of[cell.group], read_cell(folder / "cells" / write_slug(cell.cell)))
        for cell in result.cells
        if cell.group in scenario_of and cell.stopped is None
    ]
    accounts, missing = gather_accounts(cells)
    return fit_scenarios(accounts, missing, read_variables())


def gather_accounts(cells: Sequence[tuple[str, CellData]]) -> tuple[Accounts, int]:
    """Return the accounts of all cells (scenario, cell) that have evidence, and how many have none.

    The evidence of a member is its campaign's, of any other account its own with that of its
    groups: what the marts multiply by the slope.
    """
    parts = []
    for scenario, cell in cells:
        if not cell.evidence:
            raise InputError(
                f"{cell.summary.cell} was stored without evidence: evaluate again with this version"
            )
        outside = cell.evidence[OWN_BITS] + cell.evidence[GROUP_BITS]
        inside = cell.evidence[CAMPAIGN_BITS]
        names = [f"{cell.summary.cell}:{name}" if name else "" for name in cell.campaign]
        parts.append(
            Accounts(
                scenario=np.array([scenario] * len(names), dtype=str),
                campaign=np.array(names, dtype=str),
                bits=np.where(np.isnan(inside), outside, inside),
                membership=np.where(np.isnan(inside), np.nan, cell.evidence[MEMBERSHIP]),
                published=cell.score[LEDGER],
            )
        )
    if not parts:
        raise InputError("the evaluation holds no finished world as it is: there is nothing to fit")
    joined = Accounts(
        *(np.concatenate([getattr(p, n) for p in parts]) for n in Accounts.__dataclass_fields__)
    )
    known = ~np.isnan(joined.bits)
    return joined.choose(known), int((~known).sum())


def fit_scenarios(
    accounts: Accounts, without_evidence_count: int, variables: Mapping[str, Variable]
) -> Recalibration:
    """Fit all accounts, and all but each scenario in turn, which then judges that fit."""
    with_campaign = np.unique(accounts.scenario[accounts.is_attacker])
    if len(with_campaign) < 2:
        raise InputError(
            f"{len(with_campaign)} scenarios with a campaign whose accounts have evidence: leaving "
            "one out needs two. Evaluate a plan of several worlds"
        )
    prior = float(variables["account_prior_log2_odds"].value)
    highest = float(variables["campaign_probability_maximum"].value)
    share = float(Line(prior, 0.0).predict(np.zeros(1))[0])
    weight = weigh_accounts(accounts, share)
    after = np.zeros(len(weight))
    scenarios = []
    for name in np.unique(accounts.scenario):
        is_left = accounts.scenario == name
        rest, left = accounts.choose(~is_left), accounts.choose(is_left)
        line = fit_line(rest.bits, rest.is_attacker, weigh_accounts(rest, share))
        after[is_left] = predict(left, line, highest)
        scenarios.append(
            LeftOut(
                scenario=str(name),
                account_count=int(is_left.sum()),
                campaign_count=_count_campaigns(left),
                line=line,
                before=measure_errors(left.published, left.is_attacker, weight[is_left]),
                after=measure_errors(after[is_left], left.is_attacker, weight[is_left]),
            )
        )
    return Recalibration(
        prior_log2_odds=prior,
        stored=Line(prior, float(variables["evidence_slope"].value)),
        fitted=fit_line(accounts.bits, accounts.is_attacker, weight),
        account_count=len(weight),
        campaign_count=_count_campaigns(accounts),
        without_evidence_count=without_evidence_count,
        before=measure_errors(accounts.published, accounts.is_attacker, weight),
        after=measure_errors(after, accounts.is_attacker, weight),
        scenarios=tuple(scenarios),
    )


def weigh_accounts(accounts: Accounts, attacker_share: float) -> NDArray[np.float64]:
    """Return weights that add up to 1: attackers to their share, every campaign the same part."""
    names, place, sizes = np.unique(accounts.campaign, return_inverse=True, return_counts=True)
    campaigns = int((names != "").sum())
    if not campaigns or campaigns == len(names):
        raise InputError(f"{campaigns} campaigns, {len(accounts.bits)} accounts: a fit needs both")
    total = np.where(names == "", 1.0 - attacker_share, attacker_share / campaigns)
    return np.asarray((total / sizes)[place], dtype=np.float64)


def predict(accounts: Accounts, line: Line, campaign_maximum: float) -> NDArray[np.float64]:
    """Return the probabilities that the marts would hold with this slope and prior."""
    plain = line.predict(accounts.bits)
    inside = accounts.membership * np.clip(plain, _LOWEST, campaign_maximum)
    is_outside = np.isnan(accounts.membership)
    return np.where(is_outside, np.minimum(plain, _HIGHEST_OUTSIDE), inside)


def measure_errors(
    probability: NDArray[np.float64],
    is_attacker: NDArray[np.bool_],
    weight: NDArray[np.float64],
) -> Errors:
    """Return calibration error and Brier score of weighted accounts."""
    share = weight / weight.sum()
    place = np.minimum((probability * BIN_COUNT).astype(np.int64), BIN_COUNT - 1)
    gaps = np.bincount(place, weights=share * (probability - is_attacker), minlength=BIN_COUNT)
    return Errors(float(np.abs(gaps).sum()), float(share @ (probability - is_attacker) ** 2))


def _count_campaigns(accounts: Accounts) -> int:
    return len(np.unique(accounts.campaign[accounts.is_attacker]))
