"""Build the dbt models of a day, in the private build database.

Layers: `behaviour` (staging, account and identifier facts), `campaigns` (baselines, signals,
groups, campaigns and their marts), `reporting` (what the gates and reports left in the ledger).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from stillwatch.errors import ConfigError, WarehouseError
from stillwatch.log import get_logger
from stillwatch.policy.screening import screen_day
from stillwatch.project import get_project_root
from stillwatch.runs import Paths, exclusive, get_paths
from stillwatch.settings import Settings
from stillwatch.warehouse.duckdb import load_day, load_ledgers, open_build
from stillwatch.warehouse.uses import export_uses

_LOG = get_logger(__name__)

LAYERS = ("behaviour", "campaigns", "reporting")

_projects: dict[str, Any] = {}  # dbt's parsed project by home


@dataclass(frozen=True)
class BuildResult:
    """What dbt did: counts of nodes by status, and the failed ones by name."""

    day: date
    layers: tuple[str, ...]
    built_count: int
    failed: tuple[str, ...]
    seconds: float


def build_day(
    settings: Settings,
    day: date,
    layer: str = "all",
    variables: Mapping[str, int | float | str] | None = None,
) -> BuildResult:
    """Build one layer (or `all` but reporting); a failed model or test is a WarehouseError.

    `variables` stand in for those of dbt_project.yml: an evaluation may leave evidence out.

    Building a day that is not the newest one rebuilds the newest one afterwards, so that the tables
    of current state (`dim_*`, `bridge_campaign_accounts`) do not fall back to the past.
    """
    if layer not in (*LAYERS, "all"):
        raise ConfigError(f"layer {layer!r} is none of {', '.join(LAYERS)}, all")
    paths = get_paths(settings)
    layers = ("behaviour", "campaigns") if layer == "all" else (layer,)
    with exclusive(paths, "warehouse"):
        result = _build(settings, paths, day, layers, variables)
        if layer in ("all", "campaigns"):
            newest = _newest_day(settings, paths)
            if newest is not None and newest > day:
                _LOG.info("rebuild the newest day %s, for the tables of current state", newest)
                _build(settings, paths, newest, ("behaviour", "campaigns"))
    return result


def build_models(
    settings: Settings,
    paths: Paths,
    day: date,
    layers: tuple[str, ...],
    variables: Mapping[str, int | float | str] | None = None,
) -> BuildResult:
    """Build the models of the layers for `day` in the database of `paths`, with its tests.

    `variables` stand in for those of dbt_project.yml. Schema `raw` must show the day (`load_day`).
    A failed model or test is a WarehouseError.
    """
    selection = [f"tag:{layer}" for layer in layers]
    result = run_dbt(
        settings,
        [
            *("build", "--select", *selection, "--vars", vars_of(day, variables), "--fail-fast"),
            "--no-write-json",  # nothing reads dbt's own records of a build; they cost a second
            # they prove the models on made-up rows, not the day's data: `make test` runs them
            *("--exclude-resource-type", "unit_test"),
            # a test that compares two layers runs with the later one, when both are there
            *("--indirect-selection", "cautious" if layers == LAYERS[:1] else "eager"),
        ],
        paths,
    )
    rows = list(result.result.results) if result.result is not None else []
    failed = describe_failures(result)
    if failed or not result.success:
        raise WarehouseError(
            f"dbt build of {', '.join(layers)} for {day} failed: "
            + ("; ".join(failed[:5]) or "see " + str(paths.dbt / "logs" / "dbt.log"))
        )
    seconds = round(sum(row.execution_time for row in rows), 2)
    _LOG.info("built %s for %s: %d nodes, %.1f s", ", ".join(layers), day, len(rows), seconds)
    return BuildResult(day, layers, len(rows), failed, seconds)


def run_dbt(settings: Settings, arguments: list[str], paths: Paths | None = None) -> Any:
    """Run dbt in this process with the project's folders and no telemetry; return its result.

    The connection that dbt keeps open is closed, so that the next step can open the database.
    """
    paths = paths or get_paths(settings)
    with _dbt_environment(settings, paths):
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        try:
            options = _common_options(paths)
            manifest = _read_project(options, str(paths.dbt))
            result = dbtRunner(manifest).invoke([*arguments, *options])
        finally:
            DuckDBConnectionManager.close_all_connections()
            DuckDBConnectionManager._ENV = None
    return _expect_result(result, arguments[0])


def read_project(settings: Settings) -> Any:
    """Return dbt's parsed project: its nodes, and which stands on which."""
    paths = get_paths(settings)
    with _dbt_environment(settings, paths):
        return _read_project(_common_options(paths), str(paths.dbt))


def vars_of(day: date, others: Mapping[str, int | float | str] | None = None) -> str:
    """Return the vars of a run for `day`, as dbt's command line takes them."""
    return json.dumps({**(others or {}), "run_date": day.isoformat()})


def describe_failures(result: Any) -> tuple[str, ...]:
    """Return each failed node of a dbt run with the first line of what it said."""
    rows = list(result.result.results) if result.result is not None else []
    return tuple(
        f"{row.node.name}: {(row.message or str(row.status)).strip().splitlines()[0]}"
        for row in rows
        if str(row.status) in ("error", "fail", "runtime error")
    )


def _read_project(options: list[str], home: str) -> Any:
    """Return dbt's parsed project, read once per process and home.

    It is parsed without the run's vars: dbt parses everything anew when a var has changed, which
    takes longer than many days' models. What a var means is settled when a model is compiled.
    """
    if home not in _projects:
        from dbt.cli.main import dbtRunner

        _projects[home] = _expect_result(dbtRunner().invoke(["parse", *options]), "parse").result
    return _projects[home]


def _expect_result(result: Any, verb: str) -> Any:
    if result.exception is not None:
        raise WarehouseError(f"dbt {verb} stopped: {result.exception}") from result.exception
    return result


def _build(
    settings: Settings,
    paths: Paths,
    day: date,
    layers: tuple[str, ...],
    variables: Mapping[str, int | float | str] | None = None,
) -> BuildResult:
    if layers == ("reporting",):
        with open_build(settings, paths) as connection:
            load_ledgers(connection, paths, day)
    else:
        screen_day(settings, day)
        load_day(settings, paths, day)
    result = build_models(settings, paths, day, layers, variables)
    if "behaviour" in layers:
        with open_build(settings, paths) as connection:
            export_uses(connection, paths, day)
    return result


def _newest_day(settings: Settings, paths: Paths) -> date | None:
    with open_build(settings, paths) as connection:
        row = connection.execute("select max(as_of_date) from marts.fct_account_scores").fetchone()
    return row[0] if row else None


def _common_options(paths: Paths) -> list[str]:
    project = get_project_root() / "dbt_project"
    return [
        "--project-dir",
        str(project),
        "--profiles-dir",
        str(project),
        "--target-path",
        str(paths.dbt / "target"),
        "--log-path",
        str(paths.dbt / "logs"),
        "--no-use-colors",
        "--log-level",
        "warn",
        "--log-level-file",
        "info",
    ]


@contextmanager
def _dbt_environment(settings: Settings, paths: Paths) -> Iterator[None]:
    """Give dbt its settings through the environment, and put the environment back."""
    paths.warehouse.parent.mkdir(parents=True, exist_ok=True)
    values = {
        "STILLWATCH_DBT_DATABASE": str(paths.warehouse),
        "STILLWATCH_DBT_THREADS": str(settings.dbt_threads),
        "STILLWATCH_DBT_MEMORY": settings.warehouse_memory,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
