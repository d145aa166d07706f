"""Reading of platform JSON whose shape is not to be trusted: a part, or nothing, never a crash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from stillwatch.landing.lines import TooDeep, count_keys
from stillwatch.sources.fields import FieldError


def take(holder: Any, name: str) -> dict[str, Any]:
    """Return the object under a name, or an empty one if there is none."""
    if isinstance(holder, dict):
        value = holder.get(name)
        if isinstance(value, dict):
            return value
    return {}


def as_object(value: Any) -> dict[str, Any]:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def list_objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects among the items of a list."""
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, dict)]


def first(holder: Mapping[str, Any], names: Iterable[str]) -> Any:
    """Return the value of the first name that has one, else None."""
    for name in names:
        value = holder.get(name)
        if value is not None:
            return value
    return None


def first_text(*values: Any) -> Any:
    """Return the first value that is neither absent nor empty, of whatever type; else None."""
    for value in values:
        if value is not None and value != "":
            return value
    return None


def drop_absent(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def drop_repeated(objects: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the objects, of those with equal content only the first: a delivery may repeat."""
    return list({digest_object(item): item for item in objects}.values())


def digest_object(value: dict[str, Any]) -> bytes:
    """Return bytes that are equal for objects of equal content, whatever the order of names."""
    return orjson.dumps(value, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def open_json(value: Any, name: str) -> Any:
    """Return what JSON text holds; an object or list is returned as it is.

    Columns of type JSON come as text in Parquet and as objects in JSON lines. Text that is not
    JSON makes the record unusable; empty text is an absent value.
    """
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    opened, broken = try_json(value)
    if broken:
        raise FieldError(f"bad_value_{name}", f"{name} is not JSON")
    return opened


def try_json(value: Any) -> tuple[Any, bool]:
    """Return what JSON text holds and whether it could not be read; other values as they are.

    >>> try_json('{"a": 1}')
    ({'a': 1}, False)
    >>> try_json('{"a": ')
    (None, True)
    """
    if not isinstance(value, str):
        return value, False
    try:
        opened = orjson.loads(value)
        if isinstance(opened, dict):
            count_keys(opened)
        elif isinstance(opened, list):
            count_keys({"": opened})
    except (orjson.JSONDecodeError, TooDeep):
        return None, True
    return opened, False


def read_whole(value: Any) -> Any:
    """Return a whole number that is written as text as a number; anything else as it is.

    For formats that write 64-bit numbers as text, such as OTLP and BigQuery.

    >>> read_whole("52"), read_whole("5.5"), read_whole(7)
    (52, '5.5', 7)
    """
    if isinstance(value, str) and 0 < len(value) <= 20:
        digits = value[1:] if value[0] == "-" else value
        if digits.isascii() and digits.isdigit():
            return int(value)
    return value
