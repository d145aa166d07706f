from __future__ import annotations

from datetime import date

import pytest

from stillwatch.errors import ConfigError
from stillwatch.evaluation.inputs import WorldResult
from stillwatch.evaluation.left_out import (
    LeftOut,
    add_up,
    choose_families,
    count_flagged,
    list_families,
)
from stillwatch.evaluation.tables import Membership, TrueAccount

EARLIER, LAST = date(2026, 11, 1), date(2026, 11, 2)


def make_result(memberships: tuple[Membership, ...]) -> WorldResult:
    """Five accounts of two campaigns, one of them silent, and two benign ones."""
    truth = (
        TrueAccount("a1", "x.pool", "x"),
        TrueAccount("a2", "x.pool", "x"),
        TrueAccount("a3", "x.pool", "x"),
        TrueAccount("b1", "y.pool", "y"),
        TrueAccount("b2", "y.pool", "y"),
        TrueAccount("h1", "ordinary", None),
        TrueAccount("h2", "ordinary", None),
    )
    return WorldResult(
        world="w",
        first_day=EARLIER,
        last_day=LAST,
        truth=truth,
        scores={},
        memberships=memberships,
        activity=(),
        sizes=(),
        own_scores={},
        silent=frozenset({"a3"}),
    )


def test_count_flagged__counts_no_account_that_asked_nothing() -> None:
    found = count_flagged(
        "timing",
        make_result(
            (
                Membership(LAST, "C1", "a1"),
                Membership(LAST, "C1", "a2"),
                Membership(LAST, "C1", "h1"),
            )
        ),
    )
    assert found == LeftOut("timing", 4, 2, 2, 1, 2, 1, 0)


def test_count_flagged__a_campaign_of_benign_accounts_is_a_false_one() -> None:
    found = count_flagged(
        "timing", make_result((Membership(LAST, "C1", "h1"), Membership(LAST, "C1", "h2")))
    )
    assert (found.found_count, found.false_campaign_count, found.flagged_benign) == (0, 1, 2)


def test_add_up__adds_the_seeds_of_each_family() -> None:
    rows = [
        LeftOut("", 4, 3, 10, 0, 2, 2, 0),
        LeftOut("timing", 4, 2, 10, 0, 2, 1, 0),
        LeftOut("", 4, 4, 12, 1, 2, 2, 0),
        LeftOut("timing", 4, 0, 12, 0, 2, 0, 1),
    ]
    assert add_up(rows) == (
        LeftOut("", 8, 7, 22, 1, 4, 4, 0),
        LeftOut("timing", 8, 2, 22, 0, 4, 1, 1),
    )


def test_choose_families__all_by_name_or_none() -> None:
    known = list_families()
    assert {"reasoning", "content", "equal_share", "shared_attributes"} <= set(known)
    assert "established_members" not in known
    assert choose_families(["all"]) == tuple(known)
    assert choose_families(["timing"]) == ("timing",)
    assert choose_families([]) == ()
    with pytest.raises(ConfigError, match=r"no family smell: give all or .*timing"):
        choose_families(["smell"])
