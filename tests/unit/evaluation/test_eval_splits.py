from __future__ import annotations

from collections import Counter

import pytest

from stillwatch.errors import InputError
from stillwatch.evaluation.splits import leave_one_family_out
from stillwatch.evaluation.tables import TrueAccount

ACCOUNTS = [
    *(TrueAccount(f"o{n}", "ordinary", None, "w") for n in range(200)),
    *(TrueAccount(f"c{n}", "classroom", None, "w") for n in range(30)),
    *(TrueAccount(f"h{n}", "hackathon", None, "w") for n in range(20)),
    *(TrueAccount(f"e{n}", "evaluator", None, "w") for n in range(4)),
    *(TrueAccount(f"p{n}", "relay.pool", "relay", "w") for n in range(40)),
    *(TrueAccount(f"q{n}", "graders.pool", "graders", "w") for n in range(10)),
    *(TrueAccount(f"r{n}", "slow.pool", "slow", "w") for n in range(5)),
]


def test_family_splits__never_train_on_the_family_that_is_tested() -> None:
    for split in leave_one_family_out(ACCOUNTS):
        trained = {ACCOUNTS[row].campaign for row in split.training}
        tested = {ACCOUNTS[row].campaign for row in split.testing} - {None}
        assert tested == {split.family}
        assert split.family not in trained
        assert not set(split.training) & set(split.testing)
        assert len(split.training) + len(split.testing) == len(ACCOUNTS)


def test_family_splits__test_every_account_once() -> None:
    splits = leave_one_family_out(ACCOUNTS)
    assert Counter(row for split in splits for row in split.testing) == Counter(
        range(len(ACCOUNTS))
    )
    assert [split.family for split in splits] == ["graders", "relay", "slow"]


def test_family_splits__hold_out_look_alike_cohorts_whole_and_deal_the_large_one() -> None:
    splits = leave_one_family_out(ACCOUNTS)
    for split in splits:
        trained = {ACCOUNTS[row].cohort for row in split.training}
        tested = {ACCOUNTS[row].cohort for row in split.testing}
        assert not trained & tested - {"ordinary"}
        assert set(split.held_out_cohorts) <= tested
        ordinary = sum(ACCOUNTS[row].cohort == "ordinary" for row in split.testing)
        assert 40 < ordinary < 95  # about a third of 200
    assert sorted(name for split in splits for name in split.held_out_cohorts) == [
        "classroom", "evaluator", "hackathon",
    ]  # fmt: skip


def test_family_splits__put_one_familys_campaigns_and_seeds_together() -> None:
    twice = [*ACCOUNTS, *(TrueAccount(f"v{n}", "relay.pool", "relay", "v") for n in range(3))]
    splits = leave_one_family_out(twice, {"relay": "network", "slow": "network"})
    assert [split.family for split in splits] == ["graders", "network"]
    tested = {(twice[row].world, twice[row].campaign) for row in splits[1].testing}
    assert {("w", "relay"), ("v", "relay"), ("w", "slow")} <= tested


def test_family_splits__need_two_families() -> None:
    with pytest.raises(InputError, match="needs two attacker families"):
        leave_one_family_out(ACCOUNTS[:290])
