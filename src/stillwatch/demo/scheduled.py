"""Days processed through Airflow's scheduler: backfills, watching them, one answered question."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

from rich.console import Console

from stillwatch.orchestration.client import AirflowClient, DagRun, Question
from stillwatch.orchestration.embedded import AirflowError, RunningAirflow
from stillwatch.orchestration.reviews import APPROVE

INGEST_DAGS = ("ingest_usage_logs", "ingest_threat_feeds")
DAGS = (*INGEST_DAGS, "detect_campaigns", "publish_reports")

READ_SECONDS = 60
RUN_SECONDS = 900
RELEASE_SECONDS = 180
SETTLE_SECONDS = 3

RELEASE_COMMENT = "Released by the demo, to show a released report."

_SETTLED = {"success", "skipped", "awaiting_input"}


def process_by_scheduler(airflow: RunningAirflow, days: list[date], console: Console) -> None:
    """Process `days` by backfills, wait until every report asks for a person, and release one."""
    client = airflow.connect()
    console.print(f"  Airflow is healthy at {airflow.url}")
    _wait_for_dags(client)
    _start_runs(client, days)
    _wait_for_runs(airflow, client, days, console)
    _release_one(airflow, client, days[-1], console)


def choose_question(questions: list[Question]) -> Question | None:
    """Return the question that the demo answers: a quality annex, the least consequential report.

    Dossiers and briefs are left to the person who runs the demo.
    """
    waiting = [question for question in questions if not question.is_answered]
    annexes = [question for question in waiting if " quality-" in question.subject]
    return next(iter(annexes), None)


def _wait_for_dags(client: AirflowClient) -> None:
    deadline = time.monotonic() + READ_SECONDS
    while missing := set(DAGS) - set(client.find_dags()):
        if errors := client.find_import_errors():
            raise AirflowError(f"DAG files cannot be read: {'; '.join(errors)}")
        if time.monotonic() > deadline:
            raise AirflowError(f"Airflow has not read {', '.join(sorted(missing))} in time")
        time.sleep(0.5)


def _start_runs(client: AirflowClient, days: list[date]) -> None:
    """Create the backfills, or take up what an interrupted demo has left unfinished."""
    wanted = {day.isoformat() for day in days}
    existing = _find_newest_runs(client, wanted)
    for run in existing.values():
        if run.state == "failed":
            client.clear_failed(run)
    for dag_id in INGEST_DAGS:
        missing = wanted - {day for known, day in existing if known == dag_id}
        if missing:
            _wait_for_backfill(client, dag_id)
            client.create_backfill(
                dag_id, date.fromisoformat(min(missing)), date.fromisoformat(max(missing))
            )


def _wait_for_backfill(client: AirflowClient, dag_id: str) -> None:
    deadline = time.monotonic() + RUN_SECONDS
    while client.has_active_backfill(dag_id):
        if time.monotonic() > deadline:
            raise AirflowError(
                f"an earlier backfill of {dag_id} has not ended: cancel it in the UI"
            )
        time.sleep(1)


def _wait_for_runs(
    airflow: RunningAirflow, client: AirflowClient, days: list[date], console: Console
) -> None:
    began = time.monotonic()
    wanted = {day.isoformat() for day in days}
    shown: dict[tuple[str, str], str] = {}
    while True:
        newest = _find_newest_runs(client, wanted)
        for key, run in newest.items():
            if shown.get(key) != run.state:
                shown[key] = run.state
                console.print(
                    f"  {time.monotonic() - began:4.0f} s  {run.day}  {run.dag_id:<20} {run.state}"
                )
            if run.state == "failed":
                raise AirflowError(_describe_failure(airflow, client, run))
        reports = [run for (dag_id, _), run in newest.items() if dag_id == "publish_reports"]
        if len(reports) == len(wanted) and all(_is_settled(client, run) for run in reports):
            return
        if time.monotonic() - began > RUN_SECONDS:
            states = ", ".join(f"{dag_id} {day}: {state}" for (dag_id, day), state in shown.items())
            raise AirflowError(
                f"the scheduler has not finished after {RUN_SECONDS} s ({states}): "
                f"read {airflow.home.logs / 'scheduler.log'}"
            )
        time.sleep(1)


def _find_newest_runs(client: AirflowClient, days: set[str]) -> dict[tuple[str, str], DagRun]:
    newest: dict[tuple[str, str], DagRun] = {}
    for dag_id in DAGS:
        for run in client.find_runs(dag_id):
            if run.day in days:
                newest.setdefault((dag_id, run.day), run)
    return newest


def _is_settled(client: AirflowClient, run: DagRun) -> bool:
    """Tell whether a report run has drafted everything and only waits for people."""
    tasks = client.find_tasks(run)
    states = {item["task_id"]: item["state"] for item in tasks if item["map_index"] < 0}
    if states.get("draft_reports") != "success":
        return False
    asked = [item for item in tasks if item["task_id"].endswith("approve_report")]
    return all(item["state"] in _SETTLED for item in asked)


def _describe_failure(airflow: RunningAirflow, client: AirflowClient, run: DagRun) -> str:
    failed = [item for item in client.find_tasks(run) if item["state"] == "failed"]
    if not failed:
        return f"{run.dag_id} failed for {run.day}: read {airflow.home.logs / 'scheduler.log'}"
    task = failed[0]
    return (
        f"{run.dag_id}.{task['task_id']} failed for {run.day} on try {task['try_number']}: "
        f"read {_find_log(airflow, run, task)}"
    )


def _find_log(airflow: RunningAirflow, run: DagRun, task: dict[str, Any]) -> str:
    folder = (
        airflow.home.logs
        / f"dag_id={run.dag_id}"
        / f"run_id={run.run_id}"
        / f"task_id={task['task_id']}"
    )
    if task["map_index"] >= 0:
        folder /= f"map_index={task['map_index']}"
    return str(folder / f"attempt={task['try_number']}.log")


def _release_one(
    airflow: RunningAirflow, client: AirflowClient, day: date, console: Console
) -> None:
    run = _find_newest_runs(client, {day.isoformat()})[("publish_reports", day.isoformat())]
    chosen = choose_question(_find_questions(client, run))
    if chosen is None:
        return  # an earlier, interrupted demo has released it
    deadline = time.monotonic() + RELEASE_SECONDS
    while time.monotonic() < deadline:
        # An answer within the second in which the task began to wait crosses with the scheduler's
        # own bookkeeping: Airflow then asks once more. So wait a little, and look again.
        time.sleep(SETTLE_SECONDS)
        states = {
            item["task_id"].rpartition(".")[2]: item
            for item in client.find_tasks(run)
            if item["map_index"] == chosen.map_index
        }
        decision = states.get("apply_decision", {"state": None})
        if decision["state"] == "success":
            console.print("  released one report as admin; the others wait for a person")
            return
        if decision["state"] == "failed":
            raise AirflowError(f"the release failed: read {_find_log(airflow, run, decision)}")
        if states["approve_report"]["state"] == "awaiting_input":
            for question in _find_questions(client, run):
                if question.map_index == chosen.map_index and not question.is_answered:
                    client.answer(question, APPROVE, RELEASE_COMMENT)
    raise AirflowError(
        f"the release of {chosen.subject!r} has not ended in {RELEASE_SECONDS} s: "
        f"read {airflow.home.logs / 'scheduler.log'}"
    )


def _find_questions(client: AirflowClient, run: DagRun) -> list[Question]:
    return [item for item in client.find_questions(run.dag_id) if item.run_id == run.run_id]
