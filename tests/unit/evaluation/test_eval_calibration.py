from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from stillwatch.errors import InputError
from stillwatch.evaluation.calibration import Binning, measure_calibration
from stillwatch.evaluation.evasion import CostModel, EvasionRun, trace_evasion
from stillwatch.evaluation.sizes import SizeEstimate, measure_size_error


def test_calibration__by_hand() -> None:
    probability = np.array([0.05, 0.05, 0.95, 0.85])
    found = measure_calibration(probability, np.array([False, True, True, True]))
    # bins [0, .1): mean .05, observed .5; [.8, .9): .85, 1; [.9, 1]: .95, 1
    assert [each.count for each in found.bins] == [2, 1, 1]
    assert found.expected_error == pytest.approx((2 * 0.45 + 0.15 + 0.05) / 4)
    assert found.brier_score == pytest.approx((0.0025 + 0.9025 + 0.0025 + 0.0225) / 4)
    assert found.binning == "10 bins of equal width"
    assert found.bins[0].observed.method == "Clopper-Pearson, 1 of 2"


def test_calibration__one_belongs_to_the_last_bin() -> None:
    found = measure_calibration(np.array([1.0, 0.0]), np.array([True, False]))
    assert [(each.low, each.high) for each in found.bins] == [(0.0, 0.1), (0.9, 1.0)]
    assert found.expected_error == 0.0


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=60))
@settings(max_examples=100, deadline=None)
def test_calibration__agrees_with_scikit_learn(rows: list[tuple[float, bool]]) -> None:
    # Off the edges, which scikit-learn puts into the lower bin and we into the upper one.
    rows = [(p, y) for p, y in rows if abs(p * 10 - round(p * 10)) > 1e-6] or [(0.31, True)]
    probability = np.array([row[0] for row in rows], dtype=float)
    label = np.array([row[1] for row in rows])
    found = measure_calibration(probability, label)
    observed, mean = calibration_curve(label, probability, n_bins=10)
    assert [each.observed.value for each in found.bins] == pytest.approx(observed.tolist())
    assert [each.mean_probability for each in found.bins] == pytest.approx(mean.tolist())
    assert found.brier_score == pytest.approx(brier_score_loss(label, probability, pos_label=True))


def test_calibration__equal_count_bins_share_the_accounts() -> None:
    probability = np.linspace(0.001, 0.2, 1000)
    label = np.zeros(1000, dtype=bool)
    found = measure_calibration(probability, label, Binning.COUNT)
    assert found.binning == "10 bins of equal count"
    assert {each.count for each in found.bins} <= {99, 100, 101}
    assert len(measure_calibration(probability, label).bins) == 3  # of equal width: three filled


def test_calibration__equal_count_never_parts_equal_values() -> None:
    probability = np.array([0.0] * 95 + [0.9] * 5)
    found = measure_calibration(probability, probability > 0.5, Binning.COUNT)
    assert sum(each.count for each in found.bins) == 100
    assert [each.count for each in found.bins] == [95, 5]


def test_calibration__refuses_what_is_no_probability() -> None:
    with pytest.raises(InputError, match=r"1\.5 is no probability"):
        measure_calibration(np.array([0.1, 1.5]), np.array([False, True]))


def test_calibration__of_no_accounts_is_undefined() -> None:
    for binning in Binning:
        found = measure_calibration(np.array([]), np.array([], dtype=bool), binning)
        assert (found.expected_error, found.brier_score, found.bins) == (None, None, ())


def test_size_error__is_the_same_factor_both_ways() -> None:
    double = SizeEstimate("a", 0.4, 0.8, low=0.3, high=0.9)
    half = SizeEstimate("b", 0.4, 0.2, low=0.1, high=0.3)
    assert double.error_factor == half.error_factor == pytest.approx(2.0)
    assert (double.is_within, half.is_within) == (True, False)
    found = measure_size_error([double, half, SizeEstimate("c", 0.4, None)])
    assert found.factor.value == pytest.approx(2.0)
    assert (found.undefined_count, found.within_count, found.interval_count) == (1, 1, 2)


def test_size_error__averages_factors_geometrically() -> None:
    found = measure_size_error([SizeEstimate("a", 1, 1), SizeEstimate("b", 100, 900)])
    assert found.factor.value == pytest.approx(math.sqrt(1 * 9))
    assert (found.factor.low, found.factor.high) == (pytest.approx(1.0), pytest.approx(9.0))


def test_evasion_curve__by_hand() -> None:
    runs = [
        EvasionRun(0.0, 10, 9, exchange_count=1000, extraction_count=1000, leaked_extractions=100),
        EvasionRun(0.5, 10, 5, exchange_count=2000, extraction_count=1000, leaked_extractions=500),
    ]
    plain, covered = trace_evasion("camouflage", runs, CostModel(20.0, 0.1)).points
    assert (plain.cost_usd, covered.cost_usd) == (300.0, 400.0)
    # Without detection: 0.3 USD for each. With it: 3 USD, and 0.8 under camouflage.
    assert plain.cost_factor == pytest.approx(10.0)
    assert covered.cost_per_leaked_usd == pytest.approx(0.8)
    assert covered.cost_factor == pytest.approx(0.8 / 0.3)
    assert covered.account_recall.value == 0.5


def test_evasion_curve__camouflage_costs_a_reseller_nothing() -> None:
    runs = [
        EvasionRun(0.0, 10, 0, 1000, 1000, 1000),
        EvasionRun(0.9, 10, 0, 10_000, 1000, 1000),
    ]
    plain, covered = trace_evasion("camouflage", runs, CostModel(20.0, 0.1, 0.0)).points
    assert plain.cost_factor == covered.cost_factor == pytest.approx(1.0)


def test_evasion_curve__adds_up_seeds_and_shows_no_cost_where_nothing_leaks() -> None:
    run = EvasionRun(0.2, 4, 4, 100, 50, 0)
    (point,) = trace_evasion("camouflage", [run, run], CostModel(1.0, 1.0)).points
    assert point.account_recall.method == "Clopper-Pearson, 8 of 8"
    assert (point.leak, point.cost_per_leaked_usd, point.cost_factor) == (0.0, None, None)


def test_evasion_curve__refuses_counts_that_are_not_parts() -> None:
    with pytest.raises(InputError, match="60 leaked of 50"):
        trace_evasion("camouflage", [EvasionRun(0.2, 4, 4, 100, 50, 60)], CostModel(1, 1))
