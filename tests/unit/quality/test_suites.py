"""Suites as files, and how they are evaluated."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from stillwatch.errors import ConfigError
from stillwatch.project import get_project_root
from stillwatch.quality.evaluation import evaluate_suites
from stillwatch.quality.gates import MARTS_RELATIONS, RAW_RELATIONS
from stillwatch.quality.results import CheckRow
from stillwatch.quality.suites import Suite, load_suite

DAY = date(2026, 11, 5)


def write_suite(folder: Path, expectations: list[dict[str, Any]], **changes: Any) -> Path:
    path = folder / "raw" / "things.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"name": "raw.things", "expectations": expectations, **changes}))
    return path


def expect(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "severity": "warning", "notes": "for the test"}


def evaluate(suite: Suite, rows: str, was_delivered: bool = True) -> dict[str, CheckRow]:
    with duckdb.connect() as connection:
        connection.execute("create schema batch")
        connection.execute(f"create table batch.things as {rows}")
        return {row.expectation: row for row in evaluate_suites(connection, [suite], was_delivered)}


def test_suites__every_shipped_suite_loads_and_no_relation_is_forgotten() -> None:
    for gate, relations in (("raw", RAW_RELATIONS), ("marts", MARTS_RELATIONS)):
        folder = get_project_root() / "expectations" / gate
        assert {path.stem for path in folder.glob("*.json")} == set(relations)
        for path in folder.glob("*.json"):
            assert load_suite(path, DAY).expectations


def test_suites__day_is_filled_in(tmp_path: Path) -> None:
    query = "select 1 as found from {batch} where day = date '$run_date'"
    path = write_suite(
        tmp_path, [expect("unexpected_rows_expectation", unexpected_rows_query=query)]
    )
    [loaded] = load_suite(path, DAY).expectations
    assert loaded.kwargs["unexpected_rows_query"].endswith("date '2026-11-05'")


@pytest.mark.parametrize(
    ("expectations", "changes", "message"),
    [
        ([expect("expect_column_distinct_values_to_be_in_set", column="a")], {}, "is not one of"),
        ([{"type": "expect_column_values_to_not_be_null", "kwargs": {}}], {}, "severity"),
        ([], {"name": "raw.others"}, "must be raw.things"),
        ([expect("expect_column_values_to_not_be_null", column="a")] * 2, {}, "twice"),
    ],
)
def test_suites__malformed_suite_is_refused_by_name(
    tmp_path: Path, expectations: list[dict[str, Any]], changes: dict[str, Any], message: str
) -> None:
    path = write_suite(tmp_path, expectations, **changes)
    with pytest.raises(ConfigError, match=message) as caught:
        load_suite(path, DAY)
    assert str(path) in str(caught.value)


def test_suites__missing_suite_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is missing"):
        load_suite(tmp_path / "raw" / "things.json", DAY)


def test_evaluation__emptied_suite_fails(tmp_path: Path) -> None:
    found = evaluate(load_suite(write_suite(tmp_path, []), DAY), "select 1 as a")
    row = found["expectations_were_evaluated"]
    assert (row.success, row.severity.value, row.observed) == (
        False,
        "critical",
        "0 of 0 evaluated",
    )


def test_evaluation__empty_batch_fails_unless_nothing_was_delivered(tmp_path: Path) -> None:
    suite = load_suite(
        write_suite(tmp_path, [expect("expect_column_values_to_not_be_null", column="a")]), DAY
    )
    nothing = "select 1 as a limit 0"
    assert evaluate(suite, nothing)["rows_were_there"].severity.value == "critical"
    undelivered = evaluate(suite, nothing, was_delivered=False)["rows_were_there"]
    assert (undelivered.success, undelivered.severity.value) == (False, "warning")


def test_evaluation__expectation_that_raises_is_critical_and_tells_no_value(
    tmp_path: Path,
) -> None:
    query = "select 1 as found from {batch} where a::int > 0"
    suite = load_suite(
        write_suite(tmp_path, [expect("unexpected_rows_expectation", unexpected_rows_query=query)]),
        DAY,
    )
    row = evaluate(suite, "select 'canary' as a")["unexpected_rows_expectation"]
    assert (row.success, row.severity.value) == (False, "critical")
    assert "canary" not in row.observed


def test_evaluation__missing_column_and_missing_relation_are_named(tmp_path: Path) -> None:
    suite = load_suite(
        write_suite(tmp_path, [expect("expect_column_values_to_not_be_null", column="gone")]), DAY
    )
    row = evaluate(suite, "select 1 as a")["expect_column_values_to_not_be_null"]
    assert "gone" in row.observed
    with duckdb.connect() as connection:
        connection.execute("create schema batch")
        [only] = evaluate_suites(connection, [suite], True)
    assert (only.expectation, only.success) == ("relation_exists", False)


def test_evaluation__counts_come_back_without_values(tmp_path: Path) -> None:
    suite = load_suite(
        write_suite(
            tmp_path,
            [
                expect("expect_column_values_to_be_in_set", column="a", value_set=["x"]),
                expect(
                    "expect_column_proportion_of_non_null_values_to_be_between",
                    column="a",
                    min_value=0.9,
                ),
            ],
        ),
        DAY,
    )
    found = evaluate(suite, "select unnest(['x', 'y', 'y', null]) as a")
    in_set = found["expect_column_values_to_be_in_set"]
    assert (in_set.observed, in_set.unexpected_count, in_set.evaluated_row_count) == (
        "2 of 4 rows",
        2,
        4,
    )
    share = found["expect_column_proportion_of_non_null_values_to_be_between"]
    assert (share.success, share.observed, share.bound) == (False, "0.7500", "0.9 or more")
