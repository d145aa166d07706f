"""The score table: one result object per evaluation, how it is made, as JSON and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from stillwatch.errors import InputError
from stillwatch.evaluation.calibration import Calibration
from stillwatch.evaluation.evasion import EvasionCurve
from stillwatch.evaluation.false_campaigns import FalseCampaign, list_false_campaigns
from stillwatch.evaluation.grouping import (
    Agreement,
    compare_groupings,
    count_account_months,
    cover_campaigns,
    match_campaigns,
    measure_coverage,
    measure_false_campaigns,
    measure_found,
    measure_fragments,
    measure_purity,
)
from stillwatch.evaluation.intervals import Estimate, bound_ratio, estimate_ratio
from stillwatch.evaluation.ranking import (
    RATES_PER_MILLION,
    RecallAtRate,
    measure_average_precision,
    measure_recall_at_rate,
    trace_recall,
)
from stillwatch.evaluation.sizes import SizeError
from stillwatch.evaluation.tables import Accounts, Activity, Membership, get_partition
from stillwatch.evaluation.timing import (
    DetectionTime,
    average_over_campaigns,
    find_campaign_flags,
    find_first_flags,
    get_median,
    measure_detection_time,
    measure_exchange_recall,
    sum_by_day,
)

SCHEMA_VERSION = 1
COMPARED_RATE = RATES_PER_MILLION[-1]  # the rate of false positives at which rows are compared


@dataclass(frozen=True)
class AttackerRow:
    """How a method does on the accounts of one attacker, against all benign ones."""

    campaign: str
    account_count: int
    average_precision: Estimate
    flagged: Estimate


@dataclass(frozen=True)
class CohortRow:
    """How many accounts of a benign cohort a method flags; `bound` is the one-sided 95 % bound."""

    cohort: str
    account_count: int
    flagged: Estimate
    bound: float


@dataclass(frozen=True)
class MethodScore:
    """One method's row, and its rows per attacker and per benign cohort.

    A method flags at its own decision (`flags` "campaign member"), or at the threshold of the
    compared rate. `reason` says why a method has no figures. `curve` holds the corners of recall
    over false positives per million.
    """

    method: str
    is_supervised: bool = False
    reason: str | None = None
    flags: str = ""
    average_precision: Estimate | None = None
    recalls: tuple[RecallAtRate, ...] = ()
    attackers: tuple[AttackerRow, ...] = ()
    cohorts: tuple[CohortRow, ...] = ()
    curve: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class CampaignRow:
    """What became of one true campaign."""

    campaign: str
    account_count: int
    coverage: float
    fragment_count: int
    time: DetectionTime
    exchange_recall: float | None
    extraction_recall: float | None
    leak: float | None
    leak_before_campaign: float | None


@dataclass(frozen=True)
class CampaignScore:
    """How well campaigns are found; for methods that group accounts by day."""

    found: Estimate
    fragments: float | None
    agreement: Agreement
    purity: float | None
    coverage: float | None
    false_campaigns: Estimate
    false_campaign_count: int
    benign_account_months: float
    median_days: float | None
    median_exchanges: float | None
    exchange_recall: Estimate
    leak: Estimate
    campaigns: tuple[CampaignRow, ...]
    false_found: tuple[FalseCampaign, ...] = ()


@dataclass(frozen=True)
class ScoreTable:
    """All figures of one evaluation. `worlds` are the names and seeds that it ran on."""

    worlds: tuple[str, ...]
    account_count: int
    attacker_count: int
    methods: tuple[MethodScore, ...]
    campaigns: CampaignScore | None = None
    calibration: Calibration | None = None
    size_error: SizeError | None = None
    evasions: tuple[EvasionCurve, ...] = ()
    schema_version: int = SCHEMA_VERSION


def score_method(
    method: str,
    accounts: Accounts,
    flagged: frozenset[str] | None = None,
    is_supervised: bool = False,
    seed: int = 0,
) -> MethodScore:
    """Return a method's row from its scores; `flagged` are its own decisions, if it makes any."""
    recalls = tuple(measure_recall_at_rate(accounts, rate, seed) for rate in RATES_PER_MILLION)
    is_flagged = _mark_flagged(accounts, recalls[-1], flagged)
    benign = ~accounts.is_attacker
    attackers = []
    for name in accounts.list_campaigns():
        theirs = accounts.campaign == name
        alone = accounts.select(theirs | benign)
        attackers.append(
            AttackerRow(
                campaign=name,
                account_count=int(theirs.sum()),
                average_precision=measure_average_precision(alone, seed),
                flagged=estimate_ratio(int(is_flagged[theirs].sum()), int(theirs.sum())),
            )
        )
    cohorts = []
    for name in accounts.list_cohorts():
        theirs = (accounts.cohort == name) & benign
        count, hits = int(theirs.sum()), int(is_flagged[theirs].sum())
        cohorts.append(
            CohortRow(name, count, estimate_ratio(hits, count), bound_ratio(hits, count))
        )
    return MethodScore(
        method=method,
        is_supervised=is_supervised,
        flags="campaign member" if flagged is not None else _describe_threshold(recalls[-1]),
        average_precision=measure_average_precision(accounts, seed),
        recalls=recalls,
        attackers=tuple(attackers),
        cohorts=tuple(cohorts),
        curve=tuple(trace_recall(accounts)),
    )


def score_campaigns(
    truth: Mapping[str, str],
    memberships: Sequence[Membership],
    activity: Iterable[Activity],
    benign_accounts: int,
    first_day: date,
    last_day: date,
    seed: int = 0,
    cohort_of: Mapping[str, str] | None = None,
) -> CampaignScore:
    """Return how well campaigns were found over [first_day, last_day].

    `truth` maps the accounts of true campaigns to them, `cohort_of` accounts to cohorts. Groups are
    compared as of the last day, times by each day's own members.
    """
    rows = list(activity)
    detected = get_partition(memberships, last_day)
    matches = match_campaigns(truth, detected)
    coverages = cover_campaigns(truth, matches)
    flags = find_campaign_flags(truth, memberships)
    recalls = {
        each.campaign: each
        for each in measure_exchange_recall(rows, find_first_flags(memberships), flags)
    }
    days = sum_by_day(rows)
    campaigns = []
    for each in coverages:
        recall = recalls.get(each.campaign)
        campaigns.append(
            CampaignRow(
                campaign=each.campaign,
                account_count=each.account_count,
                coverage=each.coverage,
                fragment_count=each.fragment_count,
                time=measure_detection_time(
                    each.campaign,
                    days.get(each.campaign, {}),
                    flags.get(each.campaign),
                    last_day,
                ),
                exchange_recall=recall.recall if recall else None,
                extraction_recall=recall.extraction_recall if recall else None,
                leak=recall.leak if recall else None,
                leak_before_campaign=recall.leak_before_campaign if recall else None,
            )
        )
    months = count_account_months(benign_accounts, last_day - first_day + timedelta(days=1))
    timed = [row.time for row in campaigns if row.time.started_on is not None]
    return CampaignScore(
        found=measure_found(coverages),
        fragments=measure_fragments(coverages),
        agreement=compare_groupings(truth, detected),
        purity=measure_purity(matches),
        coverage=measure_coverage(coverages),
        false_campaigns=measure_false_campaigns(matches, months),
        false_campaign_count=sum(match.is_false for match in matches),
        benign_account_months=months,
        median_days=get_median(time.days for time in timed),
        median_exchanges=get_median(time.exchanges for time in timed),
        exchange_recall=average_over_campaigns([row.exchange_recall for row in campaigns], seed),
        leak=average_over_campaigns([row.leak for row in campaigns], seed),
        campaigns=tuple(campaigns),
        false_found=list_false_campaigns(matches, detected, cohort_of or {}),
    )


def write_table(table: ScoreTable, path: Path) -> None:
    """Write the result object as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(asdict(table), option=orjson.OPT_INDENT_2) + b"\n")


def read_table(path: Path) -> ScoreTable:
    """Return a result object that `write_table` has written; other versions are refused."""
    try:
        raw = orjson.loads(path.read_bytes())
        found = raw.get("schema_version") if isinstance(raw, dict) else None
        if found != SCHEMA_VERSION:
            raise InputError(
                f"{path} is of schema version {found!r}, not {SCHEMA_VERSION}: evaluate again"
            )
        return TypeAdapter(ScoreTable).validate_python(raw)
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise InputError(f"{path} is no score table: {error}") from error


def _mark_flagged(
    accounts: Accounts, recall: RecallAtRate, flagged: frozenset[str] | None
) -> NDArray[np.bool_]:
    if flagged is not None:
        return np.array([key in flagged for key in accounts.account_key.tolist()], dtype=bool)
    if recall.threshold is None:
        return np.zeros(len(accounts), dtype=bool)
    return np.asarray(accounts.score >= recall.threshold, dtype=bool)


def _describe_threshold(recall: RecallAtRate) -> str:
    if recall.threshold is None:
        return "nothing: a benign account ranks first"
    if not recall.is_resolvable:
        return "threshold at no false positive"
    return f"threshold at {recall.rate_per_million:,.0f} false positives per million"
