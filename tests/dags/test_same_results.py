"""A day processed by the DAGs' tasks and by `stillwatch run` leaves the same things behind."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from stillwatch.orchestration.assets import SNAPSHOT, THREAT_FEEDS, USAGE_LOGS
from stillwatch.pipeline import run_day
from stillwatch.settings import Settings, get_deployment_key
from stillwatch.warehouse.fingerprint import NOT_CONTENT, fingerprint_tables
from stillwatch.worlds.presets import load_world
from stillwatch.worlds.simulate import write_world


def test_dags_and_run__same_marts_and_same_pdf_bytes(
    tmp_path: Path, dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    landing = tmp_path / "landing"
    write_world("tiny", landing, tmp_path / "truth", None)
    day = load_world("tiny").first_day
    results = []
    for name in ("run", "dags"):
        settings = _make_settings(tmp_path, name)
        if name == "run":
            run_day(settings, day)
        else:
            _run_dags(settings, dags, day, monkeypatch)
        results.append((_fingerprint_marts(settings), _hash_pdfs(settings)))
    (run_marts, run_pdfs), (dag_marts, dag_pdfs) = results
    assert len(run_marts) >= 20
    assert dag_marts == run_marts
    assert run_pdfs
    assert dag_pdfs == run_pdfs


def _make_settings(tmp_path: Path, name: str) -> Settings:
    settings = Settings(
        home=tmp_path / name,
        landing_uri=str(tmp_path / "landing"),
        config=tmp_path / "config",
        key_file=tmp_path / "deployment.key",
    )
    if not (tmp_path / "deployment.key").exists():
        get_deployment_key(settings.model_copy(update={"key_file": None}))
        made = tmp_path / "config" / "secrets" / "deployment.key"
        made.rename(tmp_path / "deployment.key")
    return settings


def _run_dags(
    settings: Settings, dags: dict[str, Any], day: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Call every task of the four DAGs in their order, with one run's partition key."""
    run = SimpleNamespace(partition_key=day.isoformat(), run_id="test__1")
    events = {asset: SimpleNamespace(extra=None) for asset in (USAGE_LOGS, THREAT_FEEDS, SNAPSHOT)}

    def call(dag_id: str, task_id: str, *values: Any, **named: Any) -> Any:
        task = dags[dag_id].get_task(task_id)
        function = getattr(task, "partial_kwargs", {}).get("python_callable")
        function = function or task.python_callable
        monkeypatch.setitem(function.__globals__, "get_settings", lambda: settings)
        monkeypatch.setitem(function.__globals__, "get_current_context", dict)
        return function(*values, **named)

    sources = call("ingest_usage_logs", "list_sources")
    counts = [call("ingest_usage_logs", "ingest_source", name, dag_run=run) for name in sources]
    call("ingest_usage_logs", "record_ingestion", counts, outlet_events=events)
    call("ingest_threat_feeds", "load_reference", dag_run=run)
    feeds = call("ingest_threat_feeds", "list_feeds")
    counts = [call("ingest_threat_feeds", "refresh_feed", name, dag_run=run) for name in feeds]
    call("ingest_threat_feeds", "record_feeds", counts, outlet_events=events)
    order = [task.task_id for task in dags["detect_campaigns"].topological_sort()]
    for task_id in order[:-1]:
        call("detect_campaigns", task_id, dag_run=run)
    assert order[-1] == "publish_snapshot"
    call("detect_campaigns", "publish_snapshot", dag_run=run, outlet_events=events)
    call("publish_reports", "draft_reports", dag_run=run)


def _fingerprint_marts(settings: Settings) -> dict[str, str]:
    path = settings.home / "published" / "current.duckdb"
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        found = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'marts'"
        ).fetchall()
        names = sorted(name for (name,) in found if name not in NOT_CONTENT)
        return dict(fingerprint_tables(connection, "marts", names))


def _hash_pdfs(settings: Settings) -> dict[str, str]:
    folder = settings.home / "reports"
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.pdf"))
    }
