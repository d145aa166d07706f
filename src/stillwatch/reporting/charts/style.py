"""The one look of all charts: palette, dashes, shapes, ticks, fonts, and deterministic SVG.

Colours are those of Okabe and Ito, darkened for thin lines on paper; each also has its own dash and
shape, so that a chart reads in grey and for the colour-blind.
"""

from __future__ import annotations

import io
import logging
import math
import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import matplotlib as mpl
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from matplotlib import font_manager
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Drawing

from stillwatch.reporting.fonts import Font

INK, INK_2, RULE, PAPER = "#16202c", "#4a5766", "#c9d1da", "#ffffff"
ACCENT = "#0b4f6c"
PALETTE = ("#0b4f6c", "#b35900", "#00664d", "#8f3f73", "#6b5d00", "#33536b")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.6)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
SHAPES = ("s", "^", "D", "p", "v", "h", "P", "X")
WIDTH_INCHES = 7.06

_STRIP = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", re.DOTALL)


def set_up_drawing(fonts: Iterable[Font], folder: Path) -> None:
    """Give the drawing library our fonts (unpacked into `folder`) and our style, once a process."""
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    families = []
    for font in fonts:
        unpacked = folder / font.file_name.replace(".woff", ".ttf")
        with TTFont(font.path) as file:
            file.flavor = None
            for record in file["name"].names:
                if record.nameID in (1, 16):
                    record.string = font.family
            file.save(unpacked)
        entry = font_manager.FontEntry(
            fname=str(unpacked),
            name=font.family,
            style=font.style,
            weight=font.weight,
            size="scalable",
        )
        font_manager.fontManager.ttflist.append(entry)
        families.append(font.family)
    serifs = {"Source Serif 4", "Still Serif Extended"}
    mpl.rcParams.update(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "stillwatch",
            "text.parse_math": False,
            "font.family": [name for name in dict.fromkeys(families) if name not in serifs],
            "font.size": 7.6,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.spines.left": False,
            "axes.linewidth": 0.5,
            "axes.edgecolor": "#5f6b79",
            "axes.axisbelow": True,
            "axes.unicode_minus": True,
            "xtick.color": INK_2,
            "ytick.color": INK_2,
            "text.color": INK,
            "hatch.linewidth": 0.5,
        }
    )


def new_drawing(height_inches: float) -> Drawing:
    """Return an empty drawing of the full text width."""
    return Drawing(figsize=(WIDTH_INCHES, height_inches))


def write_svg(drawing: Drawing) -> str:
    """Return the drawing as an SVG file, the same bytes every time."""
    target = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    FigureCanvasSVG(drawing).print_svg(target, metadata=nothing)
    return _STRIP.sub("", target.getvalue()).strip() + "\n"


def choose_ticks(largest: float) -> list[float]:
    """Return round ticks from zero that cover `largest` in two to four steps.

    >>> choose_ticks(254)
    [0.0, 100.0, 200.0, 300.0]
    >>> choose_ticks(0)
    [0.0, 1.0]
    """
    if largest <= 0:
        return [0.0, 1.0]
    magnitude = 10.0 ** math.floor(math.log10(largest))
    steps = (0.2, 0.25, 0.5, 1, 2, 2.5, 5)
    for step in (factor * magnitude for factor in steps):
        count = math.ceil(largest / step - 1e-9)
        if count <= 3 and (step >= 1 or largest < 1):
            return [round(n * step, 10) for n in range(count + 1)]
    return [0.0, 10 * magnitude]


def write_tick(value: float) -> str:
    """Return a tick label, short and exact.

    >>> write_tick(150000), write_tick(2500), write_tick(40)
    ('150k', '2,500', '40')
    """
    if value >= 1_000_000 and value % 100_000 == 0:
        return f"{value / 1_000_000:g}M"
    if value >= 10_000 and value % 1_000 == 0:
        return f"{value / 1_000:,.0f}k"
    return f"{value:,.0f}" if value == round(value) else f"{value:g}"


def choose_days(first: date, last: date, most: int) -> list[tuple[date, str]]:
    """Return at most `most` labelled days: Mondays or month starts, whichever fit."""
    span = (last - first).days
    if span > 7 * 2 * most:
        days = [first + timedelta(days=n) for n in range(span + 1)]
        starts = [day for day in days if day.day == 1]
        return [(day, f"{day:%b}") for day in starts[-most:]]
    for step in (1, 2, 7, 14):
        if span / step < most:
            chosen = [last - timedelta(days=n) for n in range(0, span + 1, step)]
            return [(day, f"{day.day} {day:%b}") for day in reversed(chosen)]
    middle = first + timedelta(days=span // 2)
    return [(day, f"{day.day} {day:%b}") for day in (first, middle, last)]


def draw_scales(
    axes: Any, days: Sequence[date], largest: float, headroom: float, most: int
) -> None:
    """Set round ticks from zero, a little room above the data, and labelled days."""
    ticks = choose_ticks(largest)
    axes.set_ylim(0, max(ticks[-1], largest) * headroom)
    axes.set_yticks(ticks, [write_tick(tick) for tick in ticks])
    labelled = choose_days(days[0], days[-1], most)
    margin = max((days[-1] - days[0]).days, 1) * 0.012
    origin = days[0]
    axes.set_xlim(-margin, (days[-1] - origin).days + margin)
    axes.set_xticks([(day - origin).days for day, _ in labelled], [text for _, text in labelled])
    axes.tick_params(axis="both", length=2, width=0.5, pad=2, labelsize=7.2)
    axes.tick_params(axis="y", length=0)
    axes.yaxis.grid(True, color=RULE, linewidth=0.4)
