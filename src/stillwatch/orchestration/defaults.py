"""What every DAG shares: owner, retries, timeouts, tags, and the daily schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from airflow.sdk import CronPartitionTimetable, ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.configuration import conf

from stillwatch.errors import ConfigError, GateFailed, InputError, ReportError
from stillwatch.orchestration.callbacks import record_failure
from stillwatch.orchestration.connections import use_airflow_connections

OWNER = "trust-and-safety"

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)

KEY_FORMAT = "%Y-%m-%d"
"""A partition key is the UTC day of delivery, written like this."""


class Tag(StrEnum):
    """The closed set of DAG tags: the stage of the line, and how bad a failure is."""

    STAGE_INGEST = "stage:ingest"
    STAGE_DETECT = "stage:detect"
    STAGE_REPORT = "stage:report"
    IMPACT_HIGH = "impact:high"
    IMPACT_MEDIUM = "impact:medium"


FAIL_AT_ONCE = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=[ConfigError, GateFailed, InputError, ReportError],
            action=RetryAction.FAIL,
            reason="the error is in the data or the configuration: another try would say the same",
        )
    ]
)
"""Retry what may pass (a held lock, a killed process), never what needs a person."""

DEFAULT_ARGS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": FAIL_AT_ONCE,
    "execution_timeout": timedelta(hours=1),
    "pre_execute": use_airflow_connections,
    "on_failure_callback": record_failure,
}


POKE_SECONDS = 300
"""How often a run that waits for its day to close looks again; it holds no slot meanwhile."""

AWAIT_SECONDS = 20 * 3600
"""How long it waits at most: the next day's run must not find it still waiting."""


def daily_schedule() -> CronPartitionTimetable:
    """Return the schedule of the ingest DAGs: each day at 05:00 UTC, for the UTC day before.

    The five hours are for logs that arrive late. The day travels as the partition key, from the
    ingest runs through their assets to every run downstream; nothing reads it off a clock.
    """
    return CronPartitionTimetable("0 5 * * *", timezone="UTC", run_offset=-1, key_format=KEY_FORMAT)


def last_scheduled_day() -> datetime | None:
    """Return None, or FIRST_DAY where runs are started by backfills alone.

    The embedded Airflow of `make demo` works on days of the past, so it sets
    `AIRFLOW__STILLWATCH__DAILY_SCHEDULE=False`: yesterday has nothing for it.
    """
    is_scheduled: bool = conf.getboolean("stillwatch", "daily_schedule", fallback=True)
    return None if is_scheduled else FIRST_DAY
