"""The evidence waterfall: from prior odds to posterior odds, family by family."""

from __future__ import annotations

from stillwatch.reporting.charts.style import ACCENT, INK, INK_2, RULE, new_drawing, write_svg
from stillwatch.reporting.parts import WaterfallChart

_AGAINST = "#b35900"
_TOTAL = "#5f6b79"


def draw_waterfall(chart: WaterfallChart) -> str:
    """Return horizontal steps: totals start at zero, each family where the one before ended."""
    count = len(chart.bars)
    drawing = new_drawing(0.34 + 0.2 * count)
    axes = drawing.add_axes(
        (0.215, 0.26 / (0.34 + 0.2 * count), 0.72, 1 - 0.3 / (0.34 + 0.2 * count))
    )
    level = 0.0
    edges = [0.0]
    for n, bar in enumerate(chart.bars):
        value = float(bar.figure.value or 0)
        start = 0.0 if bar.is_total else level
        end = start + value
        color = _TOTAL if bar.is_total else ACCENT if value >= 0 else _AGAINST
        axes.barh(
            n, value, left=start, height=0.56, color=color, linewidth=0,
            hatch="////" if value < 0 and not bar.is_total else None, edgecolor="#ffffff",
        )  # fmt: skip
        if n:
            axes.plot([level, level], [n - 0.72, n - 0.28], color=INK_2, linewidth=0.5)
        level = end
        edges += [start, end]
    low, high = min(edges), max(edges)
    span = max(high - low, 1.0)
    for n, bar in enumerate(chart.bars):
        value = float(bar.figure.value or 0)
        right = max(edges[2 * n + 1], edges[2 * n + 2])
        axes.text(
            right + span * 0.012, n, bar.figure.text, va="center", fontsize=7.6,
            fontweight=600 if bar.is_total else 400, color=INK,
            bbox={"facecolor": "#ffffff", "edgecolor": "none", "pad": 0.3, "alpha": 0.85},
        )  # fmt: skip
        axes.text(
            low - span * 0.05, n, bar.label, va="center", ha="right", fontsize=7.8,
            fontweight=600 if bar.is_total else 400,
        )  # fmt: skip
    axes.axvline(0, color=INK, linewidth=0.7)
    axes.set_xlim(low - span * 0.03, high + span * 0.08)
    axes.set_ylim(count - 0.5, -0.6)
    step = 1 if span <= 9 else 2 if span <= 18 else 5
    first, last = int(low // step) * step, int(high // step + 1) * step
    ticks = [
        tick for tick in range(first, last + 1, step) if low - 0.2 <= tick <= high + span * 0.07
    ]
    axes.set_xticks(ticks, [f"{tick:+d}".replace("-", "−") if tick else "0" for tick in ticks])
    axes.set_yticks([])
    axes.xaxis.grid(True, color=RULE, linewidth=0.4)
    axes.tick_params(axis="x", length=2, width=0.5, pad=2, labelsize=7.2)
    return write_svg(drawing)
