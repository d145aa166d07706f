"""OTLP JSON taken apart: exports to spans and log records, attributes to plain values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stillwatch.sources.json_parts import as_list, as_object, first, list_objects, read_whole

Attributes = dict[str, Any]

_EXPORTS = (
    ("resourceSpans", ("scopeSpans", "instrumentationLibrarySpans"), "spans", "span"),
    ("resourceLogs", ("scopeLogs", "instrumentationLibraryLogs"), "logRecords", "log"),
)
_MAX_VALUE_DEPTH = 32


def list_spans_and_logs(line: dict[str, Any]) -> list[Any]:
    """Return the spans and log records of one export, each with the attributes of its resource.

    What stands where a resource, scope, span or log record belongs and is no object comes out as
    it is; a line without any comes out whole.
    """
    found = [
        record
        for export, scopes, items, name in _EXPORTS
        for resource in as_list(line.get(export))
        for record in _list_of_resource(resource, scopes, items, name)
    ]
    return found or [line]


def read_attributes(attributes: Any) -> Attributes:
    """Return attributes by name: an OTLP list of keys and values, or an object of values.

    >>> read_attributes([{"key": "n", "value": {"intValue": "3"}}])
    {'n': 3}
    """
    if isinstance(attributes, dict):
        return {name: _open_if_wrapped(value) for name, value in attributes.items()}
    found: Attributes = {}
    for item in list_objects(attributes):
        key = item.get("key")
        if isinstance(key, str):
            found[key] = read_value(item.get("value"))
    return found


def read_value(value: Any, depth: int = 0) -> Any:
    """Return the plain value of an OTLP `AnyValue`; None if it is none."""
    holder = as_object(value)
    if depth > _MAX_VALUE_DEPTH:
        return None
    for name in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
        if holder.get(name) is not None:
            return holder[name]
    if holder.get("intValue") is not None:
        return read_whole(holder["intValue"])
    array, pairs = holder.get("arrayValue"), holder.get("kvlistValue")
    if array is not None:
        return [read_value(item, depth + 1) for item in as_list(as_object(array).get("values"))]
    if pairs is not None:
        found = {}
        for item in list_objects(as_object(pairs).get("values")):
            if isinstance(item.get("key"), str):
                found[item["key"]] = read_value(item.get("value"), depth + 1)
        return found
    return None


def _list_of_resource(
    resource: Any, scopes: tuple[str, ...], items: str, name: str
) -> Iterator[Any]:
    if not isinstance(resource, dict):
        yield resource
        return
    attributes = read_attributes(as_object(resource.get("resource")).get("attributes"))
    for scope in as_list(first(resource, scopes)):
        if not isinstance(scope, dict):
            yield scope
            continue
        for item in as_list(scope.get(items)):
            yield {"resource": attributes, name: item} if isinstance(item, dict) else item


def _open_if_wrapped(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)).endswith("Value"):
        return read_value(value)
    return value
