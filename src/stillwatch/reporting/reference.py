"""The facts of each document as a reference page: docs/reports.md is kept equal to it by a test."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Iterator

from stillwatch.reporting.facts import FACTS_CLASSES
from stillwatch.reporting.numbers import Figure
from stillwatch.reporting.parts import Prose

_UNTOLD = (Figure, Prose)


def write_reference() -> str:
    """Return Markdown tables of every facts class and the classes within it, each class once."""
    parts: list[str] = []
    seen: set[type] = set(_UNTOLD)
    for kind in FACTS_CLASSES.values():
        for part in _walk(kind, seen):
            rows = [
                f"| `{field.name}` | `{_write_type(part, field.name)}` | {field.metadata['help']} |"
                for field in dataclasses.fields(part)
            ]
            first_line = (part.__doc__ or "").strip().splitlines()[0]
            head = "##" if part in FACTS_CLASSES.values() else "###"
            table = ["| field | type | what it holds |", "|---|---|---|", *rows]
            parts.append("\n".join([f"{head}# {part.__name__}", "", first_line, "", *table]))
    return "\n\n".join(parts) + "\n"


def _walk(kind: type, seen: set[type]) -> Iterator[type]:
    if kind in seen:
        return
    seen.add(kind)
    yield kind
    for hint in typing.get_type_hints(kind).values():
        for inner in _find_classes(hint):
            yield from _walk(inner, seen)


def _find_classes(hint: object) -> Iterator[type]:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        yield hint
    for inner in typing.get_args(hint):
        yield from _find_classes(inner)


def _write_type(kind: type, name: str) -> str:
    text = str(typing.get_type_hints(kind)[name])
    text = re.sub(r"<class '([^']*)'>", r"\1", text)
    return re.sub(r"\b(?:stillwatch|datetime)\.(?:\w+\.)*", "", text).replace("|", "or")
