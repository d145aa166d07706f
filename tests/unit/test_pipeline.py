"""Days in a row: the next one is ingested early, and nothing else changes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from stillwatch import pipeline
from stillwatch.settings import Settings

DAYS = [date(2026, 11, 1) + timedelta(n) for n in range(3)]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, date]]:
    """Replace the steps; note which was called for which day when it ended."""
    noted: list[tuple[str, date]] = []

    def ingest(settings: Settings, day: date) -> list[Any]:
        noted.append(("ingest", day))
        return [day]

    def finish(settings: Settings, day: date, results: list[Any], reports: bool) -> Any:
        assert results == [day]
        noted.append(("reports" if reports else "build", day))
        return day

    monkeypatch.setattr(pipeline, "ingest_day", ingest)
    monkeypatch.setattr(pipeline, "_run_ingested", finish)
    monkeypatch.setattr(pipeline, "_start_helper", lambda: ThreadPoolExecutor(1))
    monkeypatch.setattr(pipeline, "log_results", lambda results: None)
    return noted


def test_run_days__every_day_is_ingested_once_in_order_and_then_built(
    calls: list[tuple[str, date]], tmp_path: Path
) -> None:
    assert list(pipeline.run_days(Settings(home=tmp_path), DAYS, report_days=[DAYS[2]])) == DAYS
    assert [day for step, day in calls if step == "ingest"] == DAYS
    assert [item for item in calls if item[0] != "ingest"] == [
        ("build", DAYS[0]),
        ("build", DAYS[1]),
        ("reports", DAYS[2]),
    ]
    for day in DAYS:
        steps = [step for step, called in calls if called == day]
        assert steps[0] == "ingest"


def test_run_days__a_failed_ingest_ends_the_run_at_its_day(
    calls: list[tuple[str, date]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ingest = pipeline.ingest_day

    def fail_on_second(settings: Settings, day: date) -> list[Any]:
        if day == DAYS[1]:
            raise OSError("disk full")
        return ingest(settings, day)

    monkeypatch.setattr(pipeline, "ingest_day", fail_on_second)
    run = pipeline.run_days(Settings(home=tmp_path), DAYS, report_days=())
    assert next(run) == DAYS[0]
    with pytest.raises(OSError, match="disk full"):
        next(run)
    assert DAYS[2] not in {day for _, day in calls}
