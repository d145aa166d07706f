"""Checks on ingestion records: conservation, quarantine, volume."""

from __future__ import annotations

from typing import Any

import pytest
from small_home import make_record

from stillwatch.quality.ingestion import DeclaredVolume, check_ingestion, was_delivered
from stillwatch.quality.results import CheckRow


def check(
    record: dict[str, Any],
    history: list[int] | None = None,
    declared: DeclaredVolume | None = None,
) -> dict[str, CheckRow]:
    rows = check_ingestion(
        [record],
        {"native": history or []},
        {"native": declared} if declared else {},
        {(record["kind"], "native"): record["accepted_count"]},
    )
    return {row.expectation: row for row in rows}


def test_ingestion__lost_row_stops_the_line() -> None:
    row = check(make_record("usage", 10, accepted_count=9))["every_row_is_accounted_for"]
    assert (row.success, row.severity.value, row.unexpected_count) == (False, "critical", 1)


def test_ingestion__lost_row_in_one_file_is_seen_though_totals_agree() -> None:
    record = make_record("usage", 10)
    record["files"][0]["accepted_count"] = 8
    assert not check(record)["every_row_is_accounted_for"].success


def test_ingestion__duplicates_and_quarantine_are_accounted_for() -> None:
    record = make_record("usage", 10, accepted_count=7, duplicate_count=2, quarantined_count=1)
    record["files"][0].update(
        accepted_count=7, duplicate_count=2, quarantined_by_reason={"not_json": 1}
    )
    assert check(record)["every_row_is_accounted_for"].success


@pytest.mark.parametrize(
    ("quarantined", "few", "most"),
    [(5, True, True), (6, False, True), (50, False, True), (51, False, False)],
)
def test_ingestion__quarantined_share_warns_then_stops(
    quarantined: int, few: bool, most: bool
) -> None:
    found = check(
        make_record("usage", 100, accepted_count=100 - quarantined, quarantined_count=quarantined)
    )
    assert found["few_rows_are_quarantined"].success is few
    assert found["few_rows_are_quarantined"].severity.value == "warning"
    assert found["most_rows_are_usable"].success is most
    assert found["most_rows_are_usable"].severity.value == "critical"


@pytest.mark.parametrize(
    ("accepted", "history", "success"),
    [
        (1000, [100, 100, 100], True),
        (1001, [100, 100, 100], False),
        (10, [100, 100, 100], True),
        (9, [100, 100, 100], False),
        (9000, [100, 100], True),
    ],
)
def test_ingestion__tenfold_change_against_the_median_warns(
    accepted: int, history: list[int], success: bool
) -> None:
    row = check(make_record("usage", accepted), history)["volume_is_as_usual"]
    assert (row.success, row.severity.value) == (success, "warning")


@pytest.mark.parametrize(("accepted", "success"), [(9, False), (10, True), (20, True), (21, False)])
def test_ingestion__declared_volume_warns(accepted: int, success: bool) -> None:
    row = check(make_record("usage", accepted), declared=DeclaredVolume(10, 20))
    assert row["volume_is_as_declared"].success is success
    assert row["volume_is_as_declared"].bound == "10 to 20 rows, as declared"


NO_FILES = {"file_count": 0, "read_count": 0, "accepted_count": 0}
NO_ROWS = {"read_count": 0, "accepted_count": 0}


@pytest.mark.parametrize(
    ("changes", "observed"),
    [
        (NO_FILES, "missing: no file was delivered"),
        ({"file_count": 2, "refused_file_count": 1}, "complete: 1 of 2 files refused"),
        (NO_ROWS | {"refused_file_count": 1}, "refused: 1 of 1 files refused"),
        (NO_ROWS, "empty: 1 files without a row"),
        ({"delivery_state": "open"}, "open: 1 files, and the day was not over yet"),
    ],
)
def test_ingestion__missing_refused_and_empty_files_are_told_apart(
    changes: dict[str, Any], observed: str
) -> None:
    row = check(make_record("usage", 10, **changes))["files_were_delivered_and_readable"]
    assert (row.success, row.severity.value, row.observed) == (False, "warning", observed)


@pytest.mark.parametrize("state", ["missing", "empty", "refused"])
@pytest.mark.parametrize(
    ("absence", "severity"), [("fault", "critical"), ("unusual", "warning"), ("allowed", "warning")]
)
def test_ingestion__nothing_from_a_source_that_promises_it_stops_the_line(
    state: str, absence: str, severity: str
) -> None:
    changes = NO_FILES if state == "missing" else NO_ROWS
    record = make_record("usage", 10, **changes, delivery_state=state, absence=absence)
    row = check(record)["files_were_delivered_and_readable"]
    assert row.severity.value == severity
    assert row.success is (state == "missing" and absence == "allowed")


def test_ingestion__an_unknown_state_is_no_pass() -> None:
    with pytest.raises(ValueError, match="'late' of native"):
        check(make_record("usage", 10, delivery_state="late"))


def test_was_delivered__a_declared_day_without_traffic_counts_as_none() -> None:
    record = make_record("usage", 10)
    assert was_delivered([record], "usage")
    assert not was_delivered([record | NO_ROWS | {"has_no_traffic": True}], "usage")
    assert was_delivered([record | {"has_no_traffic": True}], "usage")


@pytest.mark.parametrize(
    ("before", "today", "gone"),
    [
        ([[], []], ["ja4"], 1),
        ([[], ["ja4"]], ["ja4"], 0),
        ([["ja4"]], [], 0),
        ([], ["ja4"], 0),
    ],
)
def test_ingestion__a_field_that_was_there_every_day_and_is_gone_warns(
    before: list[list[str]], today: list[str], gone: int
) -> None:
    earlier = [make_record("usage", 5, absent_columns=names) for names in before]
    earlier.append(make_record("usage", 5, absent_columns=["ja4"], source_id="other"))
    record = make_record("usage", 10, absent_columns=today)
    rows = check_ingestion([record], {}, {}, {("usage", "native"): 10}, earlier)
    (row,) = [row for row in rows if row.expectation == "no_field_has_vanished"]
    assert (row.success, row.unexpected_count) == (gone == 0, gone)


def test_ingestion__many_vanished_fields_are_counted_and_the_first_named() -> None:
    names = [f"field_{number}" for number in range(12)]
    record = make_record("usage", 10, absent_columns=names)
    rows = check_ingestion([record], {}, {}, {("usage", "native"): 10}, [make_record("usage", 5)])
    (row,) = [row for row in rows if row.expectation == "no_field_has_vanished"]
    assert row.observed.startswith("12 fields without any value (field_0, field_1, field_10,")
    assert row.observed.endswith("and 4 more)")
