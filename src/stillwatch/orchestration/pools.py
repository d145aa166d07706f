"""Airflow's pools: how many tasks of a kind run at the same time."""

from __future__ import annotations

WAREHOUSE_POOL = "duckdb"
"""One slot: the embedded warehouse has a single writer, so its tasks take turns."""

POOLS = {WAREHOUSE_POOL: (1, "Tasks that open the private build database, one at a time.")}
"""Slots and description of every pool that the DAGs use."""
