"""Typed reading of the raw fields of one record: a value, None if it is absent, or a FieldError.

Nothing is guessed: a number written as a string, a fraction where a count belongs or a time
without its zone makes the record unusable, and the error names the field but never the value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

MAX_ID_CHARS = 512
MAX_LONG_CHARS = 1 << 20
INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(\.\d+)?\s?([Zz]|[+-]\d\d:?\d\d)?", re.ASCII
)


class FieldError(Exception):
    """A record cannot be used: the reason code and a detail that names the field."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def require(value: Any, name: str) -> Any:
    """Return `value`, or raise `missing_<field>` if it is None."""
    if value is None:
        raise FieldError(f"missing_{name}", f"{name} is absent or null")
    return value


def read_text(raw: Mapping[str, Any], name: str, max_chars: int = MAX_ID_CHARS) -> str | None:
    """Return a short string; an empty one counts as absent, control characters are refused."""
    value = raw.get(name)
    if value is None or value == "":
        return None
    if type(value) is not str:
        raise _bad_type(name, "a string")
    if len(value) > max_chars:
        raise FieldError(f"bad_value_{name}", f"{name} is longer than {max_chars} characters")
    if not value.isprintable() and _CONTROL.search(value):
        raise FieldError(f"bad_value_{name}", f"{name} holds a control character")
    return value


def read_required_text(raw: Mapping[str, Any], name: str) -> str:
    """Return a short string that must be there."""
    value = read_text(raw, name)
    if value is None:
        if raw.get(name) == "":
            raise FieldError(f"bad_value_{name}", f"{name} is empty")
        raise FieldError(f"missing_{name}", f"{name} is absent or null")
    return value


def read_body(raw: Mapping[str, Any], name: str) -> str | None:
    """Return a text of any length and content, such as a prompt."""
    value = raw.get(name)
    if value is None or type(value) is str:
        return value
    raise _bad_type(name, "a string")


def read_count(
    raw: Mapping[str, Any], name: str, maximum: int = INT64_MAX, minimum: int = 0
) -> int | None:
    """Return a whole number between `minimum` and `maximum`."""
    value = raw.get(name)
    if type(value) is int and minimum <= value <= maximum:
        return value
    if value is None:
        return None
    if type(value) is float:
        if not math.isfinite(value):
            raise FieldError(f"bad_value_{name}", f"{name} is not finite")
        if not value.is_integer():
            raise FieldError(f"bad_type_{name}", f"{name} has a fraction, it must be whole")
        value = int(value)
    if type(value) is not int:
        raise _bad_type(name, "a whole number")
    if value < minimum:
        raise _below(name, minimum)
    if value > maximum:
        raise FieldError(f"bad_value_{name}", f"{name} is above {maximum}")
    return value


def read_number(raw: Mapping[str, Any], name: str) -> float | None:
    """Return a finite number that is not negative."""
    value = raw.get(name)
    if value is None:
        return None
    if type(value) is not float and type(value) is not int:
        raise _bad_type(name, "a number")
    if type(value) is int and value > INT64_MAX:
        raise FieldError(f"bad_value_{name}", f"{name} is above {INT64_MAX}")
    if not math.isfinite(value):
        raise FieldError(f"bad_value_{name}", f"{name} is not finite")
    if value < 0:
        raise _below(name, 0)
    return float(value)


def read_flag(raw: Mapping[str, Any], name: str) -> bool | None:
    """Return a boolean."""
    value = raw.get(name)
    if value is None or type(value) is bool:
        return value
    raise _bad_type(name, "true or false")


def read_list(raw: Mapping[str, Any], name: str) -> list[str] | None:
    """Return a list of strings; an empty list means none, None means unknown."""
    value = raw.get(name)
    if value is None:
        return None
    if type(value) is not list:
        raise _bad_type(name, "a list of strings")
    for item in value:
        if type(item) is not str:
            raise _bad_type(name, "a list of strings")
        if not item or len(item) > MAX_LONG_CHARS:
            raise FieldError(f"bad_value_{name}", f"an item of {name} is empty or too long")
    return value


def read_choice(raw: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str | None:
    """Return one of the listed codes."""
    value = raw.get(name)
    if value is None:
        return None
    if type(value) is not str:
        raise _bad_type(name, "a string")
    if value not in choices:
        raise FieldError(f"bad_value_{name}", f"{name} is none of {', '.join(choices)}")
    return value


def read_country(raw: Mapping[str, Any], name: str) -> str | None:
    """Return a two-character country code in upper case; codes for "unknown" count as absent."""
    value = read_text(raw, name)
    if value is None:
        return None
    if len(value) != 2 or not value.isascii() or not value[0].isalpha() or not value.isalnum():
        raise FieldError(f"bad_value_{name}", f"{name} is not a country code of two characters")
    code = value.upper()
    return None if code in {"XX", "ZZ"} else code


def read_instant(raw: Mapping[str, Any], name: str) -> datetime | None:
    """Return an aware UTC instant from RFC 3339 text or a Parquet timestamp.

    Whatever lands is in UTC: a Parquet timestamp, which is a number and often has no zone to name,
    counts as UTC; text must name its zone. Digits beyond microseconds are cut. The leap second
    23:59:60 UTC is the first instant of the next day.
    """
    value = raw.get(name)
    if value is None:
        return None
    if type(value) is str:
        return parse_instant(value, name)
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    raise _bad_type(name, "an RFC 3339 time")


def parse_instant(text: str, name: str) -> datetime:
    """Return the instant that RFC 3339 text names, or raise `bad_time` or `no_timezone`.

    >>> parse_instant("2026-11-01T10:00:00.5+02:00", "event_at").isoformat()
    '2026-11-01T08:00:00.500000+00:00'
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise FieldError("bad_time", f"{name} is not an RFC 3339 time")
    day, minute, second, fraction, zone = match.groups()
    if zone is None:
        raise FieldError("no_timezone", f"{name} has no time zone")
    leap = second == "60"
    zone = "+00:00" if zone in ("Z", "z") else zone
    try:
        instant = datetime.fromisoformat(
            f"{day}T{minute}:{'59' if leap else second}{'' if leap else fraction or ''}{zone}"
        ).astimezone(UTC)
        if leap:
            if (instant.hour, instant.minute) != (23, 59):
                raise FieldError("bad_time", f"{name} is not an RFC 3339 time")
            instant += timedelta(seconds=1)
    except (ValueError, OverflowError) as error:
        raise FieldError("bad_time", f"{name} is not an RFC 3339 time") from error
    return instant


def _bad_type(name: str, wanted: str) -> FieldError:
    return FieldError(f"bad_type_{name}", f"{name} is not {wanted}")


def _below(name: str, minimum: int) -> FieldError:
    if minimum == 0:
        return FieldError(f"negative_{name}", f"{name} is negative")
    return FieldError(f"bad_value_{name}", f"{name} is below {minimum}")
