"""The embedded Airflow's executor: tasks start with the heavy libraries already in memory."""

from __future__ import annotations

import importlib

from airflow.executors.local_executor import LocalExecutor

# What the tasks of a day import, each a second or more; a task is a fork of the scheduler.
HEAVY_MODULES = (
    "dbt.adapters.duckdb",
    "dbt.cli.main",
    "great_expectations",
    "stillwatch.feeds.refresh",
    "stillwatch.quality.gates",
    "stillwatch.reporting.documents",
    "stillwatch.sources.ingest",
    "stillwatch.warehouse.publish",
)


class PreloadedLocalExecutor(LocalExecutor):  # type: ignore[misc] # Airflow is not typed
    """Airflow's LocalExecutor, with the modules imported once that each task would import.

    A day is some twenty tasks of a few seconds: importing took a third of their time. On a system
    that does not fork nothing is gained and nothing is lost.
    """

    def start(self) -> None:
        """Import the modules, then start the workers, which inherit them."""
        for name in HEAVY_MODULES:
            importlib.import_module(name)
        super().start()
