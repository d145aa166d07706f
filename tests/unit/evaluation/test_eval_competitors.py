from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from competitor_worlds import NEW, OLD, RING, make_world

from stillwatch.errors import ConfigError, InputError
from stillwatch.evaluation.competitors import boosting, leiden, outliers, rules
from stillwatch.evaluation.competitors.mmd import MmdWindows
from stillwatch.evaluation.competitors.protocol import (
    Competitor,
    LabelledWorld,
    fill_unknown,
    load_extra,
)
from stillwatch.evaluation.competitors.registry import list_competitors
from stillwatch.evaluation.ranking import measure_average_precision
from stillwatch.evaluation.tables import Accounts

WORLD = make_world()


def get_scores(competitor: Competitor, labelled: LabelledWorld = WORLD) -> np.ndarray:
    """Return a competitor's scores in the order of the accounts."""
    found = competitor.score(labelled.tables)
    assert list(found.scores) == list(labelled.tables.account_keys)
    return np.array(list(found.scores.values()))


def get_precision(competitor: Competitor) -> float:
    """Return a competitor's average precision on the hand-made world."""
    scores = competitor.score(WORLD.tables).scores
    value = measure_average_precision(Accounts.join(WORLD.truth, scores)).value
    assert value is not None
    return value


def test_registry__lists_distinct_competitors_of_the_one_protocol() -> None:
    listed = list_competitors()
    assert all(isinstance(each, Competitor) for each in listed)
    assert len({each.name for each in listed}) == len(listed) == 11


def test_registry__imports_no_optional_package() -> None:
    code = (
        "import sys; from stillwatch.evaluation.competitors.registry import list_competitors; "
        "list_competitors(); "
        "print([m for m in ('sklearn', 'igraph', 'leidenalg', 'pyod') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_load_extra__names_the_group_to_install() -> None:
    with pytest.raises(ConfigError, match=r"no_such_module .* dependency group `bench`"):
        load_extra("no_such_module")


def test_labelled_world__refuses_a_truth_in_another_order() -> None:
    with pytest.raises(InputError, match="same order"):
        LabelledWorld(WORLD.tables, WORLD.truth[::-1])


def test_fill_unknown__takes_the_median() -> None:
    filled = fill_unknown(np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan], [8.0, np.nan]]))
    assert filled.tolist() == [[1.0, 0.0], [3.0, 0.0], [3.0, 0.0], [8.0, 0.0]]


@pytest.mark.parametrize("rule", [rules.VolumeRule(), rules.PhraseRule()])
def test_simple_rules__rank_by_their_one_feature(rule: Competitor) -> None:
    scores = get_scores(rule)
    assert scores[OLD + NEW :].min() > scores[: OLD + NEW].max()


def test_ja4_rule__compares_new_accounts_with_old() -> None:
    scores = get_scores(rules.Ja4Rule())
    assert scores[0] == 0.0  # no JA4
    # "rare": no old account of 60, 12 of 32 new ones; "common": 59 old, 20 new
    assert scores[-1] == pytest.approx(np.log((12.5 / 33) / (0.5 / 61)))
    assert scores[1] == pytest.approx(np.log((20.5 / 33) / (59.5 / 61)))


def test_country_rule__accuses_honest_newcomers_and_misses_the_ring() -> None:
    scores = get_scores(rules.CountryRule())
    assert scores.tolist() == [0.0] * OLD + [1.0] * NEW + [0.0] * RING


def test_isolation_forest__is_seeded() -> None:
    pytest.importorskip("sklearn", reason="the bench group is not installed")
    forest = outliers.IsolationForest(trees=50)
    assert get_scores(forest).tolist() == get_scores(forest).tolist()
    assert get_precision(outliers.IsolationForest()) > 0.6


def test_ecod__follows_the_papers_definition() -> None:
    features = np.random.default_rng(1).gamma(2.0, size=(40, 3)).round(1)
    features[:, 1] *= -1  # skewed to the left
    expected = []
    for row in features:
        left = right = chosen = 0.0
        for number, value in enumerate(row):
            column = features[:, number]
            low, high = -np.log(np.mean(column <= value)), -np.log(np.mean(column >= value))
            skew = (
                np.mean((column - column.mean()) ** 3)
                / np.mean((column - column.mean()) ** 2) ** 1.5
            )
            left, right, chosen = left + low, right + high, chosen + (low if skew < 0 else high)
        expected.append(max(left, right, chosen))
    assert outliers.score_ecod(features).tolist() == pytest.approx(expected)


def test_ecod__survives_a_feature_that_never_varies() -> None:
    features = np.column_stack([np.ones(10), np.arange(10.0)])
    scores = outliers.score_ecod(features)
    assert np.isfinite(scores).all()
    assert scores[0] == scores[9] == pytest.approx(np.log(10))  # both ends are as rare


def test_ecod__tails_agree_with_pyod() -> None:
    pyod = pytest.importorskip("pyod.models.copod", reason="the bench group is not installed")
    features = np.random.default_rng(2).normal(size=(50, 4)).round(1)
    detector = pyod.COPOD()
    detector.fit(features)
    left, right = outliers.get_tails(features)
    assert np.allclose(left, detector.U_l)
    assert np.allclose(right, detector.U_r)


@pytest.mark.parametrize("model", ["ecod", "copod"])
def test_pyod__scores_every_account(model: str) -> None:
    pytest.importorskip(f"pyod.models.{model}", reason="the bench group is not installed")
    competitor = outliers.PyodOutliers(model)
    assert competitor.name == f"{model.upper()} (pyod)"
    assert np.isfinite(get_scores(competitor)).all()


def test_pyod__runs_two_models_only() -> None:
    with pytest.raises(InputError, match="'iforest' is not run here"):
        outliers.PyodOutliers("iforest").score(WORLD.tables)


def test_leiden__puts_the_ring_into_one_community() -> None:
    pytest.importorskip("leidenalg", reason="the bench group is not installed")
    scores = get_scores(leiden.Leiden())
    assert len(set(scores[OLD + NEW :].tolist())) == 1
    assert scores[-1] > scores[: OLD + NEW].max()
    assert scores[0] == 0.0  # a couple is no community


def test_leiden_score__by_hand() -> None:
    # Three accounts of one community hold value 0, of which one also holds value 1 alone.
    shared = WORLD.tables.shared
    small = type(shared)(np.array([0, 1, 2, 2]), np.array([0, 0, 0, 1]), ("payment", "phone"))
    scores = leiden.score_communities(small, np.array([5, 5, 5, 6]))
    assert scores.tolist() == pytest.approx([np.log2(3) * 3 / np.log(8) / 3] * 3 + [0.0])


def test_mmd_windows__find_the_changed_queries_and_rank_the_untestable_last() -> None:
    competitor = MmdWindows(sizes=(10, 40))
    scores = get_scores(competitor)
    assert scores[OLD + NEW :].min() > scores[: OLD + NEW].max()
    assert get_scores(MmdWindows(sizes=(60,))).tolist() == [-np.inf] * (OLD + NEW + RING)


def test_gradient_boosting__learns_from_other_worlds_only() -> None:
    pytest.importorskip("sklearn", reason="the bench group is not installed")
    model = boosting.GradientBoosting((make_world("other", seed=1),))
    assert get_precision(model) > 0.95
    with pytest.raises(InputError, match="among the training worlds"):
        model.score(make_world("other", seed=2).tables)


def test_gradient_boosting__leave_one_out_tests_each_account_once() -> None:
    pytest.importorskip("sklearn", reason="the bench group is not installed")
    held = boosting.leave_one_out(WORLD)
    assert [each.family for each in held] == ["left", "right"]
    keys = [key for each in held for key in each.scores.scores]
    assert sorted(keys) == sorted(WORLD.tables.account_keys)
    by_key = {account.account_key: account for account in WORLD.truth}
    for each in held:
        families = {by_key[key].campaign for key in each.scores.scores}
        assert families == {None, each.family}


def test_gradient_boosting__goes_without_a_field_that_nobody_delivers() -> None:
    pytest.importorskip("sklearn", reason="the bench group is not installed")
    features = WORLD.tables.features.copy()
    features[:, 1] = np.nan
    blind = LabelledWorld(replace(WORLD.tables, features=features), WORLD.truth)
    held = boosting.leave_one_out(blind)
    assert sum(len(each.scores.scores) for each in held) == OLD + NEW + RING


def test_gradient_boosting__needs_attackers_to_learn_from() -> None:
    honest = LabelledWorld(
        WORLD.tables,
        tuple(type(a)(a.account_key, "old", None, "toy") for a in WORLD.truth),
    )
    model = boosting.GradientBoosting((honest,))
    with pytest.raises(InputError, match="attackers and benign"):
        model.score(make_world("next").tables)


def test_account_weights__make_campaigns_equal() -> None:
    weights = boosting.weigh_accounts([None, None, "a", "b", "b", "b", "b"])
    assert weights[2] == weights[3:].sum() == 1.0
    assert weights[2:].sum() == weights[:2].sum()
