from __future__ import annotations

from datetime import date

from stillwatch.transform.comparison import (
    AccountCounts,
    CampaignChange,
    Change,
    DayState,
    Standing,
    compare_states,
)

DAY = date(2026, 11, 2)
STANDING = Standing(established=frozenset({"b", "x"}), cleared=frozenset({"y"}))


def _state(**members: str) -> DayState:
    """Return a state whose campaigns hold one account per letter."""
    return DayState(
        {name: frozenset(accounts) for name, accounts in members.items()},
        dict.fromkeys(members, 0.8),
        None,
    )


def test_comparison__an_id_that_stays_is_the_same_or_changed() -> None:
    found = compare_states(DAY, _state(one="abc", two="de"), _state(one="acx", two="de"), STANDING)
    assert found.campaigns == (
        CampaignChange("one", Change.CHANGES, 3, 3, ("x",), ("b",), 0.8, 0.8),
        CampaignChange("two", Change.SAME, 2, 2, (), (), 0.8, 0.8),
    )
    assert found.entering == AccountCounts(1, established=1, cleared=0)
    assert found.leaving == AccountCounts(1, established=1, cleared=0)


def test_comparison__a_new_id_with_most_of_the_accounts_is_the_same_campaign() -> None:
    found = compare_states(
        DAY, _state(old="abcd", gone="efg"), _state(new="bcd", other="aef", fresh="xy"), STANDING
    )
    assert [(each.campaign_id, each.change) for each in found.campaigns] == [
        ("fresh", Change.APPEARS),
        ("gone", Change.CHANGES),
        ("old", Change.CHANGES),
    ]
    by_id = {each.campaign_id: each for each in found.campaigns}
    assert by_id["old"].accounts_out == ("a",)
    assert (by_id["gone"].accounts_in, by_id["gone"].accounts_out) == (("a",), ("g",))
    assert by_id["fresh"].stored_probability is None


def test_comparison__an_account_that_moves_between_campaigns_neither_enters_nor_leaves() -> None:
    found = compare_states(DAY, _state(one="ab", two="cd"), _state(one="a", two="bcdy"), STANDING)
    assert found.entering == AccountCounts(1, established=0, cleared=1)
    assert found.leaving == AccountCounts(0, 0, 0)
    assert found.proposed_accounts == AccountCounts(5, established=1, cleared=1)


def test_comparison__a_campaign_without_successor_vanishes() -> None:
    found = compare_states(DAY, _state(one="ab"), _state(), STANDING)
    assert found.count_campaigns(Change.VANISHES) == 1
    assert found.campaigns[0].proposed_probability is None
    assert found.leaving.total == 2
