"""Curves of an evaluation as SVG and PNG, the same bytes every time, in the reports' style."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Drawing

from stillwatch.evaluation.calibration import Calibration
from stillwatch.evaluation.evasion import EvasionCurve
from stillwatch.evaluation.score_table import MethodScore
from stillwatch.reporting.charts.style import (
    ACCENT,
    DASHES,
    INK,
    INK_2,
    PALETTE,
    RULE,
    SHAPES,
    new_drawing,
    write_svg,
    write_tick,
)

MOST_LINES = len(PALETTE)
PNG_DPI = 150
_LOG_SPAN = 10.0
_LABEL_GAP = 0.1  # of the axis, between the middles of two numbers

# The reports' fonts are not loaded here: the library's own sans is on every machine the same.
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "stillwatch",
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 7.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.5,
    "axes.edgecolor": "#5f6b79",
    "axes.axisbelow": True,
    "xtick.color": INK_2,
    "ytick.color": INK_2,
    "text.color": INK,
    "axes.labelcolor": INK,
}


def _in_style(draw: Callable[..., Drawing]) -> Callable[..., tuple[str, bytes]]:
    """Return a function that draws in our style and gives SVG and PNG."""

    @wraps(draw)
    def write(*args: Any) -> tuple[str, bytes]:
        with mpl.rc_context({**mpl.rcParamsDefault, **_STYLE}):
            drawing = draw(*args)
            return write_svg(drawing), write_png(drawing)

    return write


def write_png(drawing: Drawing) -> bytes:
    """Return the drawing as a PNG file without time or tool in it."""
    drawing.set_dpi(PNG_DPI)
    target = io.BytesIO()
    FigureCanvasAgg(drawing).print_png(target, metadata={"Software": None})
    return target.getvalue()


@_in_style
def draw_reliability(calibration: Calibration) -> Drawing:
    """Return the reliability plot as SVG and PNG: observed share over mean probability per bin."""
    drawing = new_drawing(3.1)
    axes = drawing.add_axes((0.09, 0.14, 0.44, 0.8))
    axes.plot([0, 1], [0, 1], color=RULE, linewidth=0.8, linestyle=DASHES[1])
    for each in calibration.bins:
        low, high = each.observed.low, each.observed.high
        if low is not None and high is not None:
            axes.plot([each.mean_probability] * 2, [low, high], color=INK_2, linewidth=0.8)
        axes.plot(
            [each.mean_probability], [each.observed.value or 0.0], marker=SHAPES[0], markersize=3.6,
            color=ACCENT, linestyle="none",
        )  # fmt: skip
    _label(axes, "mean probability given", "share that are attackers (95 % interval)")
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    counts = drawing.add_axes((0.66, 0.14, 0.32, 0.8))
    places = list(range(len(calibration.bins)))
    counts.barh(places, [each.count for each in calibration.bins], color=ACCENT, height=0.62)
    names = [f"{each.low:.2g}–{each.high:.2g}" for each in calibration.bins]
    counts.set_yticks(places, names)
    counts.set_xscale("log")
    largest = max((each.count for each in calibration.bins), default=1)
    counts.set_xlim(0.5, largest * 6)
    ticks = [10.0**n for n in range(len(str(largest)))]
    counts.set_xticks(ticks, [write_tick(tick) for tick in ticks])
    counts.minorticks_off()
    for place, each in zip(places, calibration.bins, strict=True):
        counts.text(each.count * 1.15, place, f"{each.count:,}", va="center", fontsize=7)
    _label(counts, "accounts per bin (log scale)", "")
    return drawing


@_in_style
def draw_recall(methods: Sequence[MethodScore], benign_count: int) -> Drawing:
    """Return recall over false positives per million as SVG and PNG, one step line per method.

    Left of one in the number of benign accounts nothing can be told apart: that part is hatched,
    and lines enter it at their recall without a false positive. At most six methods fit.
    """
    drawing = new_drawing(3.0)
    axes = drawing.add_axes((0.075, 0.15, 0.66, 0.8))
    finest = 1e6 / max(benign_count, 1)
    left = min(finest / 3, 10.0)
    ends: list[tuple[float, str, str]] = []
    for number, method in enumerate(methods[:MOST_LINES]):
        color = PALETTE[number]
        rates = [max(rate, left) for rate, _ in method.curve]
        recalls = [recall for _, recall in method.curve]
        axes.step(
            rates, recalls, where="post", color=color, linewidth=1.2,
            linestyle=DASHES[number % len(DASHES)], marker=SHAPES[number], markersize=3,
            markevery=max(1, len(rates) // 6),
        )  # fmt: skip
        ends.append((recalls[0], method.method, color))
    axes.axvspan(left, finest, facecolor="none", edgecolor=RULE, hatch="////", linewidth=0)
    axes.text(
        left * 1.1, 1.035, "not resolvable", fontsize=6.8, color=INK_2, va="center", clip_on=False
    )
    axes.set_xscale("log")
    axes.set_xlim(left, 1e6)
    axes.set_ylim(0, 1.02)
    ticks = [10.0**n for n in range(1, 7) if left <= 10.0**n]
    axes.set_xticks(ticks, [write_tick(tick) for tick in ticks])
    axes.minorticks_off()
    _label(axes, f"false positives per million ({benign_count:,} benign accounts)", "recall")
    for number, (_, label, color) in enumerate(ends):
        height = 0.97 - number * 0.1
        axes.plot(
            [1.03, 1.09], [height, height], color=color, linewidth=1.2, transform=axes.transAxes,
            linestyle=DASHES[number % len(DASHES)], marker=SHAPES[number], markersize=3,
            clip_on=False,
        )  # fmt: skip
        axes.text(
            1.11, height, label, transform=axes.transAxes, color=color, va="center", fontsize=7.4
        )
    return drawing


@_in_style
def draw_evasion(curve: EvasionCurve) -> Drawing:
    """Return the evasion-cost curve as SVG and PNG: what is seen, and what it costs."""
    drawing = new_drawing(2.5)
    seen = drawing.add_axes((0.075, 0.19, 0.38, 0.7))
    levels = [point.level for point in curve.points]
    seen.fill_between(
        levels,
        [point.account_recall.low or 0.0 for point in curve.points],
        [point.account_recall.high or 0.0 for point in curve.points],
        color=ACCENT, alpha=0.14, linewidth=0,
    )  # fmt: skip
    seen.plot(
        levels, [point.account_recall.value or 0.0 for point in curve.points], color=ACCENT,
        linewidth=1.2, marker=SHAPES[0], markersize=3,
    )  # fmt: skip
    seen.set_ylim(-0.02, 1.02)
    _label(seen, curve.evasion, "attacker's accounts flagged")
    cost = drawing.add_axes((0.575, 0.19, 0.4, 0.7))
    known = [point for point in curve.points if point.cost_factor is not None]
    cost.plot(
        [point.level for point in known], [point.cost_factor or 0.0 for point in known],
        color=PALETTE[1], linewidth=1.2, marker=SHAPES[1], markersize=3,
    )  # fmt: skip
    cost.axhline(1.0, color=RULE, linewidth=0.8, linestyle=DASHES[1])
    highest = max((point.cost_factor or 1.0 for point in known), default=1.0)
    cost.set_ylim(0, highest * 1.15)
    for axes in (seen, cost):
        _scale_levels(axes, levels)
    _label(cost, curve.evasion, "cost per leaked exchange")
    cost.text(
        0.99, 1.0, "dashed: nobody looks, at the lowest level", transform=cost.transAxes,
        ha="right", va="bottom", fontsize=6.8, color=INK_2,
    )  # fmt: skip
    return drawing


def _scale_levels(axes: Any, levels: Sequence[float]) -> None:
    """Mark the levels that were run, on a log scale where they span more than a factor of ten.

    A level too close to its higher neighbour is marked without its number.
    """
    low, high = min(levels, default=0.0), max(levels, default=1.0)
    is_log = low > 0 and high > _LOG_SPAN * low
    places = [math.log(level) if is_log else level for level in levels]
    span = max(places, default=1.0) - min(places, default=0.0)
    names: list[str] = []
    last = math.inf
    for level, place in zip(reversed(levels), reversed(places), strict=True):
        is_apart = last - place >= _LABEL_GAP * span
        names.append(f"{level:g}" if is_apart else "")
        last = place if is_apart else last
    if is_log:
        axes.set_xscale("log")
    margin = 0.04 * span or 0.02
    ends = (min(places, default=0.0) - margin, max(places, default=1.0) + margin)
    axes.set_xlim([math.exp(end) for end in ends] if is_log else ends)
    axes.set_xticks(levels, names[::-1])
    axes.minorticks_off()


def _label(axes: Any, across: str, up: str) -> None:
    axes.set_xlabel(across, fontsize=7.6)
    axes.set_ylabel(up, fontsize=7.6)
    axes.tick_params(axis="both", length=2, width=0.5, pad=2, labelsize=7.2)
    axes.grid(True, color=RULE, linewidth=0.4)
