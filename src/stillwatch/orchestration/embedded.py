"""Start, check and stop the embedded Airflow: four processes on this machine, one free port."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stillwatch.errors import StillwatchError
from stillwatch.orchestration.client import AirflowClient
from stillwatch.orchestration.environment import (
    AirflowHome,
    build_environment,
    get_airflow_home,
    make_secrets,
)
from stillwatch.orchestration.pools import POOLS
from stillwatch.project import get_project_root
from stillwatch.runs import read_json, write_json
from stillwatch.settings import Settings

COMPONENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
"""Each component with its arguments; task logs are read from the disk, so no log server runs."""

START_SECONDS = 120
STOP_SECONDS = 10


class AirflowError(StillwatchError):
    """The embedded Airflow did not start, answer or finish in time."""


@dataclass(frozen=True)
class Process:
    """A component's leading process, which its workers share a process group with."""

    pid: int
    started: str

    def is_alive(self) -> bool:
        """Tell whether this very process still runs."""
        _collect(self.pid)
        return _read_start(self.pid) == self.started

    def has_group(self) -> bool:
        """Tell whether it or one of its workers still runs."""
        if not self.is_alive() and _read_start(self.pid):
            return False  # the number belongs to another process now
        try:
            os.killpg(self.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True


@dataclass(frozen=True)
class RunningAirflow:
    """A running instance: where it answers and which processes it is made of."""

    home: AirflowHome
    port: int
    processes: dict[str, Process]

    @property
    def url(self) -> str:
        """The address of the UI and the API."""
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> AirflowClient:
        """Return a client that is logged in as the admin user."""
        return AirflowClient.log_in(self.url, self.home.read_password())


def find_running(settings: Settings) -> RunningAirflow | None:
    """Return the instance that was started for this STILLWATCH_HOME, if all of it still runs."""
    running = _read_state(get_airflow_home(settings))
    if running is None or len(running.processes) < len(COMPONENTS):
        return None
    return running if all(process.is_alive() for process in running.processes.values()) else None


def start(settings: Settings) -> RunningAirflow:
    """Migrate the metadata database, start the four processes and return when they are healthy."""
    home = get_airflow_home(settings)
    stop(settings)
    home.logs.mkdir(parents=True, exist_ok=True)
    make_secrets(home)
    port = _find_free_port()
    environment = build_environment(settings, get_project_root() / "dags", port, os.environ)
    _migrate(home, environment)
    running = RunningAirflow(home, port, {})
    try:
        for name, arguments in COMPONENTS.items():
            running.processes[name] = _launch(home, name, arguments, environment)
            _write_state(running)
        _wait_until_healthy(running)
        client = running.connect()
        for name, (slots, description) in POOLS.items():
            client.set_pool(name, slots, description)
    except BaseException:
        stop(settings)
        raise
    return running


def stop(settings: Settings) -> bool:
    """Stop every process of the instance and return whether there was one.

    Each component leads its own process group, so its workers end with it; what has not ended
    after STOP_SECONDS is killed.
    """
    home = get_airflow_home(settings)
    running = _read_state(home)
    if running is None:
        return False
    found = remaining = [item for item in running.processes.values() if item.has_group()]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in remaining:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        deadline = time.monotonic() + STOP_SECONDS
        while remaining and time.monotonic() < deadline:
            time.sleep(0.1)
            remaining = [process for process in remaining if process.has_group()]
        if not remaining:
            break
    home.state.unlink(missing_ok=True)
    return bool(found)


@contextlib.contextmanager
def running_airflow(settings: Settings) -> Iterator[RunningAirflow]:
    """Yield a running instance; one that was started for the block is stopped after it."""
    running = find_running(settings)
    if running is not None:
        yield running
        return
    try:
        yield start(settings)
    finally:
        stop(settings)


def _launch(
    home: AirflowHome, name: str, arguments: list[str], environment: dict[str, str]
) -> Process:
    with (home.logs / f"{name}.log").open("ab") as log:
        pid = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            [sys.executable, "-m", "airflow", *arguments],
            env=environment,
            cwd=get_project_root(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ).pid
    return Process(pid, _read_start(pid))


def _write_state(running: RunningAirflow) -> None:
    processes = {
        name: {"pid": process.pid, "started": process.started}
        for name, process in running.processes.items()
    }
    write_json(running.home.state, {"port": running.port, "processes": processes})


def _read_state(home: AirflowHome) -> RunningAirflow | None:
    if not home.state.exists():
        return None
    state = read_json(home.state)
    processes = {name: Process(**process) for name, process in state["processes"].items()}
    return RunningAirflow(home, state["port"], processes)


def _migrate(home: AirflowHome, environment: dict[str, str]) -> None:
    log = home.logs / "migrate.log"
    with log.open("ab") as file:
        code = subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    if code != 0:
        raise AirflowError(f"`airflow db migrate` failed with code {code}: read {log}")


def _wait_until_healthy(running: RunningAirflow) -> None:
    deadline = time.monotonic() + START_SECONDS
    waiting = list(COMPONENTS)
    while time.monotonic() < deadline:
        for name, process in running.processes.items():
            if not process.is_alive():
                raise AirflowError(
                    f"Airflow's {name} ended while starting: read {running.home.logs / name}.log"
                )
        waiting = AirflowClient.find_unhealthy(running.url)
        if not waiting:
            return
        time.sleep(0.5)
    raise AirflowError(
        f"Airflow's {', '.join(waiting)} not healthy after {START_SECONDS} s: "
        f"read the logs in {running.home.logs}"
    )


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _collect(pid: int) -> None:
    """Take the exit status of a child that has ended, so that it leaves the process table."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _read_start(pid: int) -> str:
    """Return when a process started, in the kernel's own words; empty if there is none.

    Process ids are used again, and Airflow renames its processes: number and start together say
    which process is meant.
    """
    stat = Path(f"/proc/{pid}/stat")
    try:
        if stat.exists():
            return stat.read_text().rpartition(")")[2].split()[19]
        listing = subprocess.run(  # noqa: S603 - a number only
            ["ps", "-o", "lstart=", "-p", str(pid)],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
    except (OSError, IndexError):
        return ""
    return listing.stdout.strip()
