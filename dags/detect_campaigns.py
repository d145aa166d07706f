"""Detect suspected campaigns for a UTC day whose logs and feeds are in place, and publish them.

**What it does.** `check_raw` gates the canonical data; two dbt layers build account behaviour and
suspected campaigns; `check_marts` gates the marts; only then does `publish_snapshot` add the
gates' own results and swap the audited build in for analysts. It starts when both ingest DAGs
have announced the same day, which arrives as the partition key.

**Reads** `canonical/`, `feeds/`, `reference/`. **Writes** `warehouse/` (private),
`ledger/quality/`, `published/` below STILLWATCH_HOME.

**If it fails.** Nothing downstream starts and the last good snapshot stands. A failed `check_raw`
or `check_marts` means that the data is at fault: the task log names each failed expectation, and
`ledger/quality/` holds the counts. A failed build names the dbt model. The owner sees the failed
run here and its record in `ledger/failures/`.

**To run it again.** Always safe: clear the failed task or the whole run. The day is rebuilt and
the published snapshot is replaced in one step; readers see the old one or the new one. If only
one of the two ingest DAGs was run again, clear this DAG's run of the day by hand: it starts by
itself only after both.

**When not to run it.** While `stillwatch run` or `stillwatch build` works on the same
STILLWATCH_HOME: the second one would wait for the lock and then rebuild the same day.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import PartitionedAssetTimetable, chain, dag, task

from stillwatch.orchestration.assets import SNAPSHOT, THREAT_FEEDS, USAGE_LOGS
from stillwatch.orchestration.counts import count_gate
from stillwatch.orchestration.days import get_run_day
from stillwatch.orchestration.defaults import DEFAULT_ARGS, FIRST_DAY, Tag
from stillwatch.orchestration.pools import WAREHOUSE_POOL
from stillwatch.settings import get_settings


@task(pool=WAREHOUSE_POOL)
def check_raw(dag_run: Any = None) -> dict[str, int]:
    from stillwatch.quality.gates import check_day

    return count_gate(check_day(get_settings(), get_run_day(dag_run), "raw"))


@task(pool=WAREHOUSE_POOL)
def build_behaviour(dag_run: Any = None) -> None:
    from stillwatch.transform.build import build_day

    build_day(get_settings(), get_run_day(dag_run), "behaviour")


@task(pool=WAREHOUSE_POOL)
def build_campaigns(dag_run: Any = None) -> None:
    from stillwatch.transform.build import build_day

    build_day(get_settings(), get_run_day(dag_run), "campaigns")


@task(pool=WAREHOUSE_POOL)
def check_marts(dag_run: Any = None) -> dict[str, int]:
    from stillwatch.quality.gates import check_day

    return count_gate(check_day(get_settings(), get_run_day(dag_run), "marts"))


@task(pool=WAREHOUSE_POOL, outlets=[SNAPSHOT])
def publish_snapshot(dag_run: Any = None, outlet_events: Any = None) -> str:
    from stillwatch.warehouse.publish import publish_day

    snapshot = publish_day(get_settings(), get_run_day(dag_run))
    outlet_events[SNAPSHOT].extra = {"snapshot_id": snapshot.snapshot_id}
    return snapshot.snapshot_id


@dag(
    schedule=PartitionedAssetTimetable(assets=USAGE_LOGS & THREAT_FEEDS),
    start_date=FIRST_DAY,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=4),
    default_args=DEFAULT_ARGS,
    tags=[Tag.STAGE_DETECT, Tag.IMPACT_HIGH],
    doc_md=__doc__,
)
def detect_campaigns() -> None:
    chain(
        check_raw(),
        build_behaviour(),
        build_campaigns(),
        check_marts(),
        publish_snapshot(),
    )


detect_campaigns()
