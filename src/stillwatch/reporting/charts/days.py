"""Charts over days: small multiples and the timeline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from stillwatch.reporting.charts.style import (
    ACCENT,
    DASHES,
    INK,
    INK_2,
    PALETTE,
    draw_scales,
    new_drawing,
    write_svg,
)
from stillwatch.reporting.parts import Marker, PanelsChart, Series, TimelineChart

_RULES = {"release": (0, (4, 2)), "ban": (0, (1, 1.4))}
_HEADS = {"release": "v", "ban": "s"}


def draw_panels(chart: PanelsChart) -> str:
    """Return small multiples: one panel each, titled with the label, filled down to zero."""
    count = len(chart.panels)
    columns = count if count <= 4 else 3
    columns = 2 if count == 2 else max(columns, 3)
    rows = math.ceil(count / columns)
    has_markers = any(panel.markers for panel in chart.panels)
    head = 0.36 if any(panel.note for panel in chart.panels) else 0.22
    height = head + (1.55 if has_markers else 1.2) * rows + 0.1
    drawing = new_drawing(height)
    grid = drawing.add_gridspec(
        rows, columns, left=0.05, right=0.978, bottom=0.2 / height, top=1 - head / height,
        wspace=0.22 if columns < 4 else 0.3, hspace=0.55,
    )  # fmt: skip
    first = min(panel.points[0].day for panel in chart.panels)
    last = max(panel.points[-1].day for panel in chart.panels)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    shared = max(_peak(panel) for panel in chart.panels) if chart.has_shared_scale else None
    for n, panel in enumerate(chart.panels):
        axes = drawing.add_subplot(grid[n // columns, n % columns])
        color = ACCENT
        values = _by_offset(panel, first)
        axes.fill_between(list(values), list(values.values()), color=color, alpha=0.14, linewidth=0)
        axes.plot(list(values), list(values.values()), color=color, linewidth=1.1)
        largest = shared if shared is not None else _peak(panel)
        draw_scales(axes, days, largest, 1.42 if has_markers else 1.06, 4 if columns < 4 else 3)
        _draw_markers(axes, panel.markers, first, len(days), is_small=True)
        axes.set_title(
            panel.label, loc="left", fontsize=8.2, fontweight=600, pad=11 if panel.note else 4
        )
        if panel.note:
            axes.text(0, 1.03, panel.note, transform=axes.transAxes, fontsize=7.4, color=INK_2)
    return write_svg(drawing)


def draw_timeline(chart: TimelineChart) -> str:
    """Return daily lines with direct labels, release rules and ban rules."""
    drawing = new_drawing(2.35)
    axes = drawing.add_axes((0.052, 0.1, 0.79, 0.86))
    first = min(line.points[0].day for line in chart.lines)
    last = max(line.points[-1].day for line in chart.lines)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    largest = max(_peak(line) for line in chart.lines)
    ends = []
    for n, line in enumerate(chart.lines):
        values = _by_offset(line, first)
        color = PALETTE[n % len(PALETTE)]
        if n == 0:
            axes.fill_between(
                list(values), list(values.values()), color=color, alpha=0.1, linewidth=0
            )
        axes.plot(
            list(values), list(values.values()), color=color, linewidth=1.3,
            linestyle=DASHES[n % len(DASHES)],
        )  # fmt: skip
        ends.append((float(list(values.values())[-1]), line.label, color))
    draw_scales(axes, days, largest, 1.42, 6)
    _draw_markers(axes, chart.markers, first, len(days), is_small=False)
    top = axes.get_ylim()[1]
    for height, label, color in _spread(ends, top * 0.075):
        axes.text(
            len(days) - 1 + len(days) * 0.02, height, label, color=color, fontsize=7.8,
            fontweight=600, va="center", clip_on=False,
        )  # fmt: skip
    return write_svg(drawing)


def _draw_markers(
    axes: Any, markers: Sequence[Marker], first: date, day_count: int, is_small: bool
) -> None:
    """Draw rules up to a band above the data, each label in a row of the band of its own."""
    top = axes.get_ylim()[1]
    levels = 3
    step = 0.1 if is_small else 0.085
    last_label_end: dict[int, float] = {}
    for marker in markers:
        x = (marker.day - first).days
        if not 0 <= x < day_count:
            continue
        size = len(marker.label) * (0.027 if is_small else 0.0105) * day_count
        is_late = x > day_count * 0.55
        start = x - size if is_late else x
        level = next((n for n in range(levels) if last_label_end.get(n, -1e9) < start), None)
        height = 1 - (0.05 if is_small else 0.035) - step * (level or 0)
        axes.plot(
            [x, x], [0, top * height], color=INK, linewidth=0.6, linestyle=_RULES[marker.kind]
        )
        axes.plot(
            [x], [top * height], marker=_HEADS[marker.kind], markersize=3, color=INK, clip_on=False
        )
        if level is None:
            continue
        last_label_end[level] = x if is_late else x + size
        offset = day_count * (0.025 if is_small else 0.009)
        axes.text(
            x - offset if is_late else x + offset, top * height, marker.label,
            fontsize=6.6 if is_small else 7.2, va="center", ha="right" if is_late else "left",
            color=INK,
            bbox={"facecolor": "#ffffff", "edgecolor": "none", "pad": 0.3, "alpha": 0.85},
        )  # fmt: skip


def _by_offset(series: Series, first: date) -> dict[int, float]:
    return {(point.day - first).days: float(point.figure.value or 0) for point in series.points}


def _peak(series: Series) -> float:
    return max(float(point.figure.value or 0) for point in series.points)


def _spread(ends: list[tuple[float, str, str]], gap: float) -> list[tuple[float, str, str]]:
    """Move labels apart so that none touches its neighbour."""
    placed: list[tuple[float, str, str]] = []
    for height, label, color in sorted(ends):
        lowest = placed[-1][0] + gap if placed else 0.0
        placed.append((max(height, lowest), label, color))
    return placed
