"""`python -m stillwatch.orchestration.docs [--check]`: the page about the DAGs, from the DAGs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import click

from stillwatch.errors import ConfigError, StillwatchError
from stillwatch.project import get_project_root

_HEAD = """<!-- Written by `make docs` from the DAG files: change those. -->
# The DAGs

One file per DAG, wiring only: each task calls one function of `src/stillwatch`, which the command
`stillwatch` offers too. The UTC day of a run is its partition key.
"""


def load_dags(folder: Path) -> list[Any]:
    """Return the DAG of every file in `folder`; file, function and DAG id have one name."""
    dags = []
    for path in sorted(folder.glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"stillwatch_dags_{path.stem}", path)
        if spec is None or spec.loader is None:
            raise ConfigError(f"{path} is not a Python file that can be imported")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        factory = getattr(module, path.stem, None)
        if factory is None:
            raise ConfigError(f"{path} has no DAG function named {path.stem}")
        dags.append(factory())
    return dags


def describe_schedule(dag: Any) -> str:
    """Return in words when a DAG runs and for which day."""
    timetable = dag.timetable
    condition = getattr(timetable, "asset_condition", None)
    if condition is not None:
        names = sorted(asset.name for asset in getattr(condition, "objects", [condition]))
        return f"after {' and '.join(f'`{name}`' for name in names)} of the same day"
    days = -timetable.run_offset
    return f"`{timetable.expression}` UTC, for the day {days} before"


def list_products(dag: Any) -> list[str]:
    """Return the names of the assets that the tasks of a DAG announce."""
    return sorted({asset.name for task in dag.tasks for asset in get_outlets(task)})


def get_outlets(task: Any) -> list[Any]:
    """Return the assets that a task announces, mapped or not."""
    partial = getattr(task, "partial_kwargs", {})
    return list(partial.get("outlets") or getattr(task, "outlets", None) or [])


def render_page(dags: list[Any]) -> str:
    """Return `dags/README.md`: a table of all DAGs, then the runbook of each."""
    rows = [
        f"| [{dag.dag_id}](#{dag.dag_id}) | {describe_schedule(dag)} "
        f"| {', '.join(f'`{name}`' for name in list_products(dag)) or 'reports'} "
        f"| {', '.join(sorted(dag.tags))} | [{dag.dag_id}.py]({dag.dag_id}.py) |"
        for dag in dags
    ]
    table = "\n".join(["| DAG | runs | announces | tags | file |", "|---|---|---|---|---|", *rows])
    runbooks = []
    for dag in dags:
        tasks = " → ".join(f"`{task.task_id}`" for task in dag.topological_sort())
        runbooks.append(f"## {dag.dag_id}\n\n{(dag.doc_md or '').strip()}\n\n**Tasks.** {tasks}\n")
    return "\n".join([_HEAD, table, "", *runbooks])


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail if the page is not current.")
def main(check: bool) -> None:
    """Write dags/README.md from the DAG files."""
    folder = get_project_root() / "dags"
    path = folder / "README.md"
    page = render_page(load_dags(folder))
    if path.exists() and path.read_text(encoding="utf-8") == page:
        return
    if check:
        raise ConfigError(f"{path} is not current: run `make docs`")
    path.write_text(page, encoding="utf-8")
    click.echo(f"wrote {path}")


if __name__ == "__main__":
    try:
        main(standalone_mode=False)
    except (StillwatchError, click.ClickException) as error:
        click.echo(f"stillwatch: {error}", err=True)
        sys.exit(1)
