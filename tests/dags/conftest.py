"""Airflow in a folder of its own, set before anything imports it; DAGs read once per session."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

for _name in [name for name in os.environ if name.startswith("AIRFLOW")]:
    del os.environ[_name]
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="stillwatch-airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] = "False"


@pytest.fixture(scope="session")
def dags() -> dict[str, Any]:
    from stillwatch.orchestration.docs import load_dags
    from stillwatch.project import get_project_root

    return {dag.dag_id: dag for dag in load_dags(get_project_root() / "dags")}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    from stillwatch.settings import get_settings

    monkeypatch.setenv("STILLWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STILLWATCH_LANDING_URI", str(tmp_path / "landing"))
    monkeypatch.setenv("STILLWATCH_CONFIG", str(tmp_path / "config"))
    get_settings.cache_clear()
    yield get_settings()
    get_settings.cache_clear()
