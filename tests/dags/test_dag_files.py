from __future__ import annotations

import ast
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stillwatch.orchestration.callbacks import record_failure
from stillwatch.orchestration.connections import use_airflow_connections
from stillwatch.orchestration.defaults import OWNER, Tag
from stillwatch.orchestration.docs import get_outlets, list_products, load_dags, render_page
from stillwatch.orchestration.pools import POOLS, WAREHOUSE_POOL
from stillwatch.project import get_project_root

DAGS = get_project_root() / "dags"
FILES = sorted(DAGS.glob("*.py"))
DAG_IDS = ["detect_campaigns", "ingest_threat_feeds", "ingest_usage_logs", "publish_reports"]

TOP_LEVEL_IMPORTS = re.compile(
    r"^(__future__|collections\.abc|datetime|typing|airflow\.sdk"
    r"|airflow\.providers\.standard\.operators\.hitl"
    r"|stillwatch\.settings|stillwatch\.orchestration\.\w+)$"
)
SQL = re.compile(
    r"\b(select|insert|update|delete|create|merge)\b.*\b(from|into|set|table|view)\b", re.I | re.S
)

IMPORT_SCRIPT = """
import socket, sys, time
def refuse(*arguments, **named):
    raise OSError("a DAG file reached for the network")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from pathlib import Path
from stillwatch.orchestration.docs import load_dags
print(*[dag.dag_id for dag in load_dags(Path(sys.argv[1]))])
print(time.process_time())
"""


def test_dag_files__import_within_seconds_without_network_or_database(tmp_path: Path) -> None:
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment |= {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql+psycopg2://nobody@192.0.2.1:1/none",
    }
    result = subprocess.run(
        [sys.executable, "-c", IMPORT_SCRIPT, str(DAGS)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    ids, seconds = result.stdout.strip().splitlines()[-2:]
    assert ids.split() == DAG_IDS
    assert float(seconds) < 5, f"reading the DAG files took {seconds} s of processor time"
    assert not list(tmp_path.glob("*.db"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_dag_files__hold_wiring_only(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            pytest.fail(f"{path.name}:{node.lineno} imports a whole module")
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            allowed = (
                module.startswith("stillwatch.")
                if node in inner
                else TOP_LEVEL_IMPORTS.match(module)
            )
            assert allowed, f"{path.name}:{node.lineno} imports {module}"
        if isinstance(node, ast.For | ast.While | ast.Try | ast.With | ast.Lambda):
            pytest.fail(f"{path.name}:{node.lineno} holds logic ({type(node).__name__})")
    strings = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    docstring = ast.get_docstring(tree, clean=False)
    assert not [text for text in strings if text != docstring and SQL.search(text)]


def test_dag_files__each_holds_the_dag_of_its_name() -> None:
    assert [dag.dag_id for dag in load_dags(DAGS)] == [path.stem for path in FILES] == DAG_IDS


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_dags__say_who_owns_them_and_what_a_failure_means(
    dag_id: str, dags: dict[str, Any]
) -> None:
    dag = dags[dag_id]
    tags = {Tag(tag) for tag in dag.tags}
    assert sorted(tag.partition(":")[0] for tag in tags) == ["impact", "stage"]
    assert dag.catchup is False
    assert dag.dagrun_timeout
    for heading in ("If it fails.", "To run it again.", "When not to run it."):
        assert f"**{heading}**" in dag.doc_md
    for task in dag.tasks:
        assert task.owner == OWNER
        assert task.retries >= 1
        assert task.retry_policy is not None
        assert task.execution_timeout or task.response_timeout
        callbacks = task.on_failure_callback
        assert record_failure in (callbacks if isinstance(callbacks, list) else [callbacks])
        assert task.pool in {*POOLS, "default_pool"}


def test_detect_campaigns__gates_stand_before_the_build_and_before_publishing(
    dags: dict[str, Any],
) -> None:
    dag = dags["detect_campaigns"]
    order = ["check_raw", "build_behaviour", "build_campaigns", "check_marts", "publish_snapshot"]
    assert [task.task_id for task in dag.topological_sort()] == order
    for before, after in itertools.pairwise(order):
        assert dag.get_task(after).upstream_task_ids == {before}
    assert {task.pool for task in dag.tasks} == {WAREHOUSE_POOL}
    assert POOLS[WAREHOUSE_POOL][0] == 1
    assert dag.max_active_runs == 1


def test_ingest_dags__announce_a_day_only_when_every_part_of_it_is_done(
    dags: dict[str, Any],
) -> None:
    for dag_id, last, parts in (
        ("ingest_usage_logs", "record_ingestion", {"ingest_source"}),
        ("ingest_threat_feeds", "record_feeds", {"refresh_feed", "load_reference"}),
    ):
        dag = dags[dag_id]
        assert [task.task_id for task in dag.tasks if get_outlets(task)] == [last]
        assert dag.get_task(last).upstream_task_ids == parts
        assert dag.get_task(last).trigger_rule == "all_success"
        assert dag.max_active_runs == 1


def test_ingest_usage_logs__takes_up_late_days_and_waits_before_it_reads(
    dags: dict[str, Any],
) -> None:
    dag = dags["ingest_usage_logs"]
    order = ["rerun_late_days", "await_delivery", "list_sources", "ingest_source"]
    for before, after in itertools.pairwise(order):
        assert dag.get_task(after).upstream_task_ids == {before}
    late, wait = dag.get_task("rerun_late_days"), dag.get_task("await_delivery")
    assert late.pool == WAREHOUSE_POOL
    assert (wait.mode, wait.trigger_rule) == ("reschedule", "all_done")
    assert dag.get_task("list_sources").trigger_rule == "all_success"
    assert 0 < wait.timeout < dag.dagrun_timeout.total_seconds()
    assert wait.timeout + late.execution_timeout.total_seconds() <= (
        dag.dagrun_timeout.total_seconds()
    )


def test_dags__every_task_asks_airflow_for_connections(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        for task in dag.tasks:
            hook = getattr(task, "partial_kwargs", {}).get("pre_execute") or getattr(
                task, "_pre_execute_hook", None
            )
            assert hook is use_airflow_connections, f"{dag.dag_id}.{task.task_id}"


def test_publish_reports__nothing_is_released_before_a_person_has_answered(
    dags: dict[str, Any],
) -> None:
    dag = dags["publish_reports"]
    decision = dag.get_task("review_report.apply_decision")
    assert decision.upstream_task_ids == {"draft_reports", "review_report.approve_report"}
    assert decision.trigger_rule == "all_success"
    approval = dag.get_task("review_report.approve_report")
    assert approval.options == ["Approve", "Reject"]
    assert not approval.defaults  # no answer is ever given in a person's place


def test_dags_readme__is_current(dags: dict[str, Any]) -> None:
    page = (DAGS / "README.md").read_text(encoding="utf-8")
    assert page == render_page(list(dags.values())), "run `make docs`"
    assert list_products(dags["detect_campaigns"]) == ["published_snapshot"]
