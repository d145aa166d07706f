"""The parts that the facts of several documents share, and facts as JSON and back."""

# ruff: noqa: RUF009 - said() makes a dataclass field with its help text

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, TypeVar

from stillwatch.reporting.numbers import Figure
from stillwatch.reporting.wording import plural

T = TypeVar("T")


def said(help_text: str) -> Any:
    """Return a dataclass field with help text (the field's documentation is generated from it)."""
    return field(metadata={"help": help_text})


@dataclass(frozen=True)
class Prose:
    """A sentence or more with figures in it, kept apart so that each figure stays traceable."""

    parts: tuple[str | Figure, ...] = said("Text and figures in reading order")

    def __str__(self) -> str:
        return "".join(part if isinstance(part, str) else part.text for part in self.parts)


def prose(template: str, *figures: Figure | str) -> Prose:
    """Return a Prose whose `{}` stand for the figures (or cleaned words) in order.

    >>> str(prose("{} accounts", Figure("k", 3, "count", "3")))
    '3 accounts'
    """
    texts = template.split("{}")
    if len(texts) != len(figures) + 1:
        raise ValueError(f"{template!r} has {len(texts) - 1} places for {len(figures)} figures")
    parts: list[str | Figure] = [texts[0]]
    for figure, text in zip(figures, texts[1:], strict=True):
        parts += [figure, text]
    return Prose(tuple(part for part in parts if part != ""))


def join_prose(parts: Sequence[Prose], separator: str = "; ", last: str | None = None) -> Prose:
    """Return several proses as one, with `separator` between and `last` before the last one."""
    joined: list[str | Figure] = []
    for n, part in enumerate(parts):
        if n:
            joined.append(last if last is not None and n == len(parts) - 1 else separator)
        joined.extend(part.parts)
    return Prose(tuple(joined))


def counted(figure: Figure, one: str, many: str | None = None) -> Prose:
    """Return a figure with the noun that fits its number.

    >>> str(counted(Figure("k", 1, "count", "1"), "feed"))
    '1 feed'
    """
    return prose("{} {}", figure, plural(figure.value, one, many))


@dataclass(frozen=True)
class Header:
    """What stands on every page and in the file's metadata."""

    report_id: str = said("Id of the report; with the version it names one document")
    document: str = said("leadership_brief, campaign_dossier or quality_annex")
    document_label: str = said("The document's name for people")
    title: str = said("The finding as a title; also the PDF's title")
    subject: str = said("One line for the PDF's metadata")
    version: int = said("Version of the document, from 1")
    state: str = said("draft or released")
    state_label: str = said("The stamp on each page")
    marking: str = said("TLP 2.0 marking")
    handling: str = said("Who may read the document")
    audience: str = said("For whom it is written")
    organization: str = said("Who reports")
    contact: str = said("Where questions go")
    period_from: date = said("First day of the period, UTC")
    period_until: date = said("First day after the period, UTC")
    period_label: str = said("The period in words")
    as_of_date: date = said("Day whose delivery was the last one included")
    snapshot_id: str = said("Snapshot of the warehouse that every figure comes from")
    fingerprint: str = said("Content fingerprint of the snapshot")
    rule_set: str = said("Count and digest of the signal versions in force")
    template_digest: str = said(
        "Digest of the templates and styles that the document was made with"
    )
    software: str = said("Program and version that made the document")
    paper: str = said("letter or a4")
    approved_by: str | None = said("Who approved the release; empty in a draft")
    approved_at: datetime | None = said("When it was approved")
    approved_label: str | None = said("The same instant in words")
    approval_comment: str | None = said("What the approver wrote")


@dataclass(frozen=True)
class Tile:
    """One figure in large type with what it counts and how it moved."""

    figure: Figure = said("The figure")
    unit_label: str = said("Unit printed after the figure, may be empty")
    label: Prose = said("What is counted, with its denominator")
    change: Prose = said("Movement against the comparator, or why there is none")
    tone: str = said("alarm, watch, calm or plain")
    shape: str = said("Shape that goes with the tone")


@dataclass(frozen=True)
class Point:
    """One day of a series."""

    day: date = said("UTC day")
    figure: Figure = said("Value of the day")


@dataclass(frozen=True)
class Marker:
    """A dated event drawn as a vertical rule."""

    day: date = said("UTC day")
    kind: str = said("release or ban")
    label: str = said("Words beside the rule")


@dataclass(frozen=True)
class Series:
    """One line or panel of a chart."""

    label: str = said("Direct label")
    note: str = said("Second line of the label, may be empty")
    points: tuple[Point, ...] = said("Values by day, in order")
    markers: tuple[Marker, ...] = said("Events drawn with this series alone")


@dataclass(frozen=True)
class PanelsChart:
    """Small multiples over days."""

    kind: str = said("Chart kind: panels")
    title: Prose = said("The finding")
    note: str = said("Unit, period, scale")
    alt: str = said("The chart in words, for those who do not see it")
    panels: tuple[Series, ...] = said("One panel each")
    has_shared_scale: bool = said("Whether all panels have one scale")


@dataclass(frozen=True)
class TimelineChart:
    """Daily lines by platform with release and ban markers."""

    kind: str = said("Chart kind: timeline")
    title: Prose = said("The finding")
    note: str = said("Unit and period")
    alt: str = said("The chart in words")
    lines: tuple[Series, ...] = said("One line each")
    markers: tuple[Marker, ...] = said("Release and ban days")


@dataclass(frozen=True)
class Bar:
    """One step of the evidence waterfall."""

    label: str = said("Evidence family or end point")
    figure: Figure = said("Weight in log10 units")
    is_total: bool = said("True for the prior and the posterior, which start at zero")


@dataclass(frozen=True)
class WaterfallChart:
    """Prior odds, the weight of each evidence family, posterior odds."""

    kind: str = said("Chart kind: waterfall")
    title: Prose = said("The finding")
    note: str = said("How to read the unit")
    alt: str = said("The chart in words")
    bars: tuple[Bar, ...] = said("Steps in order")


@dataclass(frozen=True)
class Node:
    """Accounts with an identical set of shared groups, or one shared group."""

    node_id: str = said("Id within the chart")
    kind: str = said("bundle or group")
    label: str = said("Words beside the node, may be empty")
    link_type: str = said("Kind of the group; empty for a bundle")
    figure: Figure = said("Accounts in the node")


@dataclass(frozen=True)
class Edge:
    """A bundle of accounts that shares a group."""

    source: str = said("Node id of the bundle")
    target: str = said("Node id of the group")
    link_type: str = said("Kind of the shared value")


@dataclass(frozen=True)
class NetworkChart:
    """The campaign's accounts and what they share, in at most 150 nodes."""

    kind: str = said("Chart kind: network")
    title: Prose = said("The finding")
    note: str = said("How to read the drawing and what was left out")
    alt: str = said("The drawing in words")
    nodes: tuple[Node, ...] = said("Bundles and groups")
    edges: tuple[Edge, ...] = said("Which bundle shares which group")


@dataclass(frozen=True)
class TermMeaning:
    """One line of the glossary."""

    term: str = said("Word as used in the reports")
    meaning: str = said("What it stands for")


@dataclass(frozen=True)
class Reproduction:
    """How anyone with the snapshot gets the same document."""

    command: str = said("Command that drafts the document again")
    verify_command: str = said("Command that runs every stored SQL again and compares")
    number_count: str = said("How many numbers the document's table of numbers holds")
    query_count: str = said("How many SQL texts gave them")


def to_json(value: Any) -> Any:
    """Return facts as plain JSON values; instants end in Z."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return value


def from_json(kind: type[T], value: Any) -> T:
    """Return the facts object of class `kind` from what `to_json` gave, checking every field."""
    return typing.cast(T, _decode(kind, value, kind.__name__))


@lru_cache(maxsize=256)
def _get_hints(kind: type) -> Mapping[str, Any]:
    return typing.get_type_hints(kind)


def _decode(kind: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return _decode_union(typing.get_args(kind), value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{where} is {type(value).__name__}, not a list")
        (item_kind, _) = typing.get_args(kind)
        return tuple(_decode(item_kind, item, f"{where}[{n}]") for n, item in enumerate(value))
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise ValueError(f"{where} is {type(value).__name__}, not an object")
        hints = _get_hints(typing.cast(type, kind))
        names = {f.name for f in dataclasses.fields(kind)}
        if names != set(value):
            raise ValueError(f"{where} differs in {sorted(names ^ set(value))}")
        return typing.cast(type, kind)(
            **{name: _decode(hints[name], value[name], f"{where}.{name}") for name in sorted(names)}
        )
    if kind is datetime and isinstance(value, str):
        return datetime.fromisoformat(value)
    if kind is date and isinstance(value, str):
        return date.fromisoformat(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{where} is {type(value).__name__}, not {kind.__name__}")
    return value


def _decode_union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    for kind in kinds:
        if kind is type(None):
            continue
        fits_object = dataclasses.is_dataclass(kind) and isinstance(value, dict)
        fits_plain = not dataclasses.is_dataclass(kind) and not isinstance(value, dict)
        if fits_object or (fits_plain and (kind not in (int, str) or type(value) is kind)):
            return _decode(kind, value, where)
    raise ValueError(f"{where} is {type(value).__name__}, which the field does not take")
