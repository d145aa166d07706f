"""Bring the usage logs and account registries of one UTC day into canonical form.

**What it does.** `rerun_late_days` takes up what has changed in landing since earlier days were
ingested: the oldest such day and all days after it run again, up to the published snapshot.
`await_delivery` waits, without holding a slot, until every source has closed the day (its marker,
or its hours after midnight). Then for each source in `config/sources.yml` one mapped task reads
the files that the source delivered for the day, verifies them, and writes canonical Parquet; each
rejected line becomes a quarantine row with its file, line and reason. `record_ingestion` adds up
the counts and announces the day to `detect_campaigns`.

**Reads** the sources' locations. **Writes** `canonical/`, `ledger/ingestion/` and
`ledger/deliveries/` below STILLWATCH_HOME; for late days everything that a run writes but reports.

**If it fails.** A broken file does not fail a task: it is counted, and the gate `check_raw`
judges it. A failed `ingest_source` means that the source as a whole cannot be read (a wrong entry
in `config/sources.yml`, a folder without permission, a store that does not answer after several
tries). The other sources are done; detection of the day waits until this one is. A failed
`await_delivery` means that a source did not close the day within 20 hours. A failed
`rerun_late_days` does not hold up the day: the snapshot keeps the old results, and the next run
tries again from there. The owner sees the failed task here and its record in `ledger/failures/`.

**To run it again.** Always safe: the partition of the day is swapped as a whole, and a file that
was delivered before adds nothing. Clear the failed task, or create a backfill for the days.

**When not to run it.** While `stillwatch run` works on the same STILLWATCH_HOME.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from airflow.sdk import chain, dag, get_current_context, task

from stillwatch.orchestration.assets import USAGE_LOGS
from stillwatch.orchestration.counts import add_counts, count_lines, count_rerun
from stillwatch.orchestration.days import get_run_day, is_closed
from stillwatch.orchestration.defaults import (
    AWAIT_SECONDS,
    DEFAULT_ARGS,
    FIRST_DAY,
    POKE_SECONDS,
    Tag,
    daily_schedule,
    last_scheduled_day,
)
from stillwatch.orchestration.pools import WAREHOUSE_POOL
from stillwatch.settings import get_settings


@task(pool=WAREHOUSE_POOL, execution_timeout=timedelta(hours=6), retries=1)
def rerun_late_days(dag_run: Any = None) -> dict[str, int]:
    from stillwatch.sources.late import plan_rerun

    rerun = plan_rerun(get_settings(), before=get_run_day(dag_run))
    if not rerun.days:
        return count_rerun(rerun, [])
    from stillwatch.pipeline import rerun_days

    summaries = list(rerun_days(get_settings(), rerun.days))
    return count_rerun(rerun, summaries)


@task.sensor(
    mode="reschedule",
    poke_interval=POKE_SECONDS,
    timeout=AWAIT_SECONDS,
    trigger_rule="all_done",  # late days that fail do not hold up this one
)
def await_delivery(dag_run: Any = None) -> bool:
    from stillwatch.sources.delivery import find_open

    return is_closed(find_open(get_settings(), [get_run_day(dag_run)]))


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
    dagrun_timeout=timedelta(hours=28),
    default_args=DEFAULT_ARGS,
    tags=[Tag.STAGE_INGEST, Tag.IMPACT_HIGH],
    doc_md=__doc__,
)
def ingest_usage_logs() -> None:
    source_ids = list_sources()
    chain(rerun_late_days(), await_delivery(), source_ids)
    record_ingestion(ingest_source.expand(source_id=source_ids))


ingest_usage_logs()
