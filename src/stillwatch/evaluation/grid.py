"""Titled tables of texts, as Markdown and for the console from the same cells."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from stillwatch.evaluation.intervals import Estimate

NONE = "–"


@dataclass(frozen=True)
class Grid:
    """A titled table of texts with the notes that belong under it."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def render_grid(grid: Grid, level: int = 2) -> str:
    """Return a grid as a Markdown section without a line feed at its end."""
    lines = [f"{'#' * level} {grid.title}", ""]
    lines.append("| " + " | ".join(_escape(cell) for cell in grid.head) + " |")
    lines.append("|---" + "|---:" * (len(grid.head) - 1) + "|")
    lines += ["| " + " | ".join(_escape(cell) for cell in row) + " |" for row in grid.rows]
    lines += [line for note in grid.notes for line in ("", note)]
    return "\n".join(lines)


def print_grid(grid: Grid, console: Console) -> None:
    """Print one table with its notes."""
    shown = Table(title=grid.title, title_justify="left", caption_justify="left")
    shown.caption = "\n".join(grid.notes).replace("\\*", "*") or None
    shown.add_column(grid.head[0], overflow="fold")
    for name in grid.head[1:]:
        shown.add_column(name, justify="right", overflow="fold")
    for row in grid.rows:
        shown.add_row(*row)
    console.print(shown)


def write_share(estimate: Estimate | None) -> str:
    """Return a share with its interval, "–" where it is undefined.

    >>> write_share(Estimate(0.5, 0.25, 0.75)), write_share(Estimate(1.0)), write_share(None)
    ('0.500 (0.250–0.750)', '1.000', '–')
    """
    if estimate is None or estimate.value is None:
        return NONE
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"


def write_number(value: float | None, digits: int = 3) -> str:
    """Return a number, "–" where it is undefined."""
    return NONE if value is None else f"{value:,.{digits}f}"


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
