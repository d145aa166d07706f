"""From finished world-seeds to score tables: one per world, ablation and level, and one of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np

from stillwatch.evaluation.calibration import measure_calibration
from stillwatch.evaluation.cell_store import CellData
from stillwatch.evaluation.competitors.registry import list_competitors
from stillwatch.evaluation.evasion import EvasionRun
from stillwatch.evaluation.grouping import count_account_months
from stillwatch.evaluation.held_out import score_boosting
from stillwatch.evaluation.intervals import Estimate, estimate_rate
from stillwatch.evaluation.methods import BOOSTING, LEDGER, OWN_EVIDENCE, write_slug
from stillwatch.evaluation.score_table import (
    CampaignScore,
    MethodScore,
    ScoreTable,
    score_campaigns,
    score_method,
)
from stillwatch.evaluation.sizes import measure_size_error
from stillwatch.evaluation.tables import Accounts, Activity, Membership
from stillwatch.evaluation.timing import find_first_flags, measure_exchange_recall


def make_table(
    cells: Sequence[CellData], chosen: frozenset[str], with_campaigns: bool = True
) -> ScoreTable:
    """Return the score table of world-seeds that are taken together.

    Campaigns are judged only over seeds of one world, whose days are the same; an attacker in two
    seeds is two campaigns there, and one row in the tables per attacker.
    """
    ledger = Accounts.concatenate([cell.rank(LEDGER) for cell in cells])
    attackers = int(ledger.is_attacker.sum())
    scored = ledger.select(np.isfinite(ledger.score))
    sizes = [size for cell in cells for size in cell.summary.sizes]
    return ScoreTable(
        worlds=tuple(cell.summary.cell for cell in cells),
        account_count=len(ledger),
        attacker_count=attackers,
        methods=tuple(_score_methods(cells, chosen)),
        campaigns=score_world(cells) if with_campaigns else None,
        calibration=measure_calibration(scored.score, scored.is_attacker),
        size_error=measure_size_error(sizes) if sizes else None,
    )


def measure_false_rate(cells: Sequence[CellData], scores: Sequence[CampaignScore]) -> Estimate:
    """Return false campaigns per million benign account-months over worlds of any length."""
    months = sum(_count_months(cell) for cell in cells)
    return estimate_rate(sum(score.false_campaign_count for score in scores), months / 1e6)


def measure_evasion(cell: CellData, attacker: str, level: float) -> EvasionRun:
    """Return what an attacker got away with in one world-seed."""
    theirs = np.array([name == attacker for name in cell.campaign], dtype=bool)
    rows = [row for row in cell.activity if row.campaign == attacker]
    recalls = measure_exchange_recall(rows, find_first_flags(cell.memberships), {})
    return EvasionRun(
        level=level,
        account_count=int(theirs.sum()),
        flagged_account_count=int(cell.is_flagged[theirs].sum()) if len(theirs) else 0,
        exchange_count=sum(each.exchange_count for each in recalls),
        extraction_count=sum(each.extraction_count for each in recalls),
        leaked_extractions=sum(each.leaked_extractions for each in recalls),
    )


def _score_methods(cells: Sequence[CellData], chosen: frozenset[str]) -> list[MethodScore]:
    flagged = frozenset(f"{cell.summary.cell}:{key}" for cell in cells for key in cell.flagged)
    names = [LEDGER, OWN_EVIDENCE]
    for cell in cells:
        found = [*cell.score, *cell.summary.reasons]
        names += [name for name in found if name not in names and write_slug(name) in chosen]
    methods = []
    for name in _sort_as_run(names):
        reasons = sorted(
            {each.summary.reasons[name] for each in cells if name in each.summary.reasons}
        )
        if reasons:
            methods.append(MethodScore(name, reason="; ".join(reasons)))
            continue
        accounts = Accounts.concatenate([cell.rank(name) for cell in cells])
        own = flagged if name == LEDGER else None
        method = score_method(name, accounts, own)
        methods.append(replace(method, curve=_keep_corners(method.curve)))
    if write_slug(BOOSTING) in chosen:
        methods.append(score_boosting(cells))
    return methods


def _keep_corners(curve: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    """Return the points at which the recall rises: the same steps from far fewer points.

    >>> _keep_corners(((0.0, 0.1), (5.0, 0.1), (9.0, 0.4)))
    ((0.0, 0.1), (9.0, 0.4))
    """
    kept = curve[:1]
    for point in curve[1:]:
        if point[1] > kept[-1][1]:
            kept = (*kept, point)
    return kept


def _sort_as_run(names: Sequence[str]) -> list[str]:
    """Return the names in the order of the table: those that were not run stand among the rest."""
    order = [LEDGER, OWN_EVIDENCE, *(each.name for each in list_competitors())]
    return sorted(names, key=lambda name: order.index(name) if name in order else len(order))


def score_world(cells: Sequence[CellData]) -> CampaignScore:
    """Return how well campaigns were found; names carry the seed where there are several."""
    truth: dict[str, str] = {}
    memberships: list[Membership] = []
    activity: list[Activity] = []
    cohort_of: dict[str, str] = {}
    for cell in cells:
        name = cell.summary.cell
        members = cell.memberships
        suffix = f", seed {cell.summary.seed}" if len(cells) > 1 else ""
        truth |= {f"{name}:{key}": each + suffix for key, each in cell.campaign_of.items()}
        cohorts = dict(zip(cell.account_key, cell.cohort, strict=True))
        cohort_of |= {
            f"{name}:{row.account_key}": cohorts[row.account_key]
            for row in members
            if row.account_key in cohorts
        }
        memberships += [
            Membership(row.as_of_date, f"{name}:{row.campaign_id}", f"{name}:{row.account_key}")
            for row in members
        ]
        activity += [
            replace(row, campaign=row.campaign + suffix, account_key=f"{name}:{row.account_key}")
            for row in cell.activity
        ]
    return score_campaigns(
        truth,
        memberships,
        activity,
        sum(_count_benign(cell) for cell in cells),
        cells[0].summary.first_day,
        cells[0].summary.last_day,
        cohort_of=cohort_of,
    )


def _count_benign(cell: CellData) -> int:
    return sum(not name for name in cell.campaign)


def _count_months(cell: CellData) -> float:
    watched = cell.summary.last_day - cell.summary.first_day
    return count_account_months(_count_benign(cell), watched + timedelta(days=1))
