"""Checks one row of a reference table: text in, typed values out, or the reason of its refusal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

import pyarrow as pa

from stillwatch.keyed import Keyer
from stillwatch.policy.schemas import ALLOWLIST, DECISIONS, ReferenceTable
from stillwatch.text.templates import fingerprint_template

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_COUNTRY = re.compile(r"^[A-Z]{2}$")
_LIST_MARKS = re.compile(r"[|;]")
_LONGEST_TEXT = 2_000
_NUMBER = re.compile(r"[+-]?[0-9]+")
_INT64 = 2**63

# Pairs of columns where the second, if given, lies after the first.
_INTERVALS = (
    ("valid_from", "valid_until"),
    ("effective_from", "effective_until"),
    ("decided_at", "expires_at"),
)


class RowRefusedError(ValueError):
    """A row cannot be used; `reason` is its code and `column` the column at fault."""

    def __init__(self, reason: str, column: str) -> None:
        super().__init__(f"{reason} in {column}")
        self.reason = reason
        self.column = column


def parse_row(table: ReferenceTable, row: Mapping[str, str]) -> dict[str, Any]:
    """Return a row's typed values, or raise RowRefusedError."""
    values: dict[str, Any] = {}
    for field in table.schema:
        text = row.get(field.name, "").strip()
        if len(text) > _LONGEST_TEXT:
            raise RowRefusedError("too_long", field.name)
        if pa.types.is_list(field.type):
            values[field.name] = sorted(
                {part.strip() for part in _LIST_MARKS.split(text) if part.strip()}
            )
            continue
        if not text:
            if not field.nullable:
                raise RowRefusedError(f"no_{field.name}", field.name)
            values[field.name] = None
            continue
        values[field.name] = _parse_value(field, text)
    for column, choices in table.choices.items():
        if values[column] not in choices:
            raise RowRefusedError(f"unknown_{column}", column)
    for start, end in _INTERVALS:
        first, last = values.get(start), values.get(end)
        if first is not None and last is not None and last <= first:
            raise RowRefusedError("ends_before_start", end)
    if table is DECISIONS:
        _check_target(values)
    return values


def _check_target(row: Mapping[str, Any]) -> None:
    """Refuse a campaign's `split` or `merge` that does not name its other side."""
    if row["subject_type"] != "campaign" or row["decision"] not in ("split", "merge"):
        return
    campaign, _, target = row["subject_id"].partition("|")
    if not campaign.strip() or not target.strip():
        raise RowRefusedError("no_target", "subject_id")


def key_row(table: ReferenceTable, row: dict[str, Any], keyer: Keyer) -> dict[str, Any]:
    """Return the row as it is stored: a template's wording becomes its keyed fingerprint.

    Raises RowRefusedError for a wording or number that is the fingerprint of nothing.
    """
    if table is not ALLOWLIST or row["scope"] != "template":
        return row
    return row | {"value": str(_fingerprint(row["value"], keyer))}


def _fingerprint(value: str, keyer: Keyer) -> int:
    if _NUMBER.fullmatch(value):
        number = int(value)
        if not -_INT64 <= number < _INT64:
            raise RowRefusedError("bad_fingerprint", "value")
        return number
    fingerprint = fingerprint_template(keyer, value)
    if fingerprint is None:
        raise RowRefusedError("short_template", "value")
    return fingerprint


def _parse_value(field: pa.Field, text: str) -> Any:
    if pa.types.is_timestamp(field.type):
        return parse_instant(text, field.name)
    if pa.types.is_boolean(field.type):
        if text.lower() not in _BOOLEANS:
            raise RowRefusedError("bad_boolean", field.name)
        return _BOOLEANS[text.lower()]
    if pa.types.is_floating(field.type):
        return _parse_percent(text, field.name)
    if field.name == "country":
        if not _COUNTRY.match(text.upper()):
            raise RowRefusedError("bad_country", field.name)
        return text.upper()
    return text


def parse_instant(text: str, column: str) -> datetime:
    """Return an instant in UTC; a date means its first instant, a time needs its zone.

    >>> parse_instant("2026-11-01", "valid_from").isoformat()
    '2026-11-01T00:00:00+00:00'
    """
    try:
        if len(text) == len("2026-11-01"):
            return datetime.combine(date.fromisoformat(text), time(), tzinfo=UTC)
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise RowRefusedError("bad_date", column) from error
    if instant.tzinfo is None:
        raise RowRefusedError("no_time_zone", column)
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:  # year 1 or 9999 beyond the calendar's end
        raise RowRefusedError("bad_date", column) from error


def _parse_percent(text: str, column: str) -> float:
    try:
        number = float(text.removesuffix("%"))
    except ValueError as error:
        raise RowRefusedError("bad_number", column) from error
    if not 0 <= number <= 100:  # also refuses NaN
        raise RowRefusedError("bad_number", column)
    return number


_REASONS = {
    "bad_boolean": "{column} is neither true nor false",
    "bad_country": "{column} is no two-letter country code of ISO 3166-1",
    "bad_date": "{column} is no date: write 2026-11-01 or 2026-11-01T06:00:00Z",
    "bad_number": "{column} is no number from 0 to 100",
    "bad_fingerprint": "{column} is no signed 64-bit number",
    "contradiction": "an earlier row has the same key and says something else",
    "duplicate": "an earlier row says the same",
    "ends_before_start": "{column} does not lie after the start",
    "no_target": "{column} names one side only: write <campaign>|<campaign to merge it into> or "
    "<campaign>|<account or fingerprint to split off>",
    "no_time_zone": "{column} has a time without its zone: add Z for UTC",
    "not_yet_decided": "{column} lies after the day that is checked",
    "short_template": "{column} has fewer than 8 words: too short to tell a template by",
    "too_long": "{column} has more than 2,000 characters",
    "wrong_column_count": "the row has more or fewer cells than the header",
}


def describe_reason(reason: str, column: str) -> str:
    """Return the reason of a refusal as a sentence that names the column.

    >>> describe_reason("no_owner", "owner")
    'owner is empty and must be given'
    """
    if reason in _REASONS:
        return _REASONS[reason].format(column=column)
    if reason.startswith("no_"):
        return f"{column} is empty and must be given"
    return f"{column} is not one of the values that it may have"
