"""Picks the drawing function for a chart."""

from __future__ import annotations

from typing import assert_never

from stillwatch.reporting.charts.days import draw_panels, draw_timeline
from stillwatch.reporting.charts.evidence import draw_waterfall
from stillwatch.reporting.charts.network import draw_network
from stillwatch.reporting.parts import NetworkChart, PanelsChart, TimelineChart, WaterfallChart

Chart = PanelsChart | TimelineChart | WaterfallChart | NetworkChart


def draw_chart(chart: Chart) -> str:
    """Return any chart of the facts as an SVG file."""
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
