from __future__ import annotations

from datetime import timedelta
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.cluster import pair_confusion_matrix

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

# Two true campaigns; the first is found in two pieces, one of which accuses a benign account.
TRUTH = {"a1": "A", "a2": "A", "a3": "A", "a4": "A", "b1": "B", "b2": "B"}
DETECTED = {"a1": "C1", "a2": "C1", "a3": "C2", "x1": "C2", "y1": "C3", "y2": "C3", "b1": "C3"}

groups = st.dictionaries(
    st.sampled_from([f"k{n}" for n in range(12)]), st.sampled_from(["A", "B", "C"]), max_size=12
)


def brute_force(truth: dict[str, str], detected: dict[str, str]) -> Agreement:
    """Return the agreement account by account and pair by pair, straight from the definitions."""
    keys = sorted(truth.keys() | detected.keys())
    classes = {key: truth.get(key, f"alone {key}") for key in keys}
    clusters = {key: detected.get(key, f"alone {key}") for key in keys}
    precisions, recalls = [], []
    for key in keys:
        same_cluster = {other for other in keys if clusters[other] == clusters[key]}
        same_class = {other for other in keys if classes[other] == classes[key]}
        precisions.append(len(same_cluster & same_class) / len(same_cluster))
        recalls.append(len(same_cluster & same_class) / len(same_class))
    pairs = list(combinations(keys, 2))
    together = {pair for pair in pairs if clusters[pair[0]] == clusters[pair[1]]}
    related = {pair for pair in pairs if classes[pair[0]] == classes[pair[1]]}
    precision = sum(precisions) / len(keys) if keys else None
    recall = sum(recalls) / len(keys) if keys else None
    pair_precision = len(together & related) / len(together) if together else None
    pair_recall = len(together & related) / len(related) if related else None

    def f1(one: float | None, other: float | None) -> float | None:
        if one is None or other is None:
            return None
        return 2 * one * other / (one + other) if one + other else 0.0

    return Agreement(
        len(keys), precision, recall, f1(precision, recall),
        pair_precision, pair_recall, f1(pair_precision, pair_recall),
    )  # fmt: skip


def test_agreement__by_hand() -> None:
    found = compare_groupings(TRUTH, DETECTED)
    # a1 a2: 1; a3 x1: 1/2; y1 y2 b1: 1/3; a4 b2 (alone): 1 — over nine accounts
    assert found.account_count == 9
    assert found.b3_precision == pytest.approx((2 * 1 + 2 / 2 + 3 / 3 + 2) / 9)
    # a1 a2: 2/4; a3 a4: 1/4; b1 b2: 1/2; x1 y1 y2: 1
    assert found.b3_recall == pytest.approx((2 * 0.5 + 2 * 0.25 + 2 * 0.5 + 3) / 9)
    # pairs: detected 1 + 1 + 3, true 6 + 1, common only a1-a2
    assert found.pair_precision == pytest.approx(1 / 5)
    assert found.pair_recall == pytest.approx(1 / 7)
    assert found.pair_f1 == pytest.approx(2 / 12)


@given(groups, groups)
@settings(max_examples=200, deadline=None)
def test_agreement__equals_brute_force(truth: dict[str, str], detected: dict[str, str]) -> None:
    found, expected = compare_groupings(truth, detected), brute_force(truth, detected)
    for name in Agreement.__dataclass_fields__:
        assert getattr(found, name) == pytest.approx(getattr(expected, name)), name


def test_agreement__pairs_agree_with_scikit_learn() -> None:
    keys = sorted(TRUTH.keys() | DETECTED.keys())
    matrix = pair_confusion_matrix(
        [TRUTH.get(key, key) for key in keys], [DETECTED.get(key, key) for key in keys]
    )
    found = compare_groupings(TRUTH, DETECTED)
    assert found.pair_precision == pytest.approx(matrix[1, 1] / (matrix[1, 1] + matrix[0, 1]))
    assert found.pair_recall == pytest.approx(matrix[1, 1] / (matrix[1, 1] + matrix[1, 0]))


def test_agreement__nothing_detected_costs_recall_only() -> None:
    found = compare_groupings({"a": "A", "b": "A"}, {})
    assert (found.b3_precision, found.b3_recall) == (1.0, 0.5)
    assert (found.pair_precision, found.pair_recall) == (None, 0.0)
    assert compare_groupings({}, {}).b3_f1 is None


def test_match_campaigns__by_hand() -> None:
    matches = {match.campaign_id: match for match in match_campaigns(TRUTH, DETECTED)}
    assert (matches["C1"].campaign, matches["C1"].purity) == ("A", 1.0)
    assert (matches["C2"].campaign, matches["C2"].is_false) == ("A", False)  # one of two
    assert (matches["C3"].campaign, matches["C3"].is_false) == (None, True)  # one of three
    assert matches["C3"].shared_count == 0


def test_cover_campaigns__counts_fragments_and_found_accounts() -> None:
    matches = match_campaigns(TRUTH, DETECTED)
    covered = {each.campaign: each for each in cover_campaigns(TRUTH, matches)}
    assert (covered["A"].fragment_count, covered["A"].coverage) == (2, 0.75)
    assert (covered["B"].is_found, covered["B"].coverage) == (False, 0.0)
    both = tuple(covered.values())
    assert measure_purity(matches) == pytest.approx(3 / 7)
    assert measure_coverage(both) == pytest.approx(3 / 6)
    assert measure_fragments(both) == 2.0
    found = measure_found(both)
    assert found.value == 0.5
    assert found.method == "Clopper-Pearson, 1 of 2"


def test_match_campaigns__a_mixed_campaign_of_attackers_is_not_false() -> None:
    truth = {"a": "A", "b": "B", "c": "C"}
    (match,) = match_campaigns(truth, {"a": "C1", "b": "C1", "c": "C1"})
    assert not match.is_false
    assert (match.campaign, match.purity) == ("A", pytest.approx(1 / 3))


def test_false_campaigns__none_in_three_million_account_months_is_at_most_one() -> None:
    months = count_account_months(3_000_000, timedelta(days=365.2425 / 12))
    assert months == pytest.approx(3_000_000)
    found = measure_false_campaigns((), months)
    assert found.value == 0.0
    assert found.high == pytest.approx(0.9986, abs=1e-3)


def test_false_campaigns__one_in_half_a_million_account_months() -> None:
    matches = match_campaigns(TRUTH, DETECTED)
    found = measure_false_campaigns(matches, 500_000)
    assert found.value == pytest.approx(2.0)
    assert found.high == pytest.approx(5.5716 / 0.5, abs=1e-3)  # Garwood, one event


def test_list_false_campaigns__says_whose_accounts_are_accused() -> None:
    truth = {"a1": "hydra", "a2": "hydra"}
    detected = {"a1": "C1", "a2": "C1", "b1": "C1", "b2": "C2", "b3": "C2", "b4": "C2"}
    cohort_of = {"b1": "classroom", "b2": "classroom", "b3": "hackathon", "b4": "hackathon"}
    found = list_false_campaigns(match_campaigns(truth, detected), detected, cohort_of)
    assert found == (FalseCampaign("C2", 3, (("hackathon", 2), ("classroom", 1))),)


def test_list_false_campaigns__an_account_of_no_cohort_is_named_unknown() -> None:
    detected = {"x": "C1"}
    (found,) = list_false_campaigns(match_campaigns({}, detected), detected, {})
    assert found.cohorts == (("unknown", 1),)
