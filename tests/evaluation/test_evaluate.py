"""The tiny world, with and without its attacker, from the landed files to the result."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from stillwatch.cli import cli
from stillwatch.evaluation.cell_run import (
    CellJob,
    execute,
    measure_world,
    process_world,
    simulate_world,
)
from stillwatch.evaluation.cell_run import list_days as list_days_of
from stillwatch.evaluation.cell_store import read_cell
from stillwatch.evaluation.methods import LEDGER
from stillwatch.evaluation.page import render_page
from stillwatch.evaluation.plan import Ablations, Plan, PlannedWorld, list_cells
from stillwatch.evaluation.result import EvaluationResult, read_result
from stillwatch.evaluation.runner import RunOptions, evaluate
from stillwatch.settings import Settings

pytestmark = pytest.mark.timeout(1800)

PLAN = Plan(
    name="test",
    worlds=(PlannedWorld("tiny"), PlannedWorld("tiny", "honest", {"attackers": []})),
    days=1,
    methods=("volume-rule", "phrase-rule", "gradient-boosting"),
    ablations=Ablations(worlds=("tiny",), fields=(), families=("timing",)),
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("evaluation_home"))


@pytest.fixture(scope="module")
def run(settings: Settings) -> tuple[EvaluationResult, Path]:
    return evaluate(settings, PLAN, RunOptions(jobs=2))


def make_job(folder: Path, cell_number: int = 0) -> CellJob:
    return CellJob(
        cell=list_cells(PLAN)[cell_number],
        folder=folder,
        fingerprint="f",
        methods=frozenset(["volume-rule", "phrase-rule"]),
        dbt_threads=2,
        warehouse_memory="2GB",
    )


def test_evaluate__stores_everything_that_decides_the_figures(
    run: tuple[EvaluationResult, Path], settings: Settings
) -> None:
    result, folder = run
    assert folder == settings.home / "evaluation" / result.run_id
    assert read_result(folder) == result
    raw = json.loads((folder / "result.json").read_text())
    assert raw["schema_version"] == 1
    assert len(raw["provenance"]["code_sha256"]) == 64
    assert raw["plan"]["worlds"][1]["set"] == {"attackers": []}
    assert [cell["cell"] for cell in raw["cells"]] == ["tiny seed 7", "honest seed 7"]
    hashes = {cell["inputs_sha256"] for cell in raw["cells"]}
    assert len(hashes) == 2
    assert all(cell["stopped"] is None for cell in raw["cells"])
    assert set(raw["timings"]) == {"tiny seed 7", "honest seed 7"}
    assert {"simulate", "pipeline", "measure"} <= set(raw["timings"]["tiny seed 7"])


def test_evaluate__has_a_row_per_cohort_and_per_attacker(
    run: tuple[EvaluationResult, Path],
) -> None:
    table = run[0].groups[0].table
    assert table is not None
    assert 0 < table.attacker_count < table.account_count
    for method in table.methods:
        if method.reason is None:
            assert {row.cohort for row in method.cohorts} == {"ordinary", "partner"}
            assert {row.campaign for row in method.attackers} == {"relay"}
    reasons = {method.method: method.reason for method in table.methods if method.reason}
    assert list(reasons) == ["gradient boosting"]
    text = render_page(run[0], Path("images/evaluation"))
    assert "| ordinary |" in text
    assert "| partner |" in text
    rows = text.split("## World by world", 1)[1].split("##", 1)[0].splitlines()
    assert [row.split("|")[1].strip() for row in rows if row.startswith("| ")][1:] == [
        "tiny", "honest",
    ]  # fmt: skip


def test_evaluate__judges_the_last_day_again_with_everything_and_without_a_family(
    run: tuple[EvaluationResult, Path],
) -> None:
    tiny, honest = run[0].cells
    assert honest.left_out == ()
    assert [row.family for row in tiny.left_out] == ["", "timing"]
    table = run[0].groups[0].table
    assert table is not None
    for row in tiny.left_out:
        assert row.attacker_count == table.attacker_count
        assert row.benign_count == table.account_count - table.attacker_count
    assert "## One family of evidence left out" in render_page(run[0], Path("images/evaluation"))


def test_evaluate__a_world_without_campaigns_gives_the_exact_bound(
    run: tuple[EvaluationResult, Path],
) -> None:
    result = run[0]
    honest = result.groups[1].table
    assert honest is not None
    assert honest.attacker_count == 0
    assert honest.campaigns is not None
    assert honest.campaigns.found.value is None
    rate = result.quiet_false_campaigns
    months = honest.account_count / (365.2425 / 12)
    assert rate.value == honest.campaigns.false_campaign_count * 1e6 / months
    if rate.value == 0:
        # no event: exp(-rate * months) = 5 %
        assert rate.high == pytest.approx(2.995732 * 1e6 / months, rel=1e-5)


def test_evaluate__finished_worlds_are_not_run_again(
    run: tuple[EvaluationResult, Path], settings: Settings
) -> None:
    result, folder = run
    stored = {path: path.stat().st_mtime_ns for path in folder.glob("cells/*/*")}
    told: list[str] = []
    again, _ = evaluate(settings, PLAN, RunOptions(), told.append)
    # a commit that changes no code in between is a new provenance, but no reason to run again
    assert replace(again, provenance=result.provenance) == result
    assert told == ["2 of 2 worlds are finished already"]
    assert {path: path.stat().st_mtime_ns for path in folder.glob("cells/*/*")} == stored


def test_evaluate__clears_inputs_and_truth_away(run: tuple[EvaluationResult, Path]) -> None:
    for cell in (run[1] / "cells").iterdir():
        assert sorted(path.name for path in cell.iterdir()) == [
            "accounts.parquet", "activity.parquet", "cell.json", "log.txt", "members.parquet",
        ]  # fmt: skip


def test_evaluate__the_command_writes_the_page_of_a_stored_run(
    run: tuple[EvaluationResult, Path], tmp_path: Path
) -> None:
    page = tmp_path / "evaluation.md"
    done = CliRunner().invoke(cli, ["evaluate", "--page", str(page), "--run", str(run[1])])
    assert done.exit_code == 0, done.output
    assert page.read_text() == render_page(read_result(run[1]), Path("images/evaluation"))


def test_cell__truth_lies_beside_the_landing_root_never_below(tmp_path: Path) -> None:
    job = make_job(tmp_path / "cell")
    simulate_world(job)
    assert (job.truth / "accounts.parquet").exists()
    landing, home = Path(job.settings.landing), job.settings.home
    for root in (landing, home, job.settings.config):
        assert root not in job.truth.parents
        assert job.truth not in root.parents
    names = {path.name for path in landing.rglob("*")}
    assert not names & {path.name for path in job.truth.iterdir()}
    with pytest.raises(FileExistsError):
        simulate_world(job)


@pytest.mark.slow
def test_cell__gives_the_same_when_the_truth_is_gone_while_the_pipeline_runs(
    run: tuple[EvaluationResult, Path], tmp_path: Path
) -> None:
    """Two things in one run of the pipeline: it reads no truth, and a seed gives one result."""
    first = read_cell(run[1] / "cells" / "tiny-seed-7")
    job = make_job(tmp_path / "cell")
    world = simulate_world(job)
    away = tmp_path / "away"
    shutil.move(job.truth, away)
    process_world(job, list_days_of(job))
    assert not job.truth.exists()
    shutil.move(away, job.truth)
    second = measure_world(job, world)
    same = replace(second.summary, fingerprint=first.summary.fingerprint, seconds={})
    assert same == replace(first.summary, seconds={})
    assert second.memberships == first.memberships
    assert second.activity == first.activity
    assert second.account_key == first.account_key
    assert second.score[LEDGER].tolist() == first.score[LEDGER].tolist()
    assert {n: v.tolist() for n, v in second.score.items()} == {
        n: v.tolist() for n, v in first.score.items()
    }


@pytest.mark.slow
def test_cell__a_gate_that_stops_the_world_is_an_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(tmp_path / "cell")

    def deliver_rubbish(job: CellJob) -> object:
        world = simulate_world(job)
        for path in Path(job.settings.landing).glob("usage/*/dt=*/*"):
            path.write_bytes(gzip.compress(b'{"no": "exchange"}\n' * 50, mtime=0))
        return world

    monkeypatch.setattr("stillwatch.evaluation.cell_run.simulate_world", deliver_rubbish)
    execute(job)
    found = read_cell(job.folder)
    assert found.summary.stopped is not None
    assert str(tmp_path) not in found.summary.stopped
    assert found.account_key == ()
