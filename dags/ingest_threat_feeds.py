"""Bring the threat feeds and reference tables of one UTC day into use.

**What it does.** For each feed in `config/feeds.yml` one mapped task takes the newest version
that passes the sanity bounds; `load_reference` validates the release calendar, allow-list,
ownership, entity and policy tables. `record_feeds` announces the day to `detect_campaigns`. A
feed is pulled only when the day is today or yesterday by the clock: for an older day the versions
that had landed by then are the right ones, so a re-run gives the same result.

**Reads** the feeds' locations and `landing/`. **Writes** `feeds/`, `reference/`, `ledger/feeds/`
and `ledger/reference/` below STILLWATCH_HOME.

**If it fails.** A feed that cannot be pulled or fails its bounds does not fail the task: the last
good version stays in use, and its age is printed in the reports. A failed task means a wrong
entry in `config/feeds.yml` or a reference table that cannot be read. Detection of the day waits.
The owner sees the failed run here and its record in `ledger/failures/`.

**To run it again.** Always safe: a version that is already in use is not loaded twice.

**When not to run it.** While somebody edits the reference tables of the day in `landing/`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from airflow.sdk import chain, dag, get_current_context, task

from stillwatch.orchestration.assets import THREAT_FEEDS
from stillwatch.orchestration.counts import add_counts, count_feed
from stillwatch.orchestration.days import get_run_day, is_current
from stillwatch.orchestration.defaults import (
    DEFAULT_ARGS,
    FIRST_DAY,
    Tag,
    daily_schedule,
    last_scheduled_day,
)
from stillwatch.settings import get_settings


@task
def list_feeds() -> list[str]:
    from stillwatch.feeds.registry import find_feeds

    return [feed.id for feed in find_feeds(get_settings())]


@task(map_index_template="{{ feed_id }}", max_active_tis_per_dagrun=2)
def refresh_feed(feed_id: str, dag_run: Any = None) -> dict[str, int]:
    from stillwatch.feeds import refresh

    get_current_context()["feed_id"] = feed_id
    day = get_run_day(dag_run)
    return count_feed(refresh.refresh_feed(get_settings(), feed_id, day, pull=is_current(day)))


@task
def load_reference(dag_run: Any = None) -> None:
    from stillwatch.policy import reference

    reference.load_reference(get_settings(), get_run_day(dag_run))


@task(outlets=[THREAT_FEEDS])
def record_feeds(counts: Iterable[dict[str, int]], outlet_events: Any = None) -> dict[str, int]:
    total = add_counts(counts)
    outlet_events[THREAT_FEEDS].extra = total
    return total


@dag(
    schedule=daily_schedule(),
    start_date=FIRST_DAY,
    end_date=last_scheduled_day(),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=4),
    default_args=DEFAULT_ARGS,
    tags=[Tag.STAGE_INGEST, Tag.IMPACT_MEDIUM],
    doc_md=__doc__,
)
def ingest_threat_feeds() -> None:
    chain(load_reference(), record_feeds(refresh_feed.expand(feed_id=list_feeds())))


ingest_threat_feeds()
