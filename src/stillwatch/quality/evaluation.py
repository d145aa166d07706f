"""Run suites with Great Expectations on a DuckDB connection; only counts come back.

Great Expectations takes three seconds to import, so it is imported in the function that needs it.
It is used without a file context: nothing is written, no data docs, no usage statistics.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from stillwatch.quality.results import CheckRow
from stillwatch.quality.suites import Expectation, Severity, Suite, WhenEmpty

BATCH_SCHEMA = "batch"
_COUNTS_ONLY = {"result_format": "BASIC", "exclude_unexpected_values": True}
# Messages that hold names of tables and columns only; any other could hold a value of a row.
_NAMES_ONLY = re.compile(
    r'The column "[^"]*" in BatchData does not exist|(?:Catalog|Binder|Parser) Error: [^\n]*'
)


def evaluate_suites(
    connection: duckdb.DuckDBPyConnection, suites: Sequence[Suite], was_delivered: bool
) -> list[CheckRow]:
    """Return the result of every expectation of `suites`, in their order.

    The rows of a suite are the relation of its name in schema `batch`. Beside the expectations
    each suite proves that its rows were there and that every expectation was evaluated: on its
    own, Great Expectations passes an empty batch and an emptied suite. If no input was delivered
    that day (`was_delivered` is false), missing rows are a warning.
    """
    rows: list[CheckRow] = []
    with _quiet(), _open_batches(connection) as batches:
        for suite in suites:
            rows += _evaluate(connection, suite, batches, was_delivered)
    return rows


def _evaluate(
    connection: duckdb.DuckDBPyConnection, suite: Suite, batches: _Batches, was_delivered: bool
) -> list[CheckRow]:
    row_count = _count_rows(connection, suite.relation)
    if row_count is None:
        return [
            _own_row(suite, "relation_exists", Severity.CRITICAL, False, "missing", "present", 0)
        ]
    severity = _empty_severity(suite.when_empty, was_delivered)
    rows = [
        _own_row(
            suite,
            "rows_were_there",
            severity or Severity.WARNING,
            row_count > 0 or severity is None,
            f"{row_count} rows",
            "0 rows or more" if severity is None else "1 row or more",
            row_count,
        )
    ]
    if row_count == 0:
        return rows
    results = batches.validate(suite) if suite.expectations else {}
    evaluated = sum(1 for result in results.values() if not _has_raised(result))
    for index, expectation in enumerate(suite.expectations):
        rows.append(_read_result(suite, expectation, results.get(index), row_count))
    rows.append(
        _own_row(
            suite,
            "expectations_were_evaluated",
            Severity.CRITICAL,
            0 < evaluated == len(suite.expectations),
            f"{evaluated} of {len(suite.expectations)} evaluated",
            "1 or more, and all of them",
            row_count,
        )
    )
    return rows


def _empty_severity(when_empty: WhenEmpty, was_delivered: bool) -> Severity | None:
    match when_empty:
        case WhenEmpty.ALLOWED:
            return None
        case WhenEmpty.WARNING:
            return Severity.WARNING
        case WhenEmpty.CRITICAL:
            return Severity.CRITICAL if was_delivered else Severity.WARNING


def _own_row(
    suite: Suite,
    name: str,
    severity: Severity,
    success: bool,
    observed: str,
    bound: str,
    row_count: int,
) -> CheckRow:
    effect = None if success else f"nothing can be said from {suite.relation} of this day"
    return CheckRow(
        suite.name, name, None, severity, success, observed, bound, row_count, None, effect
    )


def _read_result(
    suite: Suite, expectation: Expectation, result: Any | None, row_count: int
) -> CheckRow:
    counts = {} if result is None else dict(result.result)
    raised = result is None or _has_raised(result)
    success = not raised and bool(result is not None and result.success)
    unexpected = counts.get("unexpected_count")
    if expectation.type == "unexpected_rows_expectation":
        unexpected = counts.get("observed_value")
    return CheckRow(
        suite=suite.name,
        expectation=expectation.name,
        column_name=expectation.column_name,
        # What could not be evaluated has not been shown to hold, whatever it is about.
        severity=Severity.CRITICAL if raised else expectation.severity,
        success=success,
        observed=_describe_failure(result) if raised else _describe_observed(expectation, counts),
        bound=describe_bound(expectation),
        evaluated_row_count=0 if raised else int(counts.get("element_count", row_count)),
        unexpected_count=None if unexpected is None or raised else int(unexpected),
        confidence_effect=None if success else expectation.confidence_effect,
    )


def describe_bound(expectation: Expectation) -> str:
    """Return what an expectation allows, in words."""
    kwargs = expectation.kwargs
    match expectation.type:
        case "expect_column_values_to_not_be_null":
            bound = "no value missing"
        case "expect_column_values_to_be_unique" | "expect_compound_columns_to_be_unique":
            bound = "no value twice"
        case "expect_column_values_to_be_in_set":
            bound = f"one of {', '.join(str(value) for value in kwargs['value_set'])}"
        case "unexpected_rows_expectation":
            bound = "0 rows"
        case _:
            low, high = kwargs.get("min_value"), kwargs.get("max_value")
            if high is None:
                bound = f"{low} or more"
            elif low is None:
                bound = f"{high} or less"
            else:
                bound = f"{low} to {high}"
    if "mostly" in kwargs:
        bound += f", in {kwargs['mostly'] * 100:g} % of rows or more"
    return bound


def _describe_observed(expectation: Expectation, counts: dict[str, Any]) -> str:
    match expectation.type:
        case "unexpected_rows_expectation" | "expect_table_row_count_to_be_between":
            return f"{int(counts['observed_value'])} rows"
        case "expect_column_proportion_of_non_null_values_to_be_between":
            return f"{float(counts['observed_value']):.4f}"
        case _:
            return f"{counts['unexpected_count']} of {counts['element_count']} rows"


def _has_raised(result: Any) -> bool:
    return bool(_find_exceptions(result.exception_info))


def _find_exceptions(info: dict[str, Any]) -> list[str]:
    # Flat for one exception, keyed by metric for several.
    entries = [info] if "raised_exception" in info else list(info.values())
    return [str(entry["exception_message"]) for entry in entries if entry["raised_exception"]]


def _describe_failure(result: Any | None) -> str:
    if result is None:
        return "not evaluated: the engine returned no result"
    for message in _find_exceptions(result.exception_info):
        if found := _NAMES_ONLY.search(message):
            return f"not evaluated: {found.group()}"
    return "not evaluated: the engine raised an error"


def _count_rows(connection: duckdb.DuckDBPyConnection, relation: str) -> int | None:
    try:
        found = connection.execute(f'select count(*) from {BATCH_SCHEMA}."{relation}"').fetchone()
    except duckdb.CatalogException:
        return None
    return int(found[0]) if found else 0


class _Batches:
    """Batches of one ephemeral Great Expectations context."""

    def __init__(self, datasource: Any) -> None:
        self._datasource = datasource

    def validate(self, suite: Suite) -> dict[int, Any]:
        """Return Great Expectations' result by the position of the expectation in the suite."""
        from great_expectations import ExpectationSuite

        asset = self._datasource.add_table_asset(
            name=suite.name, table_name=suite.relation, schema_name=BATCH_SCHEMA
        )
        batch = asset.add_batch_definition_whole_table("rows").get_batch()
        expectations = [
            {
                "type": item.type,
                "kwargs": item.kwargs,
                "severity": item.severity.value,
                "meta": {"position": position},
            }
            for position, item in enumerate(suite.expectations)
        ]
        outcome = batch.validate(
            ExpectationSuite(name=suite.name, expectations=expectations),
            result_format=_COUNTS_ONLY,
        )
        return {result.expectation_config.meta["position"]: result for result in outcome.results}


@contextmanager
def _open_batches(connection: duckdb.DuckDBPyConnection) -> Iterator[_Batches]:
    import great_expectations
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    from stillwatch.quality.duckdb_dialect import shared

    context = great_expectations.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
        ),
    )
    with shared(connection) as url:
        datasource = context.data_sources.add_sql("warehouse", connection_string=url)
        try:
            yield _Batches(datasource)
        finally:
            datasource.get_engine().dispose()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Great Expectations' own log silent: its error texts can hold values of rows."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
