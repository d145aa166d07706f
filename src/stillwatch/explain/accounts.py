"""Why an account is suspected or not: its signals, what it shares, and whose member it is.

No account is suspected for its own numbers: they only rank it. A suspicion comes through groups.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from stillwatch.errors import InputError
from stillwatch.explain.rules import Rules, read_rules, to_bits
from stillwatch.explain.snapshot import choose_day, describe_names, read_rows, read_snapshot_id


@dataclass(frozen=True)
class AccountState:
    """Who the account is, as its registry and its use say in the newest day of the snapshot."""

    account_key: str
    platform: str
    account_id: str
    status: str | None
    created_at: datetime | None
    plan: str | None
    is_verified: bool
    is_allowlisted: bool
    allowlist_reason: str | None
    first_seen_at: datetime | None
    last_seen_at: datetime | None


@dataclass(frozen=True)
class Score:
    """The account's row of `fct_account_scores` on the day."""

    suspicion_probability: float
    own_log10_odds: float
    cluster_log10_odds: float
    campaign_id: str | None


@dataclass(frozen=True)
class AccountSignal:
    """One signal that speaks against the account; `counts` says whether it is its family's."""

    signal_code: str
    signal_version: int
    family: str
    observed_value: float
    baseline_value: float | None
    base_population: int | None
    tail_probability: float
    bits: float
    counts: bool
    benign_explanation: str


@dataclass(frozen=True)
class Link:
    """One rare value that the account shares with others, and how rare it is."""

    link_type: str
    linked_key: str
    shared: str
    holder_count: int
    established_ratio: float
    exchange_count: int
    bits: float


@dataclass(frozen=True)
class Membership:
    """The account's membership of a campaign: on the day if it was in its cluster, else now."""

    campaign_id: str
    role: str
    membership_probability: float
    first_flagged_date: date
    first_seen_at: datetime
    last_seen_at: datetime
    was_in_cluster: bool


@dataclass(frozen=True)
class AccountExplanation:
    """Everything that the snapshot knows on why one account is suspected, or not, on one day."""

    snapshot_id: str
    as_of_date: date
    state: AccountState
    score: Score
    prior_bits: float
    own_bits: float
    group_bits: float
    signals: tuple[AccountSignal, ...]
    links: tuple[Link, ...]
    memberships: tuple[Membership, ...]


@dataclass(frozen=True)
class _SignalRow:
    signal_code: str
    signal_version: int
    family: str
    observed_value: float
    baseline_value: float | None
    base_population: int | None
    tail_probability: float
    log10_likelihood_ratio: float


@dataclass(frozen=True)
class _LinkRow:
    link_type: str
    linked_key: str
    log10_likelihood_ratio: float
    evidence: str


def explain_account(
    connection: duckdb.DuckDBPyConnection, account: str, as_of: date | None = None
) -> AccountExplanation:
    """Return what is known of an account on `as_of` (default: its newest day in the snapshot).

    `account` is its key, the beginning of the key, its id or `platform:id`. Raises InputError
    with what exists where no or more than one account is meant, or the day is unknown.
    """
    rules = read_rules()
    state = _find_account(connection, account)
    days = connection.execute(
        "select as_of_date from marts.fct_account_scores where account_key = ?", [state.account_key]
    ).fetchall()
    day = choose_day([row[0] for row in days], as_of, f"account {state.account_key}")
    key = (state.account_key, day)
    (score,) = read_rows(connection, Score, _SCORE, key)
    return AccountExplanation(
        snapshot_id=read_snapshot_id(connection),
        as_of_date=day,
        state=state,
        score=score,
        prior_bits=rules.prior_bits,
        own_bits=to_bits(score.own_log10_odds) - rules.prior_bits,
        group_bits=to_bits(score.cluster_log10_odds),
        signals=weigh_signals(rules, read_rows(connection, _SignalRow, _SIGNALS, key)),
        links=tuple(_read_link(row) for row in read_rows(connection, _LinkRow, _LINKS, key)),
        memberships=read_rows(connection, Membership, _MEMBERSHIPS, [day, state.account_key]),
    )


def weigh_signals(rules: Rules, rows: tuple[_SignalRow, ...]) -> tuple[AccountSignal, ...]:
    """Return the signals with discounted bits; of a family only the strongest counts."""
    counted: set[str] = set()
    weighed = []
    for row in rows:
        signal = rules.signals.get(row.signal_code)
        weighed.append(
            AccountSignal(
                signal_code=row.signal_code,
                signal_version=row.signal_version,
                family=row.family,
                observed_value=row.observed_value,
                baseline_value=row.baseline_value,
                base_population=row.base_population,
                tail_probability=row.tail_probability,
                bits=rules.slope * to_bits(float(row.log10_likelihood_ratio)),
                counts=row.family not in counted,
                benign_explanation=signal.benign_explanation if signal else "no longer in force",
            )
        )
        counted.add(row.family)
    return tuple(weighed)


def _read_link(row: _LinkRow) -> Link:
    evidence = json.loads(row.evidence)
    return Link(
        link_type=row.link_type,
        linked_key=row.linked_key,
        shared=str(evidence["shared"]),
        holder_count=int(evidence["holders"]),
        established_ratio=float(evidence["established_ratio"]),
        exchange_count=int(evidence["exchanges_with_it"]),
        bits=to_bits(row.log10_likelihood_ratio),
    )


def _find_account(connection: duckdb.DuckDBPyConnection, account: str) -> AccountState:
    found = read_rows(connection, AccountState, _ACCOUNT, [account])
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"{row.platform}:{row.account_id} ({row.account_key})" for row in found)
        raise InputError(f"{account!r} may be one of {listed}: give the key or platform:id")
    rows = connection.execute(
        "select account_key from marts.fct_account_scores "
        "where as_of_date = (select max(as_of_date) from marts.fct_account_scores) "
        "order by suspicion_probability desc, account_key"
    ).fetchall()
    raise InputError(
        f"there is no account {account!r}: give its key or the beginning of it, its id or "
        "platform:id. "
        + describe_names(account, [str(key) for (key,) in rows], "scored accounts by key")
    )


_ACCOUNT = """
select
    account_key, platform, account_id, status, created_at, plan, is_verified, is_allowlisted,
    allowlist_reason, first_seen_at, last_seen_at
from marts.dim_accounts
where account_key = $1 or account_id = $1 or platform || ':' || account_id = $1
    or (length($1) >= 6 and starts_with(account_key, $1))
order by account_key
limit 5
"""
_SCORE = """
select suspicion_probability, own_log10_odds, cluster_log10_odds, campaign_id
from marts.fct_account_scores
where account_key = ? and as_of_date = ?
"""
_SIGNALS = """
select
    signal_code, signal_version, family, observed_value, baseline_value, base_population,
    tail_probability, log10_likelihood_ratio
from marts.fct_account_signals
where account_key = ? and as_of_date = ?
order by log10_likelihood_ratio desc, signal_code
"""
_LINKS = """
select link_type, linked_key, log10_likelihood_ratio, evidence
from marts.fct_account_links
where account_key = ? and as_of_date = ?
order by log10_likelihood_ratio desc, linked_key
"""
_MEMBERSHIPS = """
select
    b.campaign_id, b.role, coalesce(c.membership_probability, b.membership_probability)
        as membership_probability,
    b.first_flagged_date, b.first_seen_at, b.last_seen_at,
    c.account_key is not null as was_in_cluster
from marts.bridge_campaign_accounts as b
left join marts.bridge_cluster_accounts as c
    on b.account_key = c.account_key and c.as_of_date = ?
where b.account_key = ?
order by b.campaign_id
"""
