"""`--feeds`: landed with every world, read with the deployment's configuration, part of the run."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError
from stillwatch.evaluation.cell_run import CellJob, simulate_world
from stillwatch.evaluation.plan import Plan, PlannedWorld
from stillwatch.evaluation.runner import RunOptions, evaluate
from stillwatch.feeds.refresh import refresh_day
from stillwatch.runs import get_paths
from stillwatch.settings import Settings

PLAN = Plan("p", (PlannedWorld("tiny"),), days=1, methods=("none",))
FEEDS_YML = """\
feeds:
  - id: proxies
    kind: cidr_list
    labels: [proxy]
    source_reliability: B
    information_credibility: 2
    marking: "TLP:GREEN"
    licence: CC0-1.0
    ttl_days: 30
"""


class Stopped(Exception):
    """Raised where the worlds would be run."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "feeds.yml").write_text(FEEDS_YML)
    return Settings(home=tmp_path / "home", config=tmp_path / "config")


@pytest.fixture
def feeds(tmp_path: Path) -> Path:
    folder = tmp_path / "kept" / "feeds"
    land(folder, "45.83.64.0/22\n")
    return folder


def land(feeds: Path, text: str) -> None:
    path = feeds / "proxies" / "dt=2026-10-31T060000Z" / "list.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def plan_job(settings: Settings, feeds: Path | None, monkeypatch: pytest.MonkeyPatch) -> CellJob:
    """Return the job of the only cell, as it would be run."""
    planned: list[CellJob] = []

    def stop(jobs: list[CellJob], *_: object) -> None:
        planned.extend(jobs)
        raise Stopped

    monkeypatch.setattr("stillwatch.evaluation.runner._run_jobs", stop)
    with pytest.raises(Stopped):
        evaluate(settings, PLAN, RunOptions(feeds=feeds))
    (job,) = planned
    return job


def test_evaluate_feeds__are_landed_and_read_with_the_deployments_configuration(
    settings: Settings, feeds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = plan_job(settings, feeds, monkeypatch)
    simulate_world(job)
    refresh_day(job.settings, job.cell.load().first_day, pull=False)
    (table,) = (get_paths(job.settings).home / "feeds" / "proxies").glob("*/indicators.parquet")
    assert pq.read_table(table)["value"].to_pylist() == ["45.83.64.0/22"]


def test_evaluate_feeds__without_them_nothing_is_known_of_any_address(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = plan_job(settings, None, monkeypatch)
    simulate_world(job)
    refresh_day(job.settings, job.cell.load().first_day, pull=False)
    assert not list(get_paths(job.settings).home.glob("feeds/**/*.parquet"))


def test_evaluate_feeds__other_feeds_are_another_run(
    settings: Settings, feeds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [plan_job(settings, chosen, monkeypatch) for chosen in (None, feeds, feeds)]
    land(feeds, "45.84.0.0/22\n")
    jobs.append(plan_job(settings, feeds, monkeypatch))
    without, first, same, other = ((job.fingerprint, job.folder) for job in jobs)
    assert first == same
    assert len({without, first, other}) == 3


def test_evaluate_feeds__a_folder_that_is_none_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone is no folder"):
        evaluate(settings, PLAN, RunOptions(feeds=tmp_path / "gone"))
