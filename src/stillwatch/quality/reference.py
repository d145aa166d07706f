"""Checks on the reference tables of a day: rows refused, decisions lost, parties unknown.

Pure functions from the ledger record to rows of the quality ledger. They hold counts only: these
rows reach the reports, and whom a decision is about stays in the ledger of the reference tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stillwatch.quality.results import CheckRow
from stillwatch.quality.suites import Severity

_EXPECTED_REASONS = frozenset({"not_yet_decided"})  # a decision of a later day; no mistake


def check_reference(record: Mapping[str, Any]) -> list[CheckRow]:
    """Return the checks on the ledger record of the day's reference tables.

    A lost decision is critical: confirmations and dismissals steer whom the reports name, and a
    run without one of them would say something that a person has already settled.
    """
    rows = [_check_decisions(record)]
    rows += [_check_refused(name, table) for name, table in sorted(record["tables"].items())]
    rows.append(_check_ids(record))
    return rows


def _check_decisions(record: Mapping[str, Any]) -> CheckRow:
    lost = record.get("lost_decisions", [])
    edited = sum(item["kind"] == "edited" for item in lost)
    return CheckRow(
        suite="reference.decisions",
        expectation="decisions_are_append_only",
        column_name=None,
        severity=Severity.CRITICAL,
        success=not lost,
        observed=f"{len(lost) - edited} decisions have vanished, {edited} were edited",
        bound="0; `stillwatch reference list` names them",
        evaluated_row_count=record["tables"]["decisions"]["read_count"],
        unexpected_count=len(lost),
        confidence_effect="a person's decision is missing or was altered" if lost else None,
    )


def _check_refused(name: str, table: Mapping[str, Any]) -> CheckRow:
    refused = {
        reason: count
        for reason, count in table["refused_by_reason"].items()
        if reason not in _EXPECTED_REASONS
    }
    listed = ", ".join(f"{reason} {count}" for reason, count in refused.items())
    return CheckRow(
        suite=f"reference.{name}",
        expectation="reference_rows_are_usable",
        column_name=None,
        severity=Severity.WARNING,
        success=not refused,
        observed=f"{sum(refused.values())} of {table['read_count']} rows refused"
        + (f": {listed}" if refused else ""),
        bound="0; `stillwatch reference check` names the lines",
        evaluated_row_count=table["read_count"],
        unexpected_count=sum(refused.values()),
        confidence_effect=f"rows of {name}.csv do not count" if refused else None,
    )


def _check_ids(record: Mapping[str, Any]) -> CheckRow:
    count = record.get("unknown_id_count", 0)
    return CheckRow(
        suite="reference.ownership",
        expectation="ownership_names_known_entities",
        column_name=None,
        severity=Severity.WARNING,
        success=count == 0,
        observed=f"{count} ids without a row in entities.csv",
        bound="0; `stillwatch reference list` names them",
        evaluated_row_count=record["tables"]["ownership"]["read_count"],
        unexpected_count=count,
        confidence_effect="parties without a name cannot be compared with the lists"
        if count
        else None,
    )
