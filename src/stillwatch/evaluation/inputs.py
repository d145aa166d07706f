"""Reads what the metrics need: the truth of a simulated world beside the marts built from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from stillwatch.errors import InputError
from stillwatch.evaluation.grouping import match_campaigns
from stillwatch.evaluation.sizes import SizeEstimate
from stillwatch.evaluation.tables import Activity, Membership, TrueAccount, get_partition


@dataclass(frozen=True)
class WorldResult:
    """A world's truth and what the pipeline said about it, up to one day.

    `truth` holds every account of the world, also those that never had traffic: these are `silent`.
    Scores are suspicion probabilities as of the last day, `own_scores` the log odds from an
    account's own evidence; accounts without one were not active in the window.
    """

    world: str
    first_day: date
    last_day: date
    truth: tuple[TrueAccount, ...]
    scores: Mapping[str, float]
    memberships: tuple[Membership, ...]
    activity: tuple[Activity, ...]
    sizes: tuple[SizeEstimate, ...]
    own_scores: Mapping[str, float]
    silent: frozenset[str]

    @property
    def campaign_of(self) -> dict[str, str]:
        """The true campaign of each attacker's account."""
        return {each.account_key: each.campaign for each in self.truth if each.campaign is not None}

    @property
    def flagged(self) -> frozenset[str]:
        """Accounts that are in a detected campaign as of the last day."""
        return frozenset(get_partition(self.memberships, self.last_day))


def read_world_result(world: str, truth: Path, warehouse: Path) -> WorldResult:
    """Return the result of a simulated world from its truth folder and a published warehouse.

    Accounts are joined by platform and account id. One that the pipeline has never seen keeps a key
    of its own, `platform/account_id`, and counts as not found.
    """
    exchanges, daily = truth / "exchanges.parquet", truth / "account_days.parquet"
    activity_file = daily if daily.exists() else exchanges
    for path in (truth / "accounts.parquet", activity_file, warehouse):
        if not path.exists():
            raise InputError(f"{path} is missing: simulate and run world {world!r} first")
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"attach '{_quote(warehouse)}' as built (read_only)")
        connection.execute(
            f"""
            create temp table people as
            select t.*, coalesce(a.account_key, t.platform || '/' || t.account_id) as account_key
            from read_parquet('{_quote(truth / "accounts.parquet")}') as t
            left join built.marts.dim_accounts as a
                on t.platform = a.platform and t.account_id = a.account_id
            """
        )
        connection.execute(
            f"create temp view true_days as {_select_days(daily.exists(), activity_file)}"
        )
        accounts = tuple(
            TrueAccount(key, cohort, campaign, world)
            for key, cohort, campaign in connection.execute(
                "select account_key, cohort, campaign from people order by account_key"
            ).fetchall()
        )
        days = connection.execute(
            "select min(as_of_date), max(as_of_date) from built.marts.fct_account_scores"
        ).fetchone()
        if days is None or days[0] is None:
            raise InputError(f"{warehouse} has no scored day: run world {world!r} first")
        scored = connection.execute(
            "select account_key, suspicion_probability, own_log10_odds "
            "from built.marts.fct_account_scores where as_of_date = $1",
            [days[1]],
        ).fetchall()
        memberships = tuple(
            Membership(*row)
            for row in connection.execute(
                "select as_of_date, campaign_id, account_key from built.marts.fct_account_scores "
                "where campaign_id is not null order by all"
            ).fetchall()
        )
        activity = _read_activity(connection, days[1])
        campaign_of = {a.account_key: a.campaign for a in accounts if a.campaign is not None}
        sizes = _read_sizes(connection, campaign_of, memberships, activity, days[1])
        silent = _find_silent(connection, days[1])
    return WorldResult(
        world=world,
        first_day=days[0],
        last_day=days[1],
        truth=accounts,
        scores={key: probability for key, probability, _ in scored},
        memberships=memberships,
        activity=activity,
        sizes=sizes,
        own_scores={key: odds for key, _, odds in scored if odds is not None},
        silent=silent,
    )


def _select_days(is_daily: bool, path: Path) -> str:
    """Return the true activity by account and day: as written by the fast mode, or counted."""
    if is_daily:
        return f"""
            select p.account_key, p.campaign, d.event_date, d.exchange_count,
                d.campaign_exchange_count, d.extraction_count
            from read_parquet('{_quote(path)}') as d
            inner join people as p on d.account = p.account
            """
    return f"""
        select p.account_key, max(e.campaign) as campaign, e.event_date,
            count(*) as exchange_count, count(e.campaign) as campaign_exchange_count,
            count(*) filter (where e.is_extraction) as extraction_count
        from read_parquet('{_quote(path)}') as e
        inner join people as p on e.source_id = p.source_id and e.account_id = p.account_id
        group by p.account_key, e.event_date
        """


def _find_silent(connection: duckdb.DuckDBPyConnection, last_day: date) -> frozenset[str]:
    """Return the accounts that had asked nothing by the last day: there is nothing to find."""
    rows = connection.execute(
        "select account_key from people anti join "
        "(select account_key from true_days where event_date <= $1) using (account_key)",
        [last_day],
    ).fetchall()
    return frozenset(key for (key,) in rows)


def _read_activity(connection: duckdb.DuckDBPyConnection, last_day: date) -> tuple[Activity, ...]:
    rows = connection.execute(
        "select campaign, account_key, event_date, campaign_exchange_count, extraction_count "
        "from true_days where campaign_exchange_count > 0 and event_date <= $1 order by all",
        [last_day],
    ).fetchall()
    return tuple(Activity(*row) for row in rows)


def _read_sizes(
    connection: duckdb.DuckDBPyConnection,
    campaign_of: Mapping[str, str],
    memberships: Sequence[Membership],
    activity: Sequence[Activity],
    last_day: date,
) -> tuple[SizeEstimate, ...]:
    """Return the share of extraction of each detected campaign, beside that of its true members.

    The true share is taken over the accounts that the campaign names, so that a wrong estimate is
    not mixed up with missed accounts.
    """
    estimates = {
        row[0]: row[1:]
        for row in connection.execute(
            "select campaign_id, extraction_ratio, extraction_ratio_low, extraction_ratio_high "
            "from built.marts.fct_campaign_days where as_of_date = $1",
            [last_day],
        ).fetchall()
    }
    detected = get_partition(memberships, last_day)
    sizes = []
    for match in match_campaigns(campaign_of, detected):
        rows = [row for row in activity if detected.get(row.account_key) == match.campaign_id]
        made = sum(row.exchange_count for row in rows)
        if match.campaign is None or not made or match.campaign_id not in estimates:
            continue
        share = sum(row.extraction_count for row in rows) / made
        sizes.append(SizeEstimate(match.campaign_id, share, *estimates[match.campaign_id]))
    return tuple(sizes)


def _quote(path: Path) -> str:
    return str(path).replace("'", "''")
