"""What has changed in landing since a day was ingested."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from stillwatch.runs import get_paths, read_json
from stillwatch.sources import late as late_module
from stillwatch.sources.late import (
    find_late,
    get_record_path,
    list_days_to_rerun,
    list_ingested_days,
    plan_rerun,
    read_unfinished,
)

DAY = date(2026, 11, 2)
DAYS = [DAY + timedelta(days=n) for n in range(4)]


@pytest.fixture
def ingested(desk: Any) -> Any:
    """Four ingested days of two files each."""
    for number, day in enumerate(DAYS):
        for part in range(2):
            at = f"{day}T10:00:00Z"
            records = [desk.exchange(number * 10 + part, event_at=at)]
            desk.land(records, day=day, name=f"{part}.jsonl")
        desk.ingest(day)
    assert find_late(desk.settings) == []
    return desk


def path_of(desk: Any, day: date, name: str) -> Any:
    return desk.landing / f"usage/native/dt={day}" / name


def test_find_late__names_new_changed_and_gone_files(ingested: Any) -> None:
    ingested.land([ingested.exchange(99)], day=DAYS[1], name="late.jsonl")
    ingested.land([ingested.exchange(98)], day=DAYS[2], name="0.jsonl")
    path_of(ingested, DAYS[3], "1.jsonl").unlink()
    found = find_late(ingested.settings)
    assert [item.describe() for item in found] == [
        f"{DAYS[1]} usage of native: 1 new",
        f"{DAYS[2]} usage of native: 1 changed",
        f"{DAYS[3]} usage of native: 1 gone",
    ]
    assert found[0].added == (f"usage/native/dt={DAYS[1]}/late.jsonl",)
    assert list_days_to_rerun(found, DAYS) == DAYS[1:]
    assert find_late(ingested.settings, before=DAYS[2]) == found[:1]


def test_find_late__a_touched_or_packed_copy_is_the_same_file(ingested: Any) -> None:
    path = path_of(ingested, DAY, "0.jsonl")
    os.utime(path, (1, 1))
    assert find_late(ingested.settings) == []
    packed = ingested.land([ingested.exchange(5)], name="p.jsonl.gz")
    ingested.ingest()
    packed.write_bytes(gzip.compress(gzip.decompress(packed.read_bytes()), 1, mtime=9))
    assert find_late(ingested.settings) == []


def test_find_late__the_same_size_with_other_bytes_is_noticed(ingested: Any) -> None:
    path = path_of(ingested, DAY, "0.jsonl")
    path.write_bytes(path.read_bytes().replace(b"meridian-1", b"meridian-2"))
    os.utime(path, (1, 1))
    assert [item.changed for item in find_late(ingested.settings)] == [
        (f"usage/native/dt={DAY}/0.jsonl",)
    ]


def test_find_late__does_not_read_what_its_tag_says_is_unchanged(
    ingested: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("a file was read whose size and tag are as recorded")

    monkeypatch.setattr(late_module, "identify", refuse)
    assert find_late(ingested.settings) == []


def test_find_late__a_source_that_appears_later_counts_for_processed_days(ingested: Any) -> None:
    ingested.land([ingested.exchange(50)], day=DAYS[1], source="second")
    ingested.land([ingested.exchange(51)], day=DAYS[3] + timedelta(days=1), source="second")
    assert [item.describe() for item in find_late(ingested.settings)] == [
        f"{DAYS[1]} usage of second: 1 new"
    ]


def test_find_late__beyond_the_window_nothing_runs_again(ingested: Any) -> None:
    folder = ingested.settings.config
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sources.yml").write_text("sources:\n- id: native\n  reopen_days: 2\n")
    ingested.land([ingested.exchange(99)], day=DAYS[0], name="late.jsonl")
    (found,) = find_late(ingested.settings)
    assert (found.is_too_late, found.file_count) == (True, 1)
    assert found.describe().endswith("1 new; too late to run again")
    assert list_days_to_rerun([found], DAYS) == []
    ingested.land([ingested.exchange(98)], day=DAYS[1], name="late.jsonl")
    assert list_days_to_rerun(find_late(ingested.settings), DAYS) == DAYS[1:]


def test_find_late__a_day_that_was_open_runs_again_once_it_has_closed(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = desk.settings.config
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sources.yml").write_text("sources:\n- id: native\n  complete_after_hours: 6\n")
    desk.land([desk.exchange()])
    monkeypatch.setattr(
        "stillwatch.sources.delivery.utc_now", lambda: datetime(2026, 11, 3, 1, tzinfo=UTC)
    )
    desk.ingest()
    assert find_late(desk.settings) == []
    monkeypatch.setattr(
        "stillwatch.sources.delivery.utc_now", lambda: datetime(2026, 11, 3, 6, tzinfo=UTC)
    )
    assert f"{DAY} usage of native: closed since" in [
        item.describe() for item in find_late(desk.settings)
    ]
    desk.ingest()
    assert find_late(desk.settings) == []


def test_find_late__works_from_the_ledger_where_there_is_no_record(ingested: Any) -> None:
    for path in (ingested.home / "ledger" / "deliveries").rglob("*.json"):
        path.unlink()
    assert find_late(ingested.settings) == []
    ingested.land([ingested.exchange(98)], day=DAYS[2], name="0.jsonl")
    assert [item.day for item in find_late(ingested.settings)] == [DAYS[2]]


def test_find_late__running_again_settles_it_and_later_days_follow(ingested: Any) -> None:
    repeated = ingested.exchange(0, event_at=f"{DAY}T10:00:00Z")
    ingested.land([repeated], day=DAYS[2], name="again.jsonl")
    ingested.ingest(DAYS[2])
    assert ingested.ledger(DAYS[2])["duplicate_count"] == 1
    path_of(ingested, DAY, "0.jsonl").unlink()
    for day in list_days_to_rerun(
        find_late(ingested.settings), list_ingested_days(get_paths(ingested.settings))
    ):
        ingested.ingest(day)
    assert ingested.ledger(DAYS[2])["duplicate_count"] == 0
    assert "x0" in [row["exchange_id"] for row in ingested.rows(DAYS[2])]
    assert find_late(ingested.settings) == []


def test_record__keeps_every_version_of_a_name(ingested: Any) -> None:
    path = get_record_path(get_paths(ingested.settings), "usage", "native", DAY)
    first = {entry["file_name"]: entry["sha256"] for entry in read_json(path)["files"]}
    name = f"usage/native/dt={DAY}/0.jsonl"
    for number in (70, 71):
        ingested.land([ingested.exchange(number)], name="0.jsonl")
        ingested.ingest()
    path_of(ingested, DAY, "0.jsonl").unlink()
    ingested.ingest()
    record = read_json(path)
    versions = [entry for entry in record["superseded"] if entry["file_name"] == name]
    assert versions[0]["sha256"] == first[name]
    assert [entry["superseded_by"] for entry in versions] == [
        versions[1]["sha256"], versions[2]["sha256"], None,
    ]  # fmt: skip
    assert [entry["accepted_count"] for entry in versions] == [1, 1, 1]
    assert name not in [entry["file_name"] for entry in record["files"]]
    before = path.read_bytes()
    ingested.ingest()
    assert path.read_bytes() == before


def test_rerun__that_fails_half_way_is_taken_up_where_it_stopped(
    ingested: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stillwatch import pipeline

    paths = get_paths(ingested.settings)
    ingested.land([ingested.exchange(99)], day=DAYS[1], name="late.jsonl")
    first = plan_rerun(ingested.settings)
    assert (first.days, first.unfinished) == (tuple(DAYS[1:]), ())
    ingest = pipeline.ingest_day

    def fail_on_the_third(settings: Any, day: date) -> Any:
        results = ingest(settings, day)
        if day == DAYS[2]:
            raise OSError("killed")
        return results

    monkeypatch.setattr(pipeline, "ingest_day", fail_on_the_third)
    with pytest.raises(OSError, match="killed"):
        list(pipeline.rerun_days(ingested.settings, first.days))
    again = plan_rerun(ingested.settings)
    assert again.late == ()  # the record knows the late file: landing no longer tells
    assert again.days == again.unfinished == tuple(DAYS[2:])
    monkeypatch.setattr(pipeline, "ingest_day", ingest)
    list(pipeline.rerun_days(ingested.settings, again.days))
    assert plan_rerun(ingested.settings).days == ()
    assert read_unfinished(paths) == ()
