"""Checks on the ingestion ledger of a day: does it add up, is it the amount that was expected?

Pure functions from ledger records to rows of the quality ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from stillwatch.quality.results import CheckRow
from stillwatch.quality.suites import Severity

QUARANTINED_RATIO_WARNING = 0.05  # more says that a source has drifted
QUARANTINED_RATIO_CRITICAL = 0.5  # more says that the day cannot be told from its rest
VOLUME_CHANGE_FACTOR = 10  # against the median of earlier days
VOLUME_HISTORY_DAYS = 28
VOLUME_HISTORY_MINIMUM = 3  # days; a median of fewer says nothing
FIELD_HISTORY_DAYS = 7  # a field that was there on each of them is expected today

_SUITE = "ingestion"
_FILES_BOUND = "1 file or more, none refused, rows in them"
_NAMED_FIELDS = 8  # of which a result names so many; the ledger names them all
_COUNTS = ("read_count", "accepted_count", "duplicate_count", "quarantined_count")


@dataclass(frozen=True)
class DeclaredVolume:
    """The rows per day that a source's entry in the configuration declares; None is no bound."""

    minimum: int | None
    maximum: int | None


def was_delivered(records: Iterable[Mapping[str, Any]], kind: str) -> bool:
    """Return whether any source handed in a file of `kind`, usable or not.

    A platform that declares a day without traffic may hand in files without rows: they count as
    none.
    """
    return any(
        record["file_count"] > 0 and not (record.get("has_no_traffic") and not record["read_count"])
        for record in records
        if record["kind"] == kind
    )


def check_ingestion(
    records: Sequence[Mapping[str, Any]],
    history: Mapping[str, Sequence[int]],
    declared: Mapping[str, DeclaredVolume],
    stored_counts: Mapping[tuple[str, str], int],
    earlier: Sequence[Mapping[str, Any]] = (),
) -> list[CheckRow]:
    """Return the checks on the ledger `records` of one day.

    `history` holds the accepted usage rows of earlier days by source, `declared` the bounds of
    the configuration by source, `stored_counts` the canonical rows by kind and source, `earlier`
    the ledger records of the last FIELD_HISTORY_DAYS days.
    """
    rows = [_check_presence(records)]
    for kind in ("usage", "accounts"):
        of_kind = [record for record in records if record["kind"] == kind]
        if of_kind:
            rows.append(_check_quarantine_limit(kind, of_kind))
    for record in sorted(records, key=lambda item: (item["kind"], item["source_id"])):
        kind, source_id = record["kind"], record["source_id"]
        rows += [
            _check_conservation(record),
            _check_stored(record, stored_counts.get((kind, source_id), 0)),
            _check_files(record),
            *_check_fields(record, earlier),
            _check_quarantined_share(record),
        ]
        if kind == "usage":
            rows.append(_check_declared(record, declared.get(source_id)))
            rows.append(_check_usual(record, history.get(source_id, ())))
    return rows


def _row(
    record: Mapping[str, Any],
    expectation: str,
    severity: Severity,
    success: bool,
    observed: str,
    bound: str,
    unexpected_count: int | None = None,
    effect: str | None = None,
) -> CheckRow:
    return CheckRow(
        suite=f"{_SUITE}.{record['kind']}.{record['source_id']}",
        expectation=expectation,
        column_name=None,
        severity=severity,
        success=success,
        observed=observed,
        bound=bound,
        evaluated_row_count=record["read_count"],
        unexpected_count=unexpected_count,
        confidence_effect=None if success else effect,
    )


def _check_presence(records: Sequence[Mapping[str, Any]]) -> CheckRow:
    count = sum(1 for record in records if record["kind"] == "usage")
    return CheckRow(
        suite=_SUITE,
        expectation="usage_sources_were_ingested",
        column_name=None,
        severity=Severity.CRITICAL,
        success=count > 0,
        observed=f"{count} sources in the ledger",
        bound="1 or more",
        evaluated_row_count=sum(record["read_count"] for record in records),
        unexpected_count=None,
        confidence_effect=None if count else "the day has not been ingested",
    )


def _check_quarantine_limit(kind: str, records: Sequence[Mapping[str, Any]]) -> CheckRow:
    read = sum(record["read_count"] for record in records)
    quarantined = sum(record["quarantined_count"] for record in records)
    success = quarantined <= QUARANTINED_RATIO_CRITICAL * read
    return CheckRow(
        suite=f"{_SUITE}.{kind}",
        expectation="most_rows_are_usable",
        column_name=None,
        severity=Severity.CRITICAL,
        success=success,
        observed=f"{quarantined} of {read} rows quarantined",
        bound=f"{QUARANTINED_RATIO_CRITICAL:.0%} or less, over all sources",
        evaluated_row_count=read,
        unexpected_count=quarantined,
        confidence_effect=None if success else "most of the day's rows could not be read",
    )


def _check_conservation(record: Mapping[str, Any]) -> CheckRow:
    read, accepted, duplicate, quarantined = (record[name] for name in _COUNTS)
    gap = read - accepted - duplicate - quarantined
    files = record["files"]
    per_file = sum(
        abs(
            file["read_count"]
            - file["accepted_count"]
            - file["duplicate_count"]
            - sum(file["quarantined_by_reason"].values())
        )
        for file in files
        if file["state"] == "loaded"
    )
    unaccounted = max(abs(gap), per_file, abs(read - sum(file["read_count"] for file in files)))
    return _row(
        record,
        "every_row_is_accounted_for",
        Severity.CRITICAL,
        unaccounted == 0,
        f"{read} read = {accepted} accepted + {duplicate} duplicate + {quarantined} quarantined"
        + (f", {unaccounted} unaccounted for" if unaccounted else ""),
        "read = accepted + duplicate + quarantined, in every file",
        unaccounted,
        "rows were lost or counted twice",
    )


def _check_stored(record: Mapping[str, Any], stored: int) -> CheckRow:
    accepted = record["accepted_count"]
    return _row(
        record,
        "accepted_rows_are_stored",
        Severity.CRITICAL,
        stored == accepted,
        f"{stored} rows in the canonical partition",
        f"{accepted}, as many as were accepted",
        abs(stored - accepted),
        "the canonical partition is torn",
    )


def _check_files(record: Mapping[str, Any]) -> CheckRow:
    """Return whether the delivery is there and usable.

    Nothing at all from a source that is bound to deliver stops the line; from one that is only
    found in landing it is a warning.
    """
    files, refused = record["file_count"], record["refused_file_count"]
    state, absence = record.get("delivery_state") or _guess_state(record), record.get("absence")
    nothing = Severity.CRITICAL if absence == "fault" else Severity.WARNING
    severity, success = Severity.WARNING, False
    match state:
        case "missing":
            severity, success = nothing, absence == "allowed"
            observed = "no file was delivered"
        case "empty" if record.get("has_no_traffic"):
            observed, success = "no traffic, as the platform declares", True
        case "empty":
            severity, observed = nothing, f"{files} files without a row"
        case "refused":
            severity, observed = nothing, f"{refused} of {files} files refused"
        case "open":
            observed = f"{files} files, and the day was not over yet"
        case "complete" if refused:
            observed = f"{refused} of {files} files refused"
        case "complete":
            observed, success = f"{files} files", True
        case _:
            raise ValueError(f"delivery_state {state!r} of {record['source_id']} is not known")
    return _row(
        record,
        "files_were_delivered_and_readable",
        severity,
        success,
        f"{state}: {observed}",
        "no delivery, or files" if absence == "allowed" else _FILES_BOUND,
        refused,
        f"{record['source_id']} is missing or incomplete on this day",
    )


def _guess_state(record: Mapping[str, Any]) -> str:
    """Return the state of a ledger from before states were kept."""
    if not record["file_count"]:
        return "missing"
    if record["refused_file_count"] == record["file_count"]:
        return "refused"
    has_rows = record["read_count"] or record["duplicate_file_count"] == record["file_count"]
    return "complete" if has_rows else "empty"


def _check_fields(
    record: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]]
) -> Iterator[CheckRow]:
    """Yield whether the source still fills what it filled, and whether it sends something new."""
    before = [
        item
        for item in earlier
        if (item["kind"], item["source_id"]) == (record["kind"], record["source_id"])
        and item["accepted_count"]
    ]
    if not before or not record["accepted_count"]:
        gone: list[str] = []
        new: list[str] = []
    else:
        usually_absent = {name for item in before for name in item["absent_columns"]}
        known = {name for item in before for name in item["unknown_fields"]}
        gone = sorted(set(record["absent_columns"]) - usually_absent)
        new = sorted(set(record["unknown_fields"]) - known)
    days = f"the last {FIELD_HISTORY_DAYS} days" if before else "earlier days: there are none"
    yield _row(
        record,
        "no_field_has_vanished",
        Severity.WARNING,
        not gone,
        f"{len(gone)} fields without any value{_name(gone)}",
        f"none that was filled on each of {days}",
        len(gone),
        f"{record['source_id']} no longer fills some fields{_name(gone)}: evidence is missing",
    )
    yield _row(
        record,
        "no_unknown_field_is_new",
        Severity.WARNING,
        not new,
        f"{len(new)} fields that the format does not define{_name(new)}",
        f"none that was not there on {days}",
        len(new),
        f"the format of {record['source_id']} has changed: new fields are counted, not used",
    )


def _name(fields: Sequence[str]) -> str:
    if not fields:
        return ""
    more = f" and {len(fields) - _NAMED_FIELDS} more" if len(fields) > _NAMED_FIELDS else ""
    return f" ({', '.join(fields[:_NAMED_FIELDS])}{more})"


def _check_quarantined_share(record: Mapping[str, Any]) -> CheckRow:
    read, quarantined = record["read_count"], record["quarantined_count"]
    return _row(
        record,
        "few_rows_are_quarantined",
        Severity.WARNING,
        quarantined <= QUARANTINED_RATIO_WARNING * read,
        f"{quarantined} of {read} rows quarantined",
        f"{QUARANTINED_RATIO_WARNING:.0%} or less",
        quarantined,
        f"counts of {record['source_id']} are too low on this day",
    )


def _check_declared(record: Mapping[str, Any], declared: DeclaredVolume | None) -> CheckRow:
    accepted = record["accepted_count"]
    low = declared.minimum if declared else None
    high = declared.maximum if declared else None
    match (low, high):
        case (None, None):
            bound = "no bound is declared"
        case (None, _):
            bound = f"{high} rows or less, as declared"
        case (_, None):
            bound = f"{low} rows or more, as declared"
        case _:
            bound = f"{low} to {high} rows, as declared"
    return _row(
        record,
        "volume_is_as_declared",
        Severity.WARNING,
        (low is None or accepted >= low) and (high is None or accepted <= high),
        f"{accepted} rows accepted",
        bound,
        None,
        f"the volume of {record['source_id']} is outside what its owner declared",
    )


def _check_usual(record: Mapping[str, Any], history: Sequence[int]) -> CheckRow:
    accepted = record["accepted_count"]
    if len(history) < VOLUME_HISTORY_MINIMUM:
        success, bound = True, f"no bound before {VOLUME_HISTORY_MINIMUM} earlier days"
    else:
        middle = median(history)
        success = middle / VOLUME_CHANGE_FACTOR <= accepted <= middle * VOLUME_CHANGE_FACTOR
        bound = (
            f"within a factor of {VOLUME_CHANGE_FACTOR} of {middle:g}, "
            f"the median of {len(history)} earlier days"
        )
    return _row(
        record,
        "volume_is_as_usual",
        Severity.WARNING,
        success,
        f"{accepted} rows accepted",
        bound,
        None,
        f"the volume of {record['source_id']} has changed tenfold: growth may be delivery, not use",
    )
