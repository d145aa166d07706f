from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction

from stillwatch.errors import ConfigError
from stillwatch.orchestration import days as run_days
from stillwatch.orchestration import defaults

INGEST = ["ingest_usage_logs", "ingest_threat_feeds"]


def _core_timetable(dag: Any) -> Any:
    """The timetable as the scheduler sees it: written to its database and read back."""
    return DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable


@pytest.mark.parametrize("dag_id", INGEST)
def test_schedule__at_five_the_day_before_is_processed(dag_id: str, dags: dict[str, Any]) -> None:
    timetable = _core_timetable(dags[dag_id])
    info = timetable.next_dagrun_info_v2(
        last_dagrun_info=None,
        restriction=TimeRestriction(datetime(2026, 11, 13, tzinfo=UTC), None, catchup=True),
    )
    assert info.run_after == datetime(2026, 11, 13, 5, tzinfo=UTC)
    assert info.partition_key == "2026-11-12"


@pytest.mark.parametrize("dag_id", INGEST)
def test_backfill__its_dates_are_the_days_themselves(dag_id: str, dags: dict[str, Any]) -> None:
    timetable = _core_timetable(dags[dag_id])
    first = datetime(2026, 11, 10, tzinfo=UTC)
    infos = timetable.iter_partition_dagrun_infos(
        earliest=first, latest=datetime(2026, 11, 12, 23, 59, 59, tzinfo=UTC)
    )
    assert [info.partition_key for info in infos] == ["2026-11-10", "2026-11-11", "2026-11-12"]


def test_backfill__an_end_at_midnight_leaves_its_day_out(dags: dict[str, Any]) -> None:
    timetable = _core_timetable(dags["ingest_usage_logs"])
    infos = timetable.iter_partition_dagrun_infos(
        earliest=datetime(2026, 11, 10, tzinfo=UTC), latest=datetime(2026, 11, 12, tzinfo=UTC)
    )
    assert [info.partition_key for info in infos] == ["2026-11-10", "2026-11-11"]


@pytest.mark.parametrize(
    ("dag_id", "assets"),
    [
        ("detect_campaigns", {"canonical_usage_logs", "threat_feeds"}),
        ("publish_reports", {"published_snapshot"}),
    ],
)
def test_schedule__downstream_runs_take_the_day_of_all_their_assets(
    dag_id: str, assets: set[str], dags: dict[str, Any]
) -> None:
    timetable = _core_timetable(dags[dag_id])
    assert timetable.partitioned
    assert {key.name for key, _ in timetable.asset_condition.iter_assets()} == assets
    condition = type(timetable.asset_condition).__name__
    assert condition in ("SerializedAsset", "SerializedAssetAll")
    mapper = timetable.get_partition_mapper(name=next(iter(assets)), uri="")
    assert mapper.to_downstream("2026-11-12") == "2026-11-12"


@pytest.mark.parametrize(("setting", "is_scheduled"), [("True", True), ("False", False)])
def test_daily_schedule__can_be_left_to_backfills(
    setting: str, is_scheduled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__STILLWATCH__DAILY_SCHEDULE", setting)
    assert (defaults.last_scheduled_day() is None) == is_scheduled


def test_run_day__is_the_partition_key() -> None:
    assert run_days.get_run_day(SimpleNamespace(partition_key="2026-11-12")) == date(2026, 11, 12)


@pytest.mark.parametrize("key", [None, "", "2026-11-12T05:00:00", "yesterday"])
def test_run_day__is_never_guessed(key: str | None) -> None:
    with pytest.raises(ConfigError, match="partition key"):
        run_days.get_run_day(SimpleNamespace(partition_key=key, run_id="manual__1"))


def test_is_current__holds_for_today_and_yesterday_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_days, "utc_now", lambda: datetime(2026, 11, 13, 5, 0, tzinfo=UTC))
    today = date(2026, 11, 13)
    current = [offset for offset in range(-3, 3) if run_days.is_current(today + timedelta(offset))]
    assert current == [-1, 0]
