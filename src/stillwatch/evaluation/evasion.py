"""What evasion costs: what an attacker pays per stolen exchange at each level of an evasion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stillwatch.errors import InputError
from stillwatch.evaluation.intervals import Estimate, estimate_ratio


@dataclass(frozen=True)
class CostModel:
    """What an attacker pays. All are assumptions, printed with the curve.

    `camouflage_cost_share` is the part of the cover traffic that the attacker pays for: 1 where it
    is made up, 0 for a reseller whose customers pay it.
    """

    account_usd: float
    exchange_usd: float
    camouflage_cost_share: float = 1.0


@dataclass(frozen=True)
class EvasionRun:
    """One world at one level of an evasion (say, the share of camouflage), as it was detected.

    `leaked_extractions` had been made when their account was first flagged.
    """

    level: float
    account_count: int
    flagged_account_count: int
    exchange_count: int
    extraction_count: int
    leaked_extractions: int


@dataclass(frozen=True)
class EvasionPoint:
    """One level of the curve: what is still seen, and what the attacker pays for it.

    `cost_factor` is the cost per leaked exchange, compared with the same attacker at the lowest
    level if nobody looked: it holds both what evasion costs and what detection denies.
    """

    level: float
    account_recall: Estimate
    leak: float | None
    cost_usd: float
    cost_per_leaked_usd: float | None
    cost_factor: float | None


@dataclass(frozen=True)
class EvasionCurve:
    """The points of one evasion by rising level, under the printed costs."""

    evasion: str
    costs: CostModel
    points: tuple[EvasionPoint, ...]


def trace_evasion(evasion: str, runs: Iterable[EvasionRun], costs: CostModel) -> EvasionCurve:
    """Return the evasion-cost curve; runs of the same level (seeds) are added up."""
    levels: dict[float, list[EvasionRun]] = {}
    for run in runs:
        if not 0 <= run.leaked_extractions <= run.extraction_count <= run.exchange_count:
            raise InputError(
                f"{evasion} at {run.level}: {run.leaked_extractions} leaked of "
                f"{run.extraction_count} extractions of {run.exchange_count} exchanges: each is "
                "part of the next"
            )
        levels.setdefault(run.level, []).append(run)
    points: list[EvasionPoint] = []
    reference: float | None = None
    for level, group in sorted(levels.items()):
        accounts = sum(run.account_count for run in group)
        exchanges = sum(run.exchange_count for run in group)
        extractions = sum(run.extraction_count for run in group)
        leaked = sum(run.leaked_extractions for run in group)
        paid = extractions + costs.camouflage_cost_share * (exchanges - extractions)
        cost = accounts * costs.account_usd + paid * costs.exchange_usd
        if not points and extractions and cost:
            reference = cost / extractions
        unit = cost / leaked if leaked else None
        flagged = sum(run.flagged_account_count for run in group)
        points.append(
            EvasionPoint(
                level=level,
                account_recall=estimate_ratio(flagged, accounts),
                leak=leaked / extractions if extractions else None,
                cost_usd=cost,
                cost_per_leaked_usd=unit,
                cost_factor=unit / reference if unit is not None and reference else None,
            )
        )
    return EvasionCurve(evasion, costs, tuple(points))
