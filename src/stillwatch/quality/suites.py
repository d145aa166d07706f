"""Expectation suites as they are written by hand in `expectations/`, checked before they run.

A suite is plain JSON in the shape that Great Expectations loads: `name`, `meta`, `expectations`,
each with `type`, `kwargs`, `severity`, `notes`, `meta`. Only types whose result holds counts are
allowed, so that no value of a row can reach the ledger. `$run_date` in a text is replaced with
the day of the run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from stillwatch.errors import ConfigError

# Types that report counts of rows or a share, never a value.
COUNTING_TYPES = frozenset(
    {
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_be_unique",
        "expect_compound_columns_to_be_unique",
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_be_between",
        "expect_column_proportion_of_non_null_values_to_be_between",
        "expect_table_row_count_to_be_between",
        "unexpected_rows_expectation",
    }
)


class Severity(StrEnum):
    """What a failed expectation does: stop the line, or go on and be printed in the reports."""

    CRITICAL = "critical"
    WARNING = "warning"


class WhenEmpty(StrEnum):
    """What it means if the suite's rows are not there at all."""

    CRITICAL = "critical"
    WARNING = "warning"
    ALLOWED = "allowed"


@dataclass(frozen=True)
class Expectation:
    """One expectation: `name` is what the ledger and the reports call it."""

    name: str
    type: str
    kwargs: dict[str, Any]
    severity: Severity
    notes: str
    confidence_effect: str | None

    @property
    def column_name(self) -> str | None:
        """The column or columns that it speaks about, or None if it speaks about whole rows."""
        if "column" in self.kwargs:
            return str(self.kwargs["column"])
        if "column_list" in self.kwargs:
            return ", ".join(self.kwargs["column_list"])
        return None


@dataclass(frozen=True)
class Suite:
    """A suite, its rows (a SQL condition on the relation) and what an absence of rows means."""

    name: str
    relation: str
    rows: str
    when_empty: WhenEmpty
    expectations: tuple[Expectation, ...]


def load_suite(path: Path, day: date) -> Suite:
    """Return the suite in `path` for `day`; its relation is the name of the file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"expectation suite {path} is missing: restore it from git") from error
    except ValueError as error:
        raise ConfigError(f"expectation suite {path} is not JSON: {error}") from error
    try:
        meta = value.get("meta", {})
        suite = Suite(
            name=value["name"],
            relation=path.stem,
            rows=_fill(meta.get("rows", "true"), day),
            when_empty=WhenEmpty(meta.get("when_empty", "critical")),
            expectations=tuple(_read_expectation(item, day) for item in value["expectations"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ConfigError(f"expectation suite {path} is malformed: {error!r}") from error
    if suite.name != f"{path.parent.name}.{path.stem}":
        raise ConfigError(
            f"expectation suite {path} is named {suite.name!r}: "
            f"the name must be {path.parent.name}.{path.stem}"
        )
    keys = [(item.name, item.column_name) for item in suite.expectations]
    for key in keys:
        if keys.count(key) > 1:
            raise ConfigError(
                f"expectation suite {path} holds {key[0]} on {key[1]} twice: "
                'give one of them a name in its "meta"'
            )
    return suite


def _read_expectation(item: dict[str, Any], day: date) -> Expectation:
    kind = item["type"]
    if kind not in COUNTING_TYPES:
        raise ValueError(f"type {kind!r} is not one of {', '.join(sorted(COUNTING_TYPES))}")
    meta = item.get("meta", {})
    return Expectation(
        name=meta.get("name", kind),
        type=kind,
        kwargs=_fill(item["kwargs"], day),
        severity=Severity(item["severity"]),
        notes=item["notes"],
        confidence_effect=meta.get("confidence_effect"),
    )


def _fill(value: Any, day: date) -> Any:
    if isinstance(value, str):
        return value.replace("$run_date", day.isoformat())
    if isinstance(value, list):
        return [_fill(item, day) for item in value]
    if isinstance(value, dict):
        return {key: _fill(item, day) for key, item in value.items()}
    return value
