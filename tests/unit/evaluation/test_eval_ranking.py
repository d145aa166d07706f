from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from stillwatch.errors import InputError
from stillwatch.evaluation.ranking import (
    RankedScores,
    get_average_precision,
    get_recall,
    measure_average_precision,
    measure_recall_at_rate,
    trace_recall,
)
from stillwatch.evaluation.tables import Accounts, Membership, TrueAccount, get_partition


def make_accounts(scores: list[float], campaigns: list[str], world: str = "w") -> Accounts:
    """Return accounts with these scores; the campaign "" is benign."""
    keys = [f"{world}{n}" for n in range(len(scores))]
    truth = [
        TrueAccount(key, f"cohort-{campaign or 'plain'}", campaign or None, world)
        for key, campaign in zip(keys, campaigns, strict=True)
    ]
    return Accounts.join(truth, dict(zip(keys, scores, strict=True)))


SCORED = st.lists(
    st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 3)), min_size=1, max_size=40
)


def test_average_precision__by_hand() -> None:
    # hit, miss, hit: precision 1 at the first, 2/3 at the second hit, half of the recall each
    ranked = RankedScores(np.array([3.0, 2.0, 1.0]), np.array([True, False, True]))
    assert get_average_precision(*ranked.count()) == pytest.approx((1 + 2 / 3) / 2)


def test_average_precision__tied_scores_are_flagged_together() -> None:
    # All tied: one threshold, precision 1/4 at full recall, whatever the order of the rows.
    for order in ([True, False, False, False], [False, False, False, True]):
        ranked = RankedScores(np.ones(4), np.array(order))
        assert get_average_precision(*ranked.count()) == 0.25


@given(SCORED)
@settings(max_examples=150, deadline=None)
def test_average_precision__agrees_with_scikit_learn_under_weights(
    rows: list[tuple[int, bool, int]],
) -> None:
    score = np.array([row[0] for row in rows], dtype=float)
    label = np.array([row[1] for row in rows])
    weight = np.array([row[2] for row in rows])
    ours = get_average_precision(*RankedScores(score, label).count(weight))
    if (weight * label).sum() == 0:
        assert ours is None
    else:
        assert ours == pytest.approx(average_precision_score(label, score, sample_weight=weight))


@given(SCORED, st.integers(0, 5))
@settings(max_examples=150, deadline=None)
def test_recall__agrees_with_trying_every_threshold(
    rows: list[tuple[int, bool, int]], allowed: int
) -> None:
    score = np.array([row[0] for row in rows], dtype=float)
    label = np.array([row[1] for row in rows])
    best = 0.0
    for threshold in set(score):
        flagged = score >= threshold
        if (flagged & ~label).sum() <= allowed and label.any():
            best = max(best, (flagged & label).sum() / label.sum())
    recall, _ = get_recall(*RankedScores(score, label).count(), allowed)
    assert recall == (pytest.approx(best) if label.any() else None)


def test_recall_at_rate__is_resolved_where_one_false_positive_is_allowed() -> None:
    # 1,000 benign accounts: 1,000 per million allows one, 100 per million allows none.
    scores = [9.0, 7.0, 5.0] + [8.0, 6.0] + [0.0] * 998
    accounts = make_accounts(scores, ["a", "a", "b"] + [""] * 1000)
    found = measure_recall_at_rate(accounts, 1000)
    assert found.is_resolvable
    assert (found.allowed_false_positives, found.false_positives) == (1, 1)
    assert found.recall.value == pytest.approx(2 / 3)
    assert found.threshold == 7.0
    assert found.statement == "1 of 1,000 benign accounts flagged"


def test_recall_at_rate__says_so_where_benign_accounts_are_too_few() -> None:
    accounts = make_accounts([9.0, 7.0, 8.0] + [0.0] * 999, ["a", "b", ""] + [""] * 999)
    found = measure_recall_at_rate(accounts, 100)
    assert not found.is_resolvable
    assert found.recall.value == 0.5  # at no false positive
    assert found.false_positive_rate.value == 0.0
    assert found.false_positive_rate.high == pytest.approx(1 - 0.025**0.001)
    assert found.proven_recall is None
    assert "not resolvable with 1,000 benign accounts" in found.statement
    assert "10,000" in found.statement


def test_recall_at_rate__proves_a_rate_only_by_its_upper_bound() -> None:
    # 4,000 accounts without an error bound the rate by 749 per million; with one by 1,185.
    scores = [9.0, 7.0] + [8.0] + [0.0] * 3999
    accounts = make_accounts(scores, ["a", "b"] + [""] * 4000)
    found = measure_recall_at_rate(accounts, 1000)
    assert found.recall.value == 1.0
    assert found.proven_recall == 0.5
    assert measure_recall_at_rate(accounts, 1200).proven_recall == 1.0
    assert measure_recall_at_rate(accounts, 700).proven_recall is None


def test_recall_at_rate__nothing_is_flagged_where_a_benign_account_leads() -> None:
    accounts = make_accounts([1.0, 5.0, 0.0], ["a", "", ""])
    found = measure_recall_at_rate(accounts, 10)
    assert found.recall.value == 0.0
    assert found.threshold is None
    assert found.false_positives == 0


def test_measured_average_precision__has_an_interval_only_with_two_campaigns() -> None:
    one = measure_average_precision(make_accounts([3.0, 1.0, 2.0], ["a", "", ""]))
    assert one.value == 1.0
    assert one.low is None
    scores = [9.0] * 5 + [0.5] * 5 + [1.0] * 40
    two = measure_average_precision(make_accounts(scores, ["a"] * 5 + ["b"] * 5 + [""] * 40))
    assert two.low < two.value < two.high
    assert two.high == 1.0  # replicates that draw only the campaign that is found
    assert "2 campaigns" in two.method


def test_trace_recall__keeps_the_best_recall_of_each_rate() -> None:
    accounts = make_accounts([4.0, 3.0, 2.0, 1.0], ["a", "", "a", ""])
    assert trace_recall(accounts) == [(0.0, 0.5), (500_000.0, 1.0), (1_000_000.0, 1.0)]


def test_accounts__without_a_score_rank_last() -> None:
    truth = [TrueAccount("x", "plain", None), TrueAccount("y", "net", "a")]
    accounts = Accounts.join(truth, {"x": -5.0})
    assert accounts.score.tolist() == [-5.0, -np.inf]
    assert accounts.list_campaigns() == ["a"]
    assert accounts.list_cohorts() == ["plain"]


def test_accounts__refuse_a_score_that_is_no_number() -> None:
    with pytest.raises(InputError, match="1 accounts have no score"):
        make_accounts([1.0, float("nan")], ["", "a"])


def test_accounts__of_several_worlds_are_concatenated_and_selected() -> None:
    both = Accounts.concatenate([make_accounts([1.0], ["a"], "v"), make_accounts([2.0], [""], "w")])
    assert both.account_key.tolist() == ["v0", "w0"]
    assert both.select(both.is_attacker).world.tolist() == ["v"]


def test_get_partition__takes_the_newest_campaign_up_to_a_day() -> None:
    from datetime import date

    first, second = date(2026, 11, 1), date(2026, 11, 2)
    rows = [Membership(second, "C2", "x"), Membership(first, "C1", "x")]
    assert get_partition(rows) == {"x": "C2"}
    assert get_partition(rows, first) == {"x": "C1"}
    with pytest.raises(InputError, match="account x is in C1 and in C3"):
        get_partition([Membership(first, "C1", "x"), Membership(first, "C3", "x")])
