"""Stored world-seeds, made by hand: pooled into tables, a result object and a page."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from stillwatch.errors import InputError
from stillwatch.evaluation.ablations import Ablation
from stillwatch.evaluation.cell_store import (
    CellData,
    CellSummary,
    read_cell,
    read_cell_summary,
    write_cell,
)
from stillwatch.evaluation.competitors.world_tables import WORLD_FEATURES
from stillwatch.evaluation.evasion import CostModel, trace_evasion
from stillwatch.evaluation.intervals import bound_rate
from stillwatch.evaluation.methods import BOOSTING, LEDGER, OWN_EVIDENCE
from stillwatch.evaluation.page import render_page, write_page
from stillwatch.evaluation.plan import Plan, PlannedWorld
from stillwatch.evaluation.pooling import make_table, measure_evasion, measure_false_rate
from stillwatch.evaluation.provenance import Provenance
from stillwatch.evaluation.result import (
    EvaluationResult,
    GroupResult,
    read_result,
    write_result,
)
from stillwatch.evaluation.tables import Activity, Membership

FIRST = date(2026, 11, 1)
BENIGN, ATTACKERS = 30, 8
ALL = frozenset(["volume-rule", "leiden-communities", "gradient-boosting"])


def make_cell(name: str = "toy", seed: int = 1, attacked: bool = True) -> CellData:
    """Return a world with two attackers of four accounts; the first is found on the second day."""
    dice = np.random.default_rng(seed)
    count = BENIGN + (ATTACKERS if attacked else 0)
    keys = tuple(f"k{n:02d}" for n in range(count))
    campaign = tuple(
        "" if n < BENIGN else ("left", "right")[(n - BENIGN) // 4] for n in range(count)
    )
    is_left = np.array([each == "left" for each in campaign])
    is_attacker = np.array([each != "" for each in campaign])
    days = [FIRST + timedelta(days=n) for n in range(3)]
    return CellData(
        summary=CellSummary(
            cell=f"{name} seed {seed}", group=name, world=name, seed=seed, fingerprint="f",
            inputs_sha256="0" * 64, first_day=FIRST, last_day=days[-1], account_count=count,
            silent_account_count=0, exchange_count=10 * count,
            reasons={"Leiden communities": "no igraph"}, seconds={"pipeline": 1.5},
        ),
        account_key=keys,
        cohort=tuple(
            "pool" if each else ("many", "few")[n % 10 == 0] for n, each in enumerate(campaign)
        ),
        campaign=campaign,
        is_flagged=is_left,
        score={
            LEDGER: np.where(is_left, 0.9, 0.1),
            OWN_EVIDENCE: np.where(is_attacker, 1.0, 0.0),
            "volume rule": np.where(np.arange(count) == 0, -np.inf, dice.random(count)),
        },
        features={
            each: dice.random(count) + (is_attacker * 3.0 if place < 3 else 0.0)
            for place, each in enumerate(WORLD_FEATURES)
        },
        memberships=tuple(
            Membership(day, "C1", key)
            for day in days[1:]
            for key, left in zip(keys, is_left, strict=True)
            if left
        ),
        activity=tuple(
            Activity(name, key, day, 300, 100)
            for day in days
            for key, name in zip(keys, campaign, strict=True)
            if name
        ),
    )  # fmt: skip


def make_result() -> EvaluationResult:
    cells = [make_cell("toy", 1), make_cell("toy", 2)]
    quiet = [make_cell("quiet", 1, attacked=False)]
    tables = {"toy": make_table(cells, ALL), "quiet": make_table(quiet, ALL)}
    everyone = [*cells, *quiet]
    scores = [table.campaigns for table in tables.values() if table.campaigns]
    runs = [measure_evasion(cells[0], "left", level) for level in (0.1, 0.5)]
    bare = GroupResult("toy without payment", "toy", (1,), None, ("no payment",), Ablation.PAYMENT)
    return EvaluationResult(
        run_id="toy-0",
        plan=Plan("toy", (PlannedWorld("toy"), PlannedWorld("quiet")), seeds=2),
        provenance=Provenance("0.1.0", None, "c" * 64, {"igraph": None, "numpy": "2"}),
        feeds=None,
        cells=tuple(cell.summary for cell in everyone),
        groups=(
            GroupResult("toy", "toy", (1, 2), tables["toy"]),
            GroupResult("quiet", "quiet", (1,), tables["quiet"]),
            bare,
        ),
        all_worlds=make_table(everyone, ALL, with_campaigns=False),
        false_campaigns=measure_false_rate(everyone, scores),
        quiet_false_campaigns=measure_false_rate(quiet, scores[1:]),
        evasions=(trace_evasion("cover of left", runs, CostModel(1.0, 0.01)),),
        timings={"toy seed 1": {"pipeline": 1.0}},
    )


def test_cell__is_read_as_it_was_written(tmp_path: Path) -> None:
    cell = make_cell()
    assert read_cell_summary(tmp_path) is None
    write_cell(cell, tmp_path)
    found = read_cell(tmp_path)
    assert found.summary == cell.summary
    assert found.memberships == cell.memberships
    assert found.activity == cell.activity
    assert found.campaign_of == cell.campaign_of
    assert found.flagged == cell.flagged
    assert found.score["volume rule"][0] == -np.inf
    for name, values in cell.features.items():
        np.testing.assert_array_equal(found.features[name], values)


def test_cell__a_broken_summary_is_named(tmp_path: Path) -> None:
    (tmp_path / "cell.json").write_text('{"schema_version": 1, "cell": 3}')
    with pytest.raises(InputError, match=r"cell\.json is no result of a world"):
        read_cell_summary(tmp_path)


def test_make_table__seeds_of_a_world_are_two_campaigns_and_one_row_per_attacker() -> None:
    table = make_table([make_cell(seed=1), make_cell(seed=2)], ALL)
    assert table.account_count == 2 * (BENIGN + ATTACKERS)
    ledger = table.methods[0]
    assert ledger.method == LEDGER
    assert [(row.campaign, row.account_count) for row in ledger.attackers] == [
        ("left", 8),
        ("right", 8),
    ]
    assert [row.flagged.value for row in ledger.attackers] == [1.0, 0.0]
    assert [(row.cohort, row.account_count) for row in ledger.cohorts] == [("few", 6), ("many", 54)]
    assert table.campaigns is not None
    assert [row.campaign for row in table.campaigns.campaigns] == [
        "left, seed 1", "left, seed 2", "right, seed 1", "right, seed 2",
    ]  # fmt: skip
    assert table.campaigns.found.value == 0.5
    assert table.campaigns.fragments == 1.0
    left = table.campaigns.campaigns[0]
    # passes 500 exchanges on the first day, is flagged at the end of the second
    assert (left.time.days, left.time.exchanges) == (1, 1200)
    assert left.leak == pytest.approx(2 / 3)


def test_make_table__a_method_that_was_not_run_says_why() -> None:
    methods = {each.method: each for each in make_table([make_cell()], ALL).methods}
    assert methods["Leiden communities"].reason == "no igraph"
    assert list(methods) == [
        LEDGER, OWN_EVIDENCE, "volume rule", "Leiden communities", BOOSTING,
    ]  # fmt: skip


def test_make_table__boosting_never_saw_the_attacker_that_it_is_tested_on() -> None:
    cells = [make_cell(seed=1), make_cell(seed=2)]
    boosting = make_table(cells, ALL).methods[-1]
    assert boosting.reason is None
    assert [(row.campaign, row.account_count) for row in boosting.attackers] == [
        ("left", 8),
        ("right", 8),
    ]
    assert sum(row.account_count for row in boosting.cohorts) == 2 * BENIGN
    # an attacker with features of its own is not found by what the other one has taught
    strange = {
        name: np.where(np.array(cells[0].campaign) == "right", 0.5, values)
        for name, values in cells[0].features.items()
    }
    odd = make_table([replace(cells[0], features=strange)], ALL).methods[-1]
    precision = {row.campaign: row.average_precision.value or 0 for row in odd.attackers}
    assert precision["right"] < 0.5


def test_make_table__one_attacker_cannot_be_left_out() -> None:
    cell = make_cell()
    merged = replace(cell, campaign=tuple("left" if name else "" for name in cell.campaign))
    boosting = make_table([merged], ALL).methods[-1]
    assert boosting.reason is not None
    assert "two attacker families" in boosting.reason


def test_false_rate__a_world_without_campaigns_gives_the_exact_upper_bound() -> None:
    quiet = make_cell("quiet", attacked=False)
    score = make_table([quiet], ALL).campaigns
    assert score is not None
    assert score.found.value is None
    rate = measure_false_rate([quiet], [score])
    months = BENIGN * 3 / (365.2425 / 12)
    assert rate.value == 0.0
    assert rate.high == pytest.approx(bound_rate(0, months / 1e6))


def test_false_rate__counts_a_campaign_of_benign_accounts() -> None:
    quiet = make_cell("quiet", attacked=False)
    wrong = Membership(FIRST + timedelta(days=2), "C9", "k01")
    score = make_table([replace(quiet, memberships=(wrong,))], ALL).campaigns
    assert score is not None
    rate = measure_false_rate([quiet], [score])
    assert rate.value == pytest.approx(1e6 / (BENIGN * 3 / (365.2425 / 12)))


def test_measure_evasion__counts_one_attacker_only() -> None:
    run = measure_evasion(make_cell(), "left", 0.4)
    assert (run.account_count, run.flagged_account_count) == (4, 4)
    assert (run.exchange_count, run.extraction_count) == (3600, 1200)
    assert run.leaked_extractions == 800  # until the end of the second day
    missed = measure_evasion(make_cell(), "right", 0.4)
    assert missed.flagged_account_count == 0
    assert missed.leaked_extractions == missed.extraction_count


def test_result__is_read_as_it_was_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has not ended"):
        read_result(tmp_path)
    result = make_result()
    write_result(result, tmp_path)
    assert read_result(tmp_path) == result


def test_page__is_the_same_every_time_and_all_its_pictures_exist(tmp_path: Path) -> None:
    result = make_result()
    old = tmp_path / "images" / "evaluation" / "recall-gone.svg"
    old.parent.mkdir(parents=True)
    old.write_text("<svg/>")
    written = write_page(result, tmp_path / "evaluation.md")
    first = {path: path.read_bytes() for path in written}
    assert not old.exists()
    text = (tmp_path / "evaluation.md").read_text()
    linked = {line.split("](")[1][:-1] for line in text.splitlines() if line.startswith("![")}
    assert {str(path.relative_to(tmp_path)) for path in written[1:]} == linked
    assert {
        path: path.read_bytes() for path in write_page(result, tmp_path / "evaluation.md")
    } == first


def test_page__holds_cohorts_attackers_bounds_stops_and_limits() -> None:
    text = render_page(make_result(), Path("images/evaluation"))
    for part in (
        "Benign accounts flagged per cohort", "| few | 6 |", "| left | 8 |",
        "worlds without any campaign", "stopped by a gate: no payment", "## Protocol",
        "## What this does not show", "Not run: Leiden communities, no igraph",
        "Cost of evasion: cover of left",
    ):  # fmt: skip
        assert part in text, part
