"""What happens when a task fails for good: a record as complete as that of a good run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stillwatch.errors import StillwatchError
from stillwatch.log import get_logger
from stillwatch.orchestration.days import get_run_day
from stillwatch.runs import get_paths, utc_now, write_json
from stillwatch.settings import get_settings

logger = get_logger(__name__)


def record_failure(context: Mapping[str, Any]) -> None:
    """Write `ledger/failures/dt=<day>/<dag>.<task>[.<map index>].json` for a failed task.

    Our own errors are written to be read by anyone, so their text is kept. Of any other error
    only the class is: its text may quote data, and stays in the task log.
    """
    task_instance = context["task_instance"]
    error = context.get("exception")
    is_ours = isinstance(error, StillwatchError)
    try:
        day = get_run_day(context.get("dag_run")).isoformat()
    except StillwatchError:
        day = "unknown"
    map_index = getattr(task_instance, "map_index", -1)
    name = f"{task_instance.dag_id}.{task_instance.task_id}"
    if map_index >= 0:
        name += f".{map_index}"
    record = {
        "dag_id": task_instance.dag_id,
        "task_id": task_instance.task_id,
        "map_index": map_index,
        "try_number": task_instance.try_number,
        "run_id": task_instance.run_id,
        "run_date": day,
        "failed_at": utc_now().isoformat(timespec="seconds"),
        "error": type(error).__name__ if error is not None else "unknown",
        "message": str(error) if is_ours else "see the task log",
    }
    path = get_paths(get_settings()).ledger / "failures" / f"dt={day}" / f"{name}.json"
    write_json(path, record)
    logger.error("%s failed for %s: %s (%s)", name, day, record["error"], record["message"])
