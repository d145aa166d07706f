"""Picks the drawing function for a chart."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar, assert_never

from stillwatch.reporting.charts.days import draw_panels, draw_timeline
from stillwatch.reporting.charts.evidence import draw_waterfall
from stillwatch.reporting.charts.network import draw_network
from stillwatch.reporting.parts import NetworkChart, PanelsChart, TimelineChart, WaterfallChart
from stillwatch.reporting.text import clean

Chart = PanelsChart | TimelineChart | WaterfallChart | NetworkChart

_T = TypeVar("_T")
_MAX_LABEL = 36
_LABELS = frozenset({"label", "note", "link_type", "text"})


def draw_chart(chart: Chart) -> str:
    """Return any chart of the facts as an SVG file."""
    chart = clean_labels(chart)
    match chart:
        case PanelsChart():
            return draw_panels(chart)
        case TimelineChart():
            return draw_timeline(chart)
        case WaterfallChart():
            return draw_waterfall(chart)
        case NetworkChart():
            return draw_network(chart)
        case _:
            assert_never(chart)


def clean_labels(part: _T) -> _T:
    """Return a chart whose drawn texts are printable and short, whatever the facts carried."""
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(part):  # type: ignore[arg-type]
        value = getattr(part, field.name)
        if isinstance(value, str) and field.name in _LABELS:
            changes[field.name] = clean(value, limit=_MAX_LABEL)
        elif isinstance(value, tuple):
            changes[field.name] = tuple(
                clean_labels(item) if dataclasses.is_dataclass(item) else item for item in value
            )
        elif dataclasses.is_dataclass(value):
            changes[field.name] = clean_labels(value)
    return dataclasses.replace(part, **changes)  # type: ignore[type-var]
