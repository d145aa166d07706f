"""Why a campaign is suspected, what speaks against it, and what could not be seen.

The ledger adds up: prior plus the weights of all families is the posterior. Weights are in bits,
already discounted for dependence (docs/detection.md, section 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from stillwatch.errors import InputError
from stillwatch.explain.rules import Rules, read_rules, to_bits
from stillwatch.explain.snapshot import choose_day, describe_names, read_rows, read_snapshot_id


@dataclass(frozen=True)
class CampaignState:
    """The campaign's row of `fct_campaign_days` on the day."""

    campaign_id: str
    as_of_date: date
    status: str
    first_seen_at: datetime
    last_seen_at: datetime
    first_flagged_date: date
    account_count: int
    active_account_count: int
    exchange_count: int
    extraction_ratio: float
    extraction_ratio_low: float
    extraction_ratio_high: float
    campaign_probability: float
    likelihood_term: str
    confidence_level: str
    confidence_reason: str
    prior_log10_odds: float
    posterior_log10_odds: float


@dataclass(frozen=True)
class Evidence:
    """One family of evidence: what was measured, against whom, and what it weighs (log10)."""

    evidence_id: str
    signal_code: str
    signal_version: int
    family: str
    statement: str
    observed_value: float | None
    baseline_value: float | None
    base_population: int | None
    shown_count: int | None
    measured_count: int | None
    median_percentile: float | None
    log10_likelihood_ratio: float
    benign_explanation: str
    data_fields_used: str

    @property
    def bits(self) -> float:
        """Weight in bits; positive speaks for suspicion."""
        return to_bits(self.log10_likelihood_ratio)


@dataclass(frozen=True)
class Indicator:
    """One indicator of the advisory AA26-251A with its measured base rates."""

    indicator_code: str
    advisory_number: int | None
    title: str
    result: str
    shown_count: int
    measured_count: int
    established_ratio: float | None
    established_count: int
    lookalike_ratio: float | None
    lookalike_count: int
    statement: str
    benign_cause: str


@dataclass(frozen=True)
class Comparison:
    """One family in the campaign's leading group and in the nearest cleared group (log10)."""

    family: str
    evidence_side: str
    log10_likelihood_ratio: float | None
    cleared_log10_likelihood_ratio: float | None
    group_label: str
    account_count: int
    cleared_group_id: str
    cleared_group_label: str
    cleared_account_count: int
    is_same_size: bool
    cleared_because: str
    comparable_group_count: int
    comparable_tail_probability: float


@dataclass(frozen=True)
class Join:
    """Two parts of the campaign that share exits and registration, though no text."""

    account_key: str
    other_account_key: str
    account_count: int
    other_account_count: int
    shared_exit_count: int
    neighbour_count: int
    other_neighbour_count: int
    shared_registration_count: int


@dataclass(frozen=True)
class Without:
    """The judgement if one family had not been measured."""

    family: str
    posterior_bits: float
    campaign_probability: float
    likelihood_term: str


@dataclass(frozen=True)
class MissingFamily:
    """A family that could not be measured and the input fields that it needs."""

    family: str
    data_fields: tuple[str, ...]


@dataclass(frozen=True)
class CampaignExplanation:
    """Everything that the snapshot knows on why one campaign is suspected on one day."""

    snapshot_id: str
    state: CampaignState
    prior_bits: float
    posterior_bits: float
    evidence: tuple[Evidence, ...]
    counter_evidence: tuple[Evidence, ...]
    without: tuple[Without, ...]
    not_available: tuple[MissingFamily, ...]
    indicators: tuple[Indicator, ...]
    nearest_cleared: tuple[Comparison, ...]
    joins: tuple[Join, ...]


def explain_campaign(
    connection: duckdb.DuckDBPyConnection, campaign_id: str, as_of: date | None = None
) -> CampaignExplanation:
    """Return the ledger of a campaign on `as_of` (default: its newest day in the snapshot).

    Raises InputError with the ids or days that exist where the campaign or day does not.
    """
    rules = read_rules()
    day = choose_day(_find_days(connection, campaign_id), as_of, f"campaign {campaign_id}")
    key = (campaign_id, day)
    (state,) = read_rows(connection, CampaignState, _STATE, key)
    evidence = read_rows(connection, Evidence, _EVIDENCE, key)
    posterior = to_bits(state.posterior_log10_odds)
    return CampaignExplanation(
        snapshot_id=read_snapshot_id(connection),
        state=state,
        prior_bits=to_bits(state.prior_log10_odds),
        posterior_bits=posterior,
        evidence=tuple(row for row in evidence if row.log10_likelihood_ratio > 0),
        counter_evidence=tuple(row for row in evidence if row.log10_likelihood_ratio <= 0),
        without=tuple(leave_out(rules, posterior, row) for row in evidence),
        not_available=find_missing(rules, evidence),
        indicators=read_rows(connection, Indicator, _INDICATORS, key),
        nearest_cleared=read_rows(connection, Comparison, _COMPARISON, key),
        joins=read_rows(connection, Join, _JOINS, key),
    )


def leave_out(rules: Rules, posterior_bits: float, evidence: Evidence) -> Without:
    """Return the judgement without one family: its weight is taken from the posterior."""
    bits = posterior_bits - evidence.bits
    probability = rules.get_probability(bits)
    return Without(evidence.family, bits, probability, rules.get_term(probability))


def find_missing(rules: Rules, evidence: tuple[Evidence, ...]) -> tuple[MissingFamily, ...]:
    """Return the families without a row, which counted nothing for or against."""
    seen = {row.family for row in evidence}
    return tuple(
        MissingFamily(family, rules.list_fields(family))
        for family in rules.list_families()
        if family not in seen
    )


def _find_days(connection: duckdb.DuckDBPyConnection, campaign_id: str) -> list[date]:
    found = connection.execute(
        "select as_of_date from marts.fct_campaign_days where campaign_id = ?", [campaign_id]
    ).fetchall()
    if not found:
        names = connection.execute(
            "select campaign_id from marts.dim_campaigns order by account_count desc, campaign_id"
        ).fetchall()
        raise InputError(
            f"there is no campaign {campaign_id!r}. "
            + describe_names(campaign_id, [str(name) for (name,) in names], "campaigns")
        )
    return [day for (day,) in found]


_STATE = """
select
    campaign_id, as_of_date, status, first_seen_at, last_seen_at, first_flagged_date,
    account_count, active_account_count, exchange_count,
    extraction_ratio, extraction_ratio_low, extraction_ratio_high,
    campaign_probability, likelihood_term, confidence_level, confidence_reason,
    prior_log10_odds, posterior_log10_odds
from marts.fct_campaign_days
where campaign_id = ? and as_of_date = ?
"""
_EVIDENCE = """
select
    evidence_id, signal_code, signal_version, family, statement,
    observed_value, baseline_value, base_population, shown_count, measured_count,
    median_percentile, log10_likelihood_ratio, benign_explanation, data_fields_used
from marts.fct_campaign_evidence
where campaign_id = ? and as_of_date = ?
order by log10_likelihood_ratio desc, family
"""
_INDICATORS = """
select
    indicator_code, advisory_number, title, result, shown_count, measured_count,
    established_ratio, established_count, lookalike_ratio, lookalike_count, statement, benign_cause
from marts.fct_campaign_coverage
where campaign_id = ? and as_of_date = ?
order by place
"""
_COMPARISON = """
select
    family, evidence_side, log10_likelihood_ratio, cleared_log10_likelihood_ratio,
    group_label, account_count, cleared_group_id, cleared_group_label, cleared_account_count,
    is_same_size, cleared_because, comparable_group_count, comparable_tail_probability
from marts.fct_campaign_comparisons
where campaign_id = ? and as_of_date = ?
order by
    coalesce(log10_likelihood_ratio, 0) - coalesce(cleared_log10_likelihood_ratio, 0) desc, family
"""
_JOINS = """
select
    account_key, other_account_key, account_count, other_account_count,
    shared_exit_count, neighbour_count, other_neighbour_count, shared_registration_count
from marts.fct_campaign_joins
where campaign_id = ? and as_of_date = ?
order by account_count + other_account_count desc, account_key, other_account_key
"""
