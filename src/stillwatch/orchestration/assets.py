"""The three things that DAGs hand to each other, each partitioned by UTC day."""

from __future__ import annotations

from airflow.sdk import Asset

USAGE_LOGS = Asset(
    name="canonical_usage_logs",
    uri="stillwatch://canonical/exchanges",
    group="stillwatch",
)
"""The canonical exchanges and accounts of a day, written by `ingest_usage_logs`."""

THREAT_FEEDS = Asset(
    name="threat_feeds",
    uri="stillwatch://feeds",
    group="stillwatch",
)
"""The feed versions and reference tables in use on a day, written by `ingest_threat_feeds`."""

SNAPSHOT = Asset(
    name="published_snapshot",
    uri="stillwatch://published/snapshots",
    group="stillwatch",
)
"""The snapshot that analysts read, written by `detect_campaigns` after all gates passed."""
