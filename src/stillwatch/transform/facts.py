"""Build of a day only what later days add up: the facts per day, without judging the day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from stillwatch.errors import WarehouseError
from stillwatch.runs import exclusive, get_paths
from stillwatch.settings import Settings
from stillwatch.transform.build import describe_failures, read_project, run_dbt, vars_of
from stillwatch.warehouse.duckdb import load_day


def build_facts(settings: Settings, day: date) -> None:
    """Build the incremental tables of a day that the campaigns layer reads, and nothing else.

    A history that nobody needs judged day by day is brought in this way; the last day is then built
    with `build_day`, which gives the same tables as if every day had been. A failed model is a
    WarehouseError.
    """
    paths = get_paths(settings)
    with exclusive(paths, "warehouse"):
        load_day(settings, paths, day)
        facts = list_fact_models(read_project(settings))
        result = run_dbt(
            settings,
            [
                *("run", "--select", *(f"+{name}" for name in facts)),
                *("--exclude", "tag:campaigns", "--vars", vars_of(day), "--fail-fast"),
                "--no-write-json",
            ],
        )
        failed = describe_failures(result)
        if failed or not result.success:
            raise WarehouseError(f"dbt run of the facts of {day} failed: {'; '.join(failed[:5])}")


def list_fact_models(project: Any) -> list[str]:
    """Return the names of the incremental models outside the campaigns layer that it stands on."""
    nodes: Mapping[str, Any] = project.nodes
    models = {key: node for key, node in nodes.items() if node.resource_type == "model"}
    judging = [key for key, node in models.items() if "campaigns" in node.tags]
    below = _find_ancestors(project.parent_map, judging)
    return sorted(
        node.name
        for key, node in models.items()
        if key in below
        and "campaigns" not in node.tags
        and node.config.materialized == "incremental"
    )


def _find_ancestors(parents: Mapping[str, list[str]], keys: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(keys)
    while waiting:
        for parent in parents.get(waiting.pop(), []):
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found
