from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from stillwatch.errors import InputError
from stillwatch.evaluation.intervals import (
    ResamplingPlan,
    bootstrap,
    bootstrap_mean,
    bound_rate,
    bound_ratio,
    estimate_rate,
    estimate_ratio,
    plan_resampling,
)


@pytest.mark.parametrize(("count", "total"), [(0, 10), (1, 10), (7, 20), (20, 20), (3, 3_000)])
def test_estimate_ratio__agrees_with_scipys_exact_interval(count: int, total: int) -> None:
    expected = stats.binomtest(count, total).proportion_ci(0.95, method="exact")
    found = estimate_ratio(count, total)
    assert found.value == count / total
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_estimate_ratio__no_case_of_ten_by_hand() -> None:
    # With no case the upper bound solves (1 - p)^10 = 0.025.
    assert estimate_ratio(0, 10).high == pytest.approx(1 - 0.025**0.1)


def test_estimate_ratio__is_undefined_without_cases() -> None:
    found = estimate_ratio(0, 0)
    assert (found.value, found.low, found.high) == (None, None, None)


def test_estimate_ratio__refuses_more_hits_than_cases() -> None:
    with pytest.raises(InputError, match="11 of 10"):
        estimate_ratio(11, 10)


def test_bound_ratio__is_the_one_sided_bound() -> None:
    assert bound_ratio(0, 100) == pytest.approx(1 - 0.05**0.01)
    expected = stats.binomtest(4, 100, alternative="less").proportion_ci(0.95, method="exact")
    assert bound_ratio(4, 100) == pytest.approx(expected.high)
    assert bound_ratio(5, 5) == 1.0
    assert bound_ratio(0, 0) == 1.0


def test_estimate_rate__no_event_gives_the_rule_of_three() -> None:
    found = estimate_rate(0, 3.0)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(-math.log(0.05) / 3.0)  # e^(-3 r) = 0.05
    assert found.high == pytest.approx(1.0, abs=0.002)


@pytest.mark.parametrize("events", [1, 2, 9, 40])
def test_estimate_rate__bounds_solve_the_poisson_tails(events: int) -> None:
    exposure = 2.5
    found = estimate_rate(events, exposure)
    assert found.value == events / exposure
    # At the low bound, this many or more has 2.5 %; at the high bound, this many or fewer.
    assert stats.poisson.sf(events - 1, found.low * exposure) == pytest.approx(0.025)
    assert stats.poisson.cdf(events, found.high * exposure) == pytest.approx(0.025)
    assert stats.poisson.cdf(events, bound_rate(events, exposure) * exposure) == pytest.approx(0.05)


def test_estimate_rate__is_undefined_without_exposure() -> None:
    assert estimate_rate(0, 0.0).value is None


def test_plan_resampling__keeps_a_campaign_together_and_parts_benign_accounts() -> None:
    plan = plan_resampling(["w"] * 5, ["a", "a", "b", "", ""])
    assert plan.clusters[0] == plan.clusters[1]
    assert len(set(plan.clusters.tolist())) == 4
    assert plan.strata.tolist() == [1, 1, 1, 0, 0]
    assert plan.unit == "2 campaigns, benign accounts one by one"


def test_plan_resampling__same_campaign_name_in_two_worlds_is_two_clusters() -> None:
    plan = plan_resampling(["w", "v"], ["a", "a"])
    assert plan.clusters[0] != plan.clusters[1]


def test_plan_resampling__draws_worlds_whole_once_there_are_five() -> None:
    plan = plan_resampling(list("vwxyzvwxyz"), [""] * 5 + ["a"] * 5)
    assert plan.unit == "5 worlds"
    assert plan.clusters[:5].tolist() == plan.clusters[5:].tolist()
    assert len(set(plan.clusters.tolist())) == 5


def test_bootstrap__interval_of_a_mean_is_close_to_the_textbook_one() -> None:
    values = np.random.default_rng(3).normal(10.0, 2.0, size=400)
    found = bootstrap_mean(values.tolist(), "rows", seed=1, replicates=2000)
    half = 1.96 * values.std(ddof=1) / math.sqrt(400)
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.04)
    assert found.high == pytest.approx(values.mean() + half, abs=0.04)


def test_bootstrap__clusters_widen_the_interval_of_copied_rows() -> None:
    values = np.random.default_rng(4).normal(size=30)
    copied = np.repeat(values, 50)
    strata = np.zeros(len(copied), dtype=np.int64)

    def weigh(weights: np.ndarray) -> float:
        return float(np.average(copied, weights=weights))

    alone = bootstrap(weigh, ResamplingPlan(strata, np.arange(len(copied)), "rows"), seed=1)
    whole = bootstrap(weigh, ResamplingPlan(strata, np.repeat(np.arange(30), 50), "groups"), seed=1)
    assert alone.value == whole.value
    assert (whole.high - whole.low) > 4 * (alone.high - alone.low)  # sqrt(50) is about 7


def test_bootstrap__one_cluster_gives_a_value_but_no_interval() -> None:
    found = bootstrap_mean([0.7], "campaigns", seed=0)
    assert (found.value, found.low, found.high) == (0.7, None, None)
    assert "no interval" in found.method


def test_bootstrap__is_the_same_for_the_same_seed() -> None:
    values = [0.1, 0.5, 0.9, 0.3]
    assert bootstrap_mean(values, "c", seed=5) == bootstrap_mean(values, "c", seed=5)
    assert bootstrap_mean(values, "c", seed=5) != bootstrap_mean(values, "c", seed=6)


def test_bootstrap__counts_replicates_left_out_as_undefined() -> None:
    plan = ResamplingPlan(np.zeros(2, dtype=np.int64), np.arange(2), "rows")
    found = bootstrap(lambda w: 1.0 if w[0] else None, plan, seed=0, replicates=200)
    used = int(found.method.split(", ")[1].split()[0])
    assert 120 < used < 180  # row 0 is drawn in three of four replicates
