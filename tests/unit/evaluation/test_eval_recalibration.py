from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pytest
from click.testing import CliRunner
from test_eval_pooling import make_cell

from stillwatch.cli import cli
from stillwatch.errors import InputError
from stillwatch.evaluation.cell_store import CellData, read_cell, write_cell
from stillwatch.evaluation.intervals import Estimate
from stillwatch.evaluation.logistic import Line, fit_line
from stillwatch.evaluation.methods import LEDGER
from stillwatch.evaluation.plan import Plan, PlannedWorld
from stillwatch.evaluation.provenance import Provenance
from stillwatch.evaluation.recalibration import (
    Accounts,
    fit_scenarios,
    gather_accounts,
    measure_errors,
    predict,
    weigh_accounts,
)
from stillwatch.evaluation.result import EvaluationResult, GroupResult, write_result
from stillwatch.evaluation.stored_evidence import EVIDENCE, read_evidence
from stillwatch.transform.variables import Variable, read_variables

VARIABLES = {
    name: Variable(name, value, "made up")
    for name, value in {
        "account_prior_log2_odds": -3.0,
        "evidence_slope": 0.5,
        "campaign_probability_maximum": 0.99,
    }.items()
}


def draw_accounts(count: int = 30_000, slope: float = 0.3, scenarios: int = 3) -> Accounts:
    """Return accounts whose evidence is worth `slope` of its bits, a tenth of them attackers.

    Bits of the honest are N(m, s), of attackers N(m + d, s): log odds are linear in the bits.
    """
    dice = np.random.default_rng(5)
    is_attacker = dice.random(count) < 0.1
    spread = 4.0
    shift = slope * math.log(2.0) * spread**2
    bits = dice.normal(0.0, spread, count) + np.where(is_attacker, shift, 0.0)
    scenario = np.array([f"world {n % scenarios}" for n in range(count)])
    campaign = np.where(is_attacker, np.char.add(scenario, " campaign"), "")
    stored = np.minimum(Line(-3.0, 0.5).predict(bits), 0.5)
    return Accounts(scenario, campaign, bits, np.full(count, np.nan), stored)


def test_fit__finds_the_slope_that_the_evidence_was_drawn_with() -> None:
    accounts = draw_accounts()
    weight = np.ones(len(accounts.bits))
    line = fit_line(accounts.bits, accounts.is_attacker, weight)
    assert line.slope == pytest.approx(0.3, abs=0.02)
    # scaling and shifting of the bits is undone by the line
    other = fit_line(accounts.bits * 10 + 50, accounts.is_attacker, weight)
    assert other.slope == pytest.approx(line.slope / 10, rel=1e-6)
    assert other.intercept == pytest.approx(line.intercept - 5 * line.slope, rel=1e-6)


def test_fit__parted_sides_give_a_finite_line() -> None:
    bits = np.array([0.0, 1.0, 2.0, 10.0, 11.0])
    line = fit_line(bits, bits > 5, np.ones(5))
    assert 0 < line.slope < 10
    assert (np.diff(line.predict(bits)) > 0).all()


@pytest.mark.parametrize(
    ("bits", "positive", "message"),
    [
        ([1.0, 2.0], [False, False], "0 attackers and 2 honest"),
        ([1.0, 1.0], [False, True], "no slope to fit"),
    ],
)
def test_fit__says_when_there_is_nothing_to_fit(
    bits: list[float], positive: list[bool], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        fit_line(np.array(bits), np.array(positive), np.ones(len(bits)))


def test_weights__a_small_campaign_weighs_as_much_as_a_large_one() -> None:
    campaign = np.array(["large"] * 6 + ["small"] * 2 + [""] * 10)
    numbers = np.zeros(len(campaign))
    weight = weigh_accounts(Accounts(campaign, campaign, numbers, numbers, numbers), 0.2)
    sums = [weight[campaign == name].sum() for name in ("large", "small", "")]
    assert sums == pytest.approx([0.1, 0.1, 0.8])


def test_fit_scenarios__the_left_out_are_better_calibrated_than_before() -> None:
    found = fit_scenarios(draw_accounts(), 7, VARIABLES)
    assert found.fitted.slope == pytest.approx(0.3, abs=0.02)
    # by Bayes the intercept is the prior less what a mean honest account loses
    assert found.fitted.intercept < found.prior_log2_odds
    assert found.after.brier_score < found.before.brier_score
    assert found.after.expected_error < found.before.expected_error
    assert [each.scenario for each in found.scenarios] == ["world 0", "world 1", "world 2"]
    assert {each.campaign_count for each in found.scenarios} == {1}
    assert found.without_evidence_count == 7


def test_fit_scenarios__a_scenario_is_judged_by_the_fit_of_the_others() -> None:
    accounts = draw_accounts()
    is_first = accounts.scenario == "world 0"
    turned = replace(accounts, bits=np.where(is_first, -accounts.bits, accounts.bits))
    plain, found = (fit_scenarios(each, 0, VARIABLES) for each in (accounts, turned))
    assert found.scenarios[0].line == plain.scenarios[0].line
    assert found.scenarios[1].line.slope < plain.scenarios[1].line.slope


def test_fit_scenarios__one_scenario_with_campaigns_is_refused() -> None:
    with pytest.raises(InputError, match="1 scenarios with a campaign"):
        fit_scenarios(draw_accounts(scenarios=1), 0, VARIABLES)


def test_predict__is_bounded_as_the_marts_bound_it() -> None:
    bits = np.array([100.0, 100.0, -100.0])
    accounts = Accounts(
        np.array(["w"] * 3), np.array([""] * 3), bits, np.array([np.nan, 0.8, 0.5]), bits
    )
    assert predict(accounts, Line(-3.0, 0.5), 0.99) == pytest.approx([0.5, 0.8 * 0.99, 0.5 * 0.01])


def test_errors__are_weighted() -> None:
    probability, truth = np.array([0.2, 0.9]), np.array([False, True])
    found = measure_errors(probability, truth, np.array([3.0, 1.0]))
    assert found.expected_error == pytest.approx(0.75 * 0.2 + 0.25 * 0.1)
    assert found.brier_score == pytest.approx(0.75 * 0.04 + 0.25 * 0.01)


def test_stored_evidence__is_the_bits_before_slope_and_prior(tmp_path: Path) -> None:
    variables = read_variables()
    prior, slope = (variables[name].value for name in ("account_prior_log2_odds", "evidence_slope"))
    unit = math.log10(2.0)
    path = tmp_path / "current.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        connection.execute(
            f"""
            create table marts.fct_account_scores as select * from (values
                ('in', date '2026-11-02', {(prior + slope * 9) * unit}, {slope * 4 * unit}, 'C'),
                ('out', date '2026-11-02', {(prior - slope) * unit}, 0.0, null),
                ('out', date '2026-11-01', 5.0, 5.0, null)
            ) as t(account_key, as_of_date, own_log10_odds, cluster_log10_odds, campaign_id)
            """
        )
        connection.execute(
            "create table marts.fct_campaign_days as select 'C' as campaign_id, date '2026-11-02' "
            f"as as_of_date, {prior * unit} as prior_log10_odds, "
            f"{(prior + slope * 20) * unit} as posterior_log10_odds"
        )
        connection.execute(
            "create table marts.bridge_campaign_accounts as select 'C' as campaign_id, "
            "'in' as account_key, 0.75 as membership_probability"
        )
    found = read_evidence(path, date(2026, 11, 2), ["in", "never seen", "out"])
    table = np.column_stack([found[name] for name in EVIDENCE])
    assert table[0] == pytest.approx([9.0, 4.0, 20.0, 0.75])
    assert np.isnan(table[1]).all()
    assert table[2, :2] == pytest.approx([-1.0, 0.0])
    assert np.isnan(table[2, 2:]).all()


def make_evidence(cell: CellData) -> CellData:
    """Return the toy world with evidence: the left attacker is a campaign, one account idle."""
    dice = np.random.default_rng(3)
    count = len(cell.account_key)
    is_attacker = np.array([name != "" for name in cell.campaign])
    own = dice.normal(0.0, 2.0, count) + 3.0 * is_attacker
    own[0] = np.nan
    inside = np.where(cell.is_flagged, 30.0, np.nan)
    columns = (own, np.zeros(count), inside, np.where(cell.is_flagged, 0.9, np.nan))
    return replace(cell, evidence=dict(zip(EVIDENCE, columns, strict=True)))


def test_accounts__evidence_is_kept_in_the_stored_cell(tmp_path: Path) -> None:
    cell = make_evidence(make_cell())
    write_cell(cell, tmp_path)
    stored = read_cell(tmp_path)
    assert stored.features.keys() == cell.features.keys()
    for name in EVIDENCE:
        np.testing.assert_array_equal(stored.evidence[name], cell.evidence[name])
    accounts, missing = gather_accounts([("toy", stored)])
    assert missing == 1
    assert len(accounts.bits) == len(cell.account_key) - 1
    flagged = ~np.isnan(accounts.membership)
    assert set(accounts.bits[flagged]) == {30.0}
    assert set(accounts.campaign) == {"", "toy seed 1:left", "toy seed 1:right"}


def test_accounts__cells_that_were_stored_without_evidence_are_refused() -> None:
    with pytest.raises(InputError, match="toy seed 1 was stored without evidence"):
        gather_accounts([("toy", make_cell())])


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two worlds, and an ablation of one of them, as a finished evaluation leaves them."""
    cells = [make_evidence(make_cell(name, seed)) for seed, name in enumerate(("one", "two"), 1)]
    ablated = make_evidence(make_cell("one without any text", 9))
    cells.append(replace(ablated, score={LEDGER: np.full(len(ablated.account_key), 2.0)}))
    groups = tuple(
        GroupResult(
            name=cell.summary.group,
            base=cell.summary.group.split(" ", maxsplit=1)[0],
            seeds=(cell.summary.seed,),
            table=None,
            sweep="text" if " " in cell.summary.group else None,
        )
        for cell in cells
    )
    for cell in cells:
        write_cell(cell, tmp_path / "cells" / cell.summary.cell.replace(" ", "-"))
    write_result(
        EvaluationResult(
            run_id="toy",
            plan=Plan(name="toy", worlds=(PlannedWorld("tiny"),)),
            provenance=Provenance("0.1.0", None, "0" * 64, {}),
            feeds=None,
            cells=tuple(cell.summary for cell in cells),
            groups=groups,
            all_worlds=None,
            false_campaigns=Estimate(None),
            quiet_false_campaigns=Estimate(None),
        ),
        tmp_path,
    )
    return tmp_path


def test_calibrate__prints_the_fit_the_errors_and_the_preview(results: Path) -> None:
    done = CliRunner().invoke(cli, ["calibrate", str(results)])
    assert done.exception is None, done.output
    assert "Prior: -7.7 bits, one account in 209" in done.output
    assert "ECE before" in done.output
    *_, last = done.output.strip().splitlines()
    printed = json.loads(CliRunner().invoke(cli, ["calibrate", str(results), "--json"]).output)
    assert [each["scenario"] for each in printed["scenarios"]] == ["one", "two"]  # no ablation
    assert last == (
        f"stillwatch propose --set evidence_slope={printed['fitted']['slope']:.3f} "
        f"--set account_prior_log2_odds={printed['fitted']['intercept']:.2f}"
    )
