"""Which UTC day a DAG run is for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from stillwatch.errors import ConfigError
from stillwatch.log import get_logger
from stillwatch.runs import parse_day, utc_now
from stillwatch.sources.delivery import OpenDelivery

_LOG = get_logger(__name__)


def get_run_day(dag_run: Any) -> date:
    """Return the day that a DAG run carries as its partition key, or raise a ConfigError.

    Asset-triggered runs have neither a logical date nor a data interval, so the key is the only
    carrier of the day. A run without one was triggered by hand without a day, and guessing it
    would process the wrong one.
    """
    key = getattr(dag_run, "partition_key", None)
    if not key:
        raise ConfigError(
            f"DAG run {getattr(dag_run, 'run_id', '?')!r} has no partition key: "
            "trigger it with the UTC day (YYYY-MM-DD) as partition key, or create a backfill"
        )
    return parse_day(key, "partition key")


def is_current(day: date) -> bool:
    """Tell whether `day` is today or yesterday by the clock, so that the outside world fits it.

    A threat feed pulled now describes the present: for an older day the landed versions count.
    """
    today = utc_now().date()
    return today - timedelta(days=1) <= day <= today


def is_closed(found: Sequence[OpenDelivery]) -> bool:
    """Tell whether nothing is left to wait for; what is, is logged by name."""
    for delivery in found:
        _LOG.info("waiting: %s", delivery.describe())
    return not found
