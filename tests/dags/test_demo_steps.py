from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.console import Console

from stillwatch.demo import driver
from stillwatch.demo.driver import DemoPlan, run_demo
from stillwatch.demo.progress import DemoProgress
from stillwatch.demo.scheduled import choose_question
from stillwatch.demo.summary import count_gates, count_lines, find_gaps, print_summary
from stillwatch.errors import ConfigError
from stillwatch.orchestration.client import Question
from stillwatch.runs import get_paths, write_json

DAY = date(2026, 11, 12)


def _leave_results(settings: Any, report_states: tuple[str, ...] = ("draft", "released")) -> None:
    """Write what a finished demonstration leaves behind, in small."""
    paths = get_paths(settings)
    usage = {"read_count": 10, "accepted_count": 7, "duplicate_count": 2, "quarantined_count": 1}
    write_json(paths.ledger / "ingestion" / f"dt={DAY}" / "usage.native.json", usage)
    write_json(paths.ledger / "ingestion" / f"dt={DAY}" / "accounts.native.json", usage)
    for gate, success in (("raw", True), ("marts", False)):
        rows = [
            {"success": True, "severity": "critical"},
            {"success": success, "severity": "warning"},
        ]
        write_json(paths.ledger / "quality" / f"dt={DAY}" / f"{gate}.json", {"rows": rows})
    for number, state in enumerate(report_states):
        record = {"report_id": f"brief-{number}-{DAY}", "version": 1, "state": state}
        write_json(paths.ledger / "reports" / f"brief-{number}-{DAY}.v1.json", record)
    paths.reports.mkdir(parents=True)
    (paths.reports / "brief.pdf").write_bytes(b"%PDF-")
    paths.published.mkdir(parents=True)
    with duckdb.connect(str(paths.published / "current.duckdb")) as connection:
        connection.execute("create schema marts")
        connection.execute(
            f"create table marts.snapshot_info as select 's1' snapshot_id, date '{DAY}' as_of_date"
        )
        connection.execute(
            "create table marts.dim_campaigns as select 'c-1' campaign_id, 412 account_count, "
            "'high' confidence_level"
        )


def test_plan__twelve_days_of_which_the_scheduler_does_the_last_three() -> None:
    plan = DemoPlan()
    assert [len(plan.days), len(plan.history_days), len(plan.scheduled_days)] == [12, 9, 3]
    assert plan.history_days + plan.scheduled_days == plan.days


def test_counts__usage_lines_and_gates_are_read_from_the_ledger(settings: Any) -> None:
    _leave_results(settings)
    paths = get_paths(settings)
    lines = count_lines(paths, [DAY])
    assert (lines.read, lines.accepted, lines.duplicate, lines.quarantined) == (10, 7, 2, 1)
    gates = count_gates(paths, [DAY])
    assert (gates.run, gates.passed, gates.warnings) == (2, 2, 1)


def test_gaps__none_after_a_finished_demo(settings: Any) -> None:
    _leave_results(settings)
    assert find_gaps(settings, DAY) == []


@pytest.mark.parametrize("states", [("draft",), ("released",)])
def test_gaps__one_report_must_wait_and_one_be_released(
    states: tuple[str, ...], settings: Any
) -> None:
    _leave_results(settings, states)
    missing = ({"draft", "released"} - set(states)).pop()
    assert find_gaps(settings, DAY) == [f"no report is in state '{missing}'"]


def test_gaps__an_older_snapshot_is_not_the_end(settings: Any) -> None:
    _leave_results(settings)
    assert "not of 2026-11-13" in find_gaps(settings, date(2026, 11, 13))[0]


def test_summary__says_what_was_found_and_where_it_lies(settings: Any) -> None:
    _leave_results(settings)
    console = Console(width=160, record=True)
    print_summary(settings, [DAY], console)
    text = console.export_text()
    for expected in (
        "10",
        "412 accounts",
        "2 of 2",
        "brief-0",
        "current.duckdb",
        "make up",
        "make down",
    ):
        assert expected in text


def test_second_run__only_looks(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _leave_results(settings)
    home = get_paths(settings).home
    DemoProgress(home / "demo" / "progress.json").add("scheduled")

    def refuse(*arguments: Any) -> None:
        pytest.fail("a finished demo did something again")

    for name in ("_prepare_inputs", "_process_history", "_publish_docs", "running_airflow"):
        monkeypatch.setattr(driver, name, refuse)
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}
    run_demo(settings, DemoPlan(last_day=DAY, first_day=DAY, first_scheduled_day=DAY))
    after = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}
    assert after == before


def test_demo__does_not_write_its_world_to_a_remote_landing_zone(settings: Any) -> None:
    remote = settings.model_copy(update={"landing_uri": "s3://real-logs"})
    with pytest.raises(ConfigError, match="s3://real-logs"):
        run_demo(remote)


def test_progress__an_interrupted_demo_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    DemoProgress.load(path).add("world")
    again = DemoProgress.load(path)
    assert again.has("world")
    assert not again.is_complete
    again.add("scheduled")
    assert DemoProgress.load(path).is_complete


def _question(subject: str, is_answered: bool = False) -> Question:
    return Question(
        "publish_reports", "run", "review_report.approve_report", 0, subject, is_answered
    )


def test_choose_question__dossiers_are_left_to_people() -> None:
    dossier, annex = _question("Release dossier-c1?"), _question("Release quality-2026-11-12?")
    assert choose_question([dossier, annex]) == annex
    assert choose_question([dossier]) is None
    assert choose_question([_question("Release quality-2026-11-12?", is_answered=True)]) is None
