"""Times as the platforms write them, brought to aware UTC instants.

What cannot be a time is returned as it came, so that the check of all formats refuses it by name.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from stillwatch.sources.fields import FieldError, parse_instant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_TICK = datetime(1, 1, 1, tzinfo=UTC)
_UTC_TEXT = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?)(?:\s?(?:UTC|GMT))?", re.ASCII
)
_SHORT_ZONE = re.compile(r"(.*\d)([+-]\d\d)", re.ASCII)
_NUMBER = re.compile(r"\d{1,19}(\.\d*)?([eE]\+?\d{1,2})?", re.ASCII)
_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}


def read_utc(value: Any, name: str) -> Any:
    """Return the instant of a time that is UTC where it names no zone.

    Takes RFC 3339 text, text without a zone or with `UTC` behind it, `+00` for a zone, Parquet
    timestamps with or without a zone.

    >>> read_utc("2026-11-01 10:00:00.25 UTC", "time").isoformat()
    '2026-11-01T10:00:00.250000+00:00'
    """
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if not isinstance(value, str) or not value:
        return value if value != "" else None
    match = _UTC_TEXT.fullmatch(value)
    if match:
        return parse_instant(match[1] + "Z", name)
    short = _SHORT_ZONE.fullmatch(value) if len(value) > 10 else None
    return parse_instant(f"{short[1]}{short[2]}:00" if short else value, name)


def read_unix(value: Any, unit: str, name: str) -> Any:
    """Return the instant of a count of `s`, `ms`, `us` or `ns` since 1970, number or text.

    >>> read_unix("1793527200000000000", "ns", "time").isoformat()
    '2026-11-01T10:00:00+00:00'
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = int(value) if value.isdigit() else float(value)
    if type(value) is float and math.isfinite(value) and unit != "ns":
        value, unit = round(value * _MICROSECONDS[unit]), "us"
    if type(value) is not int:
        return value
    microseconds = value // 1000 if unit == "ns" else value * _MICROSECONDS[unit]
    return _shift(_EPOCH, microseconds, name)


def read_ticks(value: Any, name: str) -> Any:
    """Return the instant of a count of 100 nanoseconds since the year 1, as .NET counts.

    >>> read_ticks(638988840000000000, "time").isoformat()
    '2025-11-16T10:00:00+00:00'
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        value = int(value)
    if type(value) is not int:
        return value
    return _shift(_FIRST_TICK, value // 10, name)


def read_any(value: Any, name: str) -> Any:
    """Return the instant of text, a timestamp or a count since 1970 whose size tells its unit."""
    text_number = isinstance(value, str) and _NUMBER.fullmatch(value) is not None
    if type(value) not in (int, float) and not text_number:
        return read_utc(value, name)
    size = abs(float(value))
    for unit, limit in (("s", 1e11), ("ms", 1e14), ("us", 1e17)):
        if size < limit:
            return read_unix(value, unit, name)
    return read_unix(value, "ns", name)


def count_milliseconds(start: Any, end: Any) -> int | None:
    """Return the time between two instants; None if one is no instant or the end lies before."""
    if not isinstance(start, datetime) or not isinstance(end, datetime) or end < start:
        return None
    return (end - start) // timedelta(milliseconds=1)


def _shift(start: datetime, microseconds: int, name: str) -> datetime:
    try:
        return start + timedelta(microseconds=microseconds)
    except OverflowError as error:
        raise FieldError("bad_time", f"{name} is no time of this calendar") from error
