from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stillwatch.orchestration import embedded
from stillwatch.orchestration.environment import (
    build_environment,
    get_airflow_home,
    make_secrets,
)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that leads its own group and has a child in it, as a component has."""
    worker = "import time; time.sleep(60)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {worker!r}])"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def _write_running(settings: Any, processes: dict[str, embedded.Process]) -> None:
    home = get_airflow_home(settings)
    embedded._write_state(embedded.RunningAirflow(home, 12345, processes))


def test_secrets__are_random_private_and_kept(settings: Any) -> None:
    home = get_airflow_home(settings)
    make_secrets(home)
    first = {path.name: path.read_text() for path in home.secrets.iterdir()}
    assert set(first) == {"fernet_key", "api_secret_key", "jwt_secret", "passwords.json"}
    assert len(set(first.values())) == 4
    assert all(path.stat().st_mode & 0o077 == 0 for path in home.secrets.iterdir())
    assert home.secrets.stat().st_mode & 0o077 == 0
    assert len(home.read_password()) >= 16
    make_secrets(home)
    assert {path.name: path.read_text() for path in home.secrets.iterdir()} == first


def test_environment__holds_no_secret_and_nothing_of_another_airflow(settings: Any) -> None:
    home = get_airflow_home(settings)
    make_secrets(home)
    parent = {"PATH": "/bin", "AIRFLOW__CORE__PARALLELISM": "99", "AIRFLOW_HOME": "/other"}
    parent["AIRFLOW_CONN_MY_S3"] = "aws://"  # a source may name it
    environment = build_environment(settings, Path("/project/dags"), 4711, parent)
    assert environment["AIRFLOW_HOME"] == str(home.folder)
    assert environment["AIRFLOW__CORE__PARALLELISM"] != "99"
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert environment["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert environment["PATH"] == "/bin"
    assert environment["AIRFLOW_CONN_MY_S3"] == "aws://"
    secrets = [path.read_text().strip() for path in home.secrets.iterdir() if path.suffix == ""]
    secrets.append(json.loads(home.passwords.read_text())["admin"])
    values = "\n".join(environment.values())
    assert not [secret for secret in secrets if secret in values]


def test_environment__tasks_find_the_same_state_from_any_folder(settings: Any) -> None:
    relative = settings.model_copy(update={"home": Path("var"), "landing_uri": "landing"})
    environment = build_environment(relative, Path("/project/dags"), 4711, {})
    assert environment["STILLWATCH_HOME"] == str(Path.cwd() / "var")
    assert environment["STILLWATCH_LANDING_URI"] == str(Path.cwd() / "landing")


def test_stop__ends_a_component_with_its_workers(
    settings: Any, sleeper: subprocess.Popen[bytes]
) -> None:
    process = embedded.Process(sleeper.pid, embedded._read_start(sleeper.pid))
    _write_running(settings, {"scheduler": process})
    assert process.is_alive()
    assert embedded.stop(settings) is True
    assert not process.has_group()
    assert not get_airflow_home(settings).state.exists()


def test_stop__leaves_a_stranger_alone_that_took_the_number(
    settings: Any, sleeper: subprocess.Popen[bytes]
) -> None:
    _write_running(settings, {"scheduler": embedded.Process(sleeper.pid, "an earlier start")})
    assert embedded.stop(settings) is False
    assert sleeper.poll() is None


def test_find_running__an_instance_with_a_part_gone_is_not_running(
    settings: Any, sleeper: subprocess.Popen[bytes]
) -> None:
    alive = embedded.Process(sleeper.pid, embedded._read_start(sleeper.pid))
    _write_running(settings, dict.fromkeys(embedded.COMPONENTS, alive))
    running = embedded.find_running(settings)
    assert running is not None
    assert running.url == "http://127.0.0.1:12345"
    gone = dict.fromkeys(embedded.COMPONENTS, alive) | {"triggerer": embedded.Process(0, "never")}
    _write_running(settings, gone)
    assert embedded.find_running(settings) is None
    embedded.get_airflow_home(settings).state.unlink()


def test_start__a_component_that_ends_is_named_and_everything_is_stopped(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_migrate", lambda home, environment: None)
    monkeypatch.setattr(embedded.AirflowClient, "find_unhealthy", lambda url: ["scheduler"])
    monkeypatch.setattr(embedded, "COMPONENTS", {"scheduler": ["no-such-command"]})
    monkeypatch.setitem(os.environ, "PYTHONPATH", str(Path(__file__).parent))
    with pytest.raises(embedded.AirflowError, match=r"scheduler ended while starting: read .*log"):
        embedded.start(settings)
    assert not get_airflow_home(settings).state.exists()


def test_executor__imports_what_tasks_need_before_it_starts_workers(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.executors.local_executor import LocalExecutor

    environment = build_environment(settings, Path("/project/dags"), 4711, {})
    module_name, _, class_name = environment["AIRFLOW__CORE__EXECUTOR"].rpartition(".")
    executor = getattr(importlib.import_module(module_name), class_name)
    assert issubclass(executor, LocalExecutor)
    missing: list[str] = []

    def note_missing(self: Any) -> None:
        heavy = ("dbt.cli.main", "great_expectations", "stillwatch.transform.build")
        missing.extend(name for name in heavy if name not in sys.modules)

    monkeypatch.setattr(LocalExecutor, "start", note_missing)
    executor(parallelism=1).start()
    assert missing == []
