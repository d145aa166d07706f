"""What a build database says of one day, and how two such states differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import duckdb


@dataclass(frozen=True)
class GroupCounts:
    """Candidate groups of a day, and the look-alikes among the members of flagged ones."""

    tested: int
    flagged: int
    established_accounts: int
    cleared_accounts: int


@dataclass(frozen=True)
class DayState:
    """Suspected campaigns of a day with the accounts of its clusters, and their probabilities.

    `groups` is None for a day before the newest: the build keeps groups of its newest day only.
    """

    members: Mapping[str, frozenset[str]]
    probabilities: Mapping[str, float]
    groups: GroupCounts | None

    @property
    def accounts(self) -> frozenset[str]:
        """Every suspected account of the day."""
        return frozenset().union(*self.members.values())


@dataclass(frozen=True)
class Standing:
    """Of some accounts, which are established and which verified or allow-listed (cleared)."""

    established: frozenset[str]
    cleared: frozenset[str]

    def count(self, accounts: frozenset[str]) -> AccountCounts:
        """Return how many of the accounts there are, and how many of them are look-alikes."""
        return AccountCounts(
            len(accounts), len(accounts & self.established), len(accounts & self.cleared)
        )


@dataclass(frozen=True)
class AccountCounts:
    """A number of accounts, and how many of them are established or cleared."""

    total: int
    established: int
    cleared: int


class Change(StrEnum):
    """What would become of a campaign."""

    APPEARS = "appears"
    VANISHES = "vanishes"
    CHANGES = "changes"
    SAME = "same accounts"


@dataclass(frozen=True)
class CampaignChange:
    """A campaign before and after; a probability is None where it is not suspected."""

    campaign_id: str
    change: Change
    stored_count: int
    proposed_count: int
    accounts_in: tuple[str, ...]
    accounts_out: tuple[str, ...]
    stored_probability: float | None
    proposed_probability: float | None


@dataclass(frozen=True)
class DayComparison:
    """One day as it is stored and as it would be."""

    day: date
    stored_groups: GroupCounts | None
    proposed_groups: GroupCounts | None
    stored_accounts: AccountCounts
    proposed_accounts: AccountCounts
    entering: AccountCounts
    leaving: AccountCounts
    campaigns: tuple[CampaignChange, ...]

    def count_campaigns(self, change: Change) -> int:
        """Return how many campaigns would change in that way."""
        return sum(each.change is change for each in self.campaigns)


def read_state(connection: duckdb.DuckDBPyConnection, day: date, has_groups: bool) -> DayState:
    """Return what the database says of `day`; `has_groups` if it was built for that day last."""
    rows = connection.execute(
        "select campaign_id, node_key from intermediate.int_campaign_nodes "
        "where as_of_date = ? and node_type = 'account' and is_current order by all",
        [day],
    ).fetchall()
    members: dict[str, set[str]] = {}
    for campaign_id, account_key in rows:
        members.setdefault(campaign_id, set()).add(account_key)
    probabilities = connection.execute(
        "select campaign_id, campaign_probability from marts.fct_campaign_days "
        "where as_of_date = ?",
        [day],
    ).fetchall()
    return DayState(
        {key: frozenset(accounts) for key, accounts in members.items()},
        {key: float(probability) for key, probability in probabilities},
        _count_groups(connection) if has_groups else None,
    )


def read_standing(connection: duckdb.DuckDBPyConnection, accounts: Iterable[str]) -> Standing:
    """Return the standing of the accounts on the day that the database was built for last."""
    rows = connection.execute(
        "select account_key, is_established, is_verified or is_allowlisted "
        "from intermediate.int_accounts where list_contains(?, account_key)",
        [sorted(accounts)],
    ).fetchall()
    return Standing(
        frozenset(key for key, is_established, _ in rows if is_established),
        frozenset(key for key, _, is_cleared in rows if is_cleared),
    )


def compare_states(
    day: date, stored: DayState, proposed: DayState, standing: Standing
) -> DayComparison:
    """Return how the proposed state differs from the stored one."""
    return DayComparison(
        day=day,
        stored_groups=stored.groups,
        proposed_groups=proposed.groups,
        stored_accounts=standing.count(stored.accounts),
        proposed_accounts=standing.count(proposed.accounts),
        entering=standing.count(proposed.accounts - stored.accounts),
        leaving=standing.count(stored.accounts - proposed.accounts),
        campaigns=tuple(
            _compare_campaign(stored, proposed, before, after)
            for before, after in _match(stored.members, proposed.members)
        ),
    )


def _match(
    stored: Mapping[str, frozenset[str]], proposed: Mapping[str, frozenset[str]]
) -> list[tuple[str | None, str | None]]:
    """Pair campaigns by id, then the rest by the most shared accounts.

    The id of a campaign that is new on the day comes from its accounts, so it may differ.
    """
    pairs: list[tuple[str | None, str | None]] = [(key, key) for key in stored if key in proposed]
    before = {key: accounts for key, accounts in stored.items() if key not in proposed}
    after = {key: accounts for key, accounts in proposed.items() if key not in stored}
    shared = sorted(
        (-len(accounts & others), key, other)
        for key, accounts in before.items()
        for other, others in after.items()
        if accounts & others
    )
    for _, key, other in shared:
        if key in before and other in after:
            pairs.append((key, other))
            del before[key], after[other]
    pairs += [(key, None) for key in before]
    pairs += [(None, key) for key in after]
    return sorted(pairs, key=lambda pair: pair[0] or pair[1] or "")


def _compare_campaign(
    stored: DayState, proposed: DayState, before: str | None, after: str | None
) -> CampaignChange:
    old = stored.members[before] if before else frozenset[str]()
    new = proposed.members[after] if after else frozenset[str]()
    if before is None:
        change = Change.APPEARS
    elif after is None:
        change = Change.VANISHES
    else:
        change = Change.SAME if old == new else Change.CHANGES
    return CampaignChange(
        campaign_id=before or after or "",
        change=change,
        stored_count=len(old),
        proposed_count=len(new),
        accounts_in=tuple(sorted(new - old)),
        accounts_out=tuple(sorted(old - new)),
        stored_probability=stored.probabilities.get(before) if before else None,
        proposed_probability=proposed.probabilities.get(after) if after else None,
    )


def _count_groups(connection: duckdb.DuckDBPyConnection) -> GroupCounts:
    row = connection.execute(
        """
        select
            (select count(*) from intermediate.int_groups__scored),
            count(distinct g.group_id),
            count(distinct case when m.is_reference then m.account_key end),
            count(distinct case when m.is_cleared then m.account_key end)
        from intermediate.int_groups__scored as g
        inner join intermediate.int_group_members as m on g.group_id = m.group_id
        where g.is_flagged
        """
    ).fetchone()
    tested, flagged, established, cleared = row or (0, 0, 0, 0)
    return GroupCounts(tested, flagged, established, cleared)
