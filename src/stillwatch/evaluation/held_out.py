"""Gradient boosting over all seeds of a world, always tested on an attacker it has not seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stillwatch.errors import StillwatchError
from stillwatch.evaluation.cell_store import CellData
from stillwatch.evaluation.competitors.boosting import leave_one_out
from stillwatch.evaluation.competitors.protocol import (
    ExchangeTokens,
    LabelledWorld,
    SharedValues,
    WorldTables,
)
from stillwatch.evaluation.intervals import bootstrap_mean, bound_ratio, estimate_ratio
from stillwatch.evaluation.methods import BOOSTING
from stillwatch.evaluation.ranking import RecallAtRate
from stillwatch.evaluation.score_table import AttackerRow, CohortRow, MethodScore, score_method
from stillwatch.evaluation.tables import Accounts, TrueAccount

_UNIT = "held-out attackers"


def score_boosting(cells: Sequence[CellData], seed: int = 0) -> MethodScore:
    """Return the row of gradient boosting, or a row that says why it was not run.

    An attacker is left out with all its seeds, together with its share of the benign cohorts. Each
    split is measured by itself, because scores of different models cannot be ranked together, and
    figures are means over splits.
    """
    try:
        splits = _score_splits(cells, seed)
    except StillwatchError as error:
        return MethodScore(BOOSTING, is_supervised=True, reason=str(error))
    return _average(splits, seed)


def _score_splits(cells: Sequence[CellData], seed: int) -> list[MethodScore]:
    pooled = _pool(cells)
    everyone = {each.account_key: each for each in pooled.truth}
    splits = []
    for held in leave_one_out(pooled, seed=seed):
        truth = [everyone[key] for key in held.scores.scores]
        accounts = Accounts.join(truth, held.scores.scores)
        splits.append(score_method(BOOSTING, accounts, is_supervised=True, seed=seed))
    return splits


def _pool(cells: Sequence[CellData]) -> LabelledWorld:
    """Return all accounts as one world: boosting reads nothing of it but features and truth."""
    ranked = [cell.rank(next(iter(cell.score))) for cell in cells]
    keys = tuple(str(key) for each in ranked for key in each.account_key)
    names = tuple(cells[0].features)
    features = [np.column_stack([cell.features[name] for name in names]) for cell in cells]
    truth = tuple(
        TrueAccount(f"{cell.summary.cell}:{key}", cohort, campaign or None, cell.summary.cell)
        for cell in cells
        for key, cohort, campaign in zip(cell.account_key, cell.cohort, cell.campaign, strict=True)
    )
    none = np.zeros(0, dtype=np.int64)
    tables = WorldTables(
        world="all seeds",
        as_of_date=max(cell.summary.last_day for cell in cells),
        account_keys=keys,
        feature_names=names,
        features=np.concatenate(features),
        tenure_days=np.full(len(keys), np.nan),
        attributes={},
        shared=SharedValues(none, none, ()),
        exchanges=ExchangeTokens(none, np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.uint64)),
    )
    return LabelledWorld(tables, truth)


def _average(splits: Sequence[MethodScore], seed: int) -> MethodScore:
    values = [each.average_precision.value for each in splits if each.average_precision]
    known = [value for value in values if value is not None]
    attackers: list[AttackerRow] = [row for each in splits for row in each.attackers]
    return MethodScore(
        method=BOOSTING,
        is_supervised=True,
        flags=f"thresholds of {len(splits)} splits, each at 1,000 false positives per million",
        average_precision=bootstrap_mean(known, _UNIT, seed),
        recalls=tuple(
            _average_recall([each.recalls[place] for each in splits], seed)
            for place in range(len(splits[0].recalls))
        ),
        attackers=tuple(sorted(attackers, key=lambda row: row.campaign)),
        cohorts=_add_cohorts(splits),
    )


def _average_recall(parts: Sequence[RecallAtRate], seed: int) -> RecallAtRate:
    benign = sum(part.benign_count for part in parts)
    wrong = sum(part.false_positives for part in parts)
    values = [part.recall.value for part in parts if part.recall.value is not None]
    return RecallAtRate(
        rate_per_million=parts[0].rate_per_million,
        benign_count=benign,
        allowed_false_positives=sum(part.allowed_false_positives for part in parts),
        false_positives=wrong,
        threshold=None,
        is_resolvable=all(part.is_resolvable for part in parts),
        recall=bootstrap_mean(values, _UNIT, seed),
        false_positive_rate=estimate_ratio(wrong, benign),
        proven_recall=None,
    )


def _add_cohorts(splits: Sequence[MethodScore]) -> tuple[CohortRow, ...]:
    """Return one row per cohort; those that are dealt to several splits are added up."""
    counts: dict[str, tuple[int, int]] = {}
    for row in (row for each in splits for row in each.cohorts):
        flagged, total = counts.get(row.cohort, (0, 0))
        hits = round((row.flagged.value or 0.0) * row.account_count)
        counts[row.cohort] = (flagged + hits, total + row.account_count)
    return tuple(
        CohortRow(name, total, estimate_ratio(hits, total), bound_ratio(hits, total))
        for name, (hits, total) in sorted(counts.items())
    )
