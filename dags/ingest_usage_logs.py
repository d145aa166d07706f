"""Bring the usage logs and account registries of one UTC day into canonical form.

**What it does.** For each source in `config/sources.yml` one mapped task reads the files that the
source delivered for the day, verifies them, and writes canonical Parquet; each rejected line
becomes a quarantine row with its file, line and reason. `record_ingestion` adds up the counts and
announces the day to `detect_campaigns`.

**Reads** `landing/`. **Writes** `canonical/` and `ledger/ingestion/` below STILLWATCH_HOME.

**If it fails.** A broken file does not fail a task: it is counted, and the gate `check_raw`
judges it. A failed `ingest_source` means that the source as a whole cannot be read (a wrong entry
in `config/sources.yml`, a folder without permission). The other sources are done; detection of
the day waits until this one is. The owner sees the failed run here and its record in
`ledger/failures/`.

**To run it again.** Always safe: the partition of the day is swapped as a whole, and a file that
was delivered before adds nothing. Clear the failed task, or create a backfill for the days.

**When not to run it.** Before the day is complete: lines that arrive later need a second run.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from airflow.sdk import dag, get_current_context, task

from stillwatch.orchestration.assets import USAGE_LOGS
from stillwatch.orchestration.counts import add_counts, count_lines
from stillwatch.orchestration.days import get_run_day
from stillwatch.orchestration.defaults import (
    DEFAULT_ARGS,
    FIRST_DAY,
    Tag,
    daily_schedule,
    last_scheduled_day,
)
from stillwatch.settings import get_settings


@task
def list_sources() -> list[str]:
    from stillwatch.sources.registry import find_sources

    return [source.source_id for source in find_sources(get_settings())]


@task(map_index_template="{{ source_id }}", max_active_tis_per_dagrun=2)
def ingest_source(source_id: str, dag_run: Any = None) -> dict[str, int]:
    from stillwatch.sources import ingest

    get_current_context()["source_id"] = source_id
    return count_lines(ingest.ingest_source(get_settings(), source_id, get_run_day(dag_run)))


@task(outlets=[USAGE_LOGS])
def record_ingestion(counts: Iterable[dict[str, int]], outlet_events: Any = None) -> dict[str, int]:
    total = add_counts(counts)
    outlet_events[USAGE_LOGS].extra = total
    return total


@dag(
    schedule=daily_schedule(),
    start_date=FIRST_DAY,
    end_date=last_scheduled_day(),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=4),
    default_args=DEFAULT_ARGS,
    tags=[Tag.STAGE_INGEST, Tag.IMPACT_HIGH],
    doc_md=__doc__,
)
def ingest_usage_logs() -> None:
    record_ingestion(ingest_source.expand(source_id=list_sources()))


ingest_usage_logs()
