"""How explanations look in a terminal: tables, numbers as text, nothing that steers it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stillwatch.warehouse.formats import make_printable

PIPED_WIDTH = 140
NOTHING = "-"


def make_console() -> Console:
    """Return a console of the terminal's width, or of a fixed width without colour in a pipe."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=PIPED_WIDTH, highlight=False)


def print_table(
    console: Console,
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    empty: str,
) -> None:
    """Print a titled table of harmless cells; a column whose name ends in `#` is of numbers."""
    console.print(Text(f"\n{title}", style="bold"))
    listed = list(rows)
    if not listed:
        console.print(Text(f"  {empty}"))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        is_number = column.endswith("#")
        table.add_column(
            column.removesuffix("#").strip(), justify="right" if is_number else "left",
            no_wrap=is_number, overflow="fold",
        )  # fmt: skip
    for row in listed:
        table.add_row(*(Text(make_printable(cell)) for cell in row))
    console.print(table)


def print_line(console: Console, text: str, style: str = "") -> None:
    """Print one wrapped paragraph."""
    console.print(Text(make_printable(text), style=style))


def write_bits(bits: float | None) -> str:
    """Return bits with a sign.

    >>> write_bits(3.04), write_bits(-0.004), write_bits(None)
    ('+3.0', '0.0', '-')
    """
    if bits is None:
        return NOTHING
    return f"{bits:+.1f}" if round(bits, 1) else "0.0"


def write_share(share: float | None) -> str:
    """Return a share in percent.

    >>> write_share(0.0123), write_share(None)
    ('1.2 %', '-')
    """
    return NOTHING if share is None else f"{100 * share:.1f} %"


def write_chance(probability: float) -> str:
    """Return a probability in percent; nothing is certain.

    >>> write_chance(0.9123), write_chance(1.0)
    ('91.2 %', '> 99.9 %')
    """
    return "> 99.9 %" if probability >= 0.9995 else write_share(probability)


def write_percentile(percentile: float | None) -> str:
    """Return a percentile; the last one is never reached, because the population is finite.

    >>> write_percentile(0.9964), write_percentile(None)
    ('P99.6', '-')
    """
    return NOTHING if percentile is None else f"P{100 * percentile:.1f}"


def write_number(number: float | None) -> str:
    """Return a measured value with three significant digits or as a whole number.

    >>> write_number(0.05), write_number(12345.0), write_number(None)
    ('0.05', '12,345', '-')
    """
    if number is None:
        return NOTHING
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def write_moment(moment: datetime | None) -> str:
    """Return an instant to the minute, in UTC."""
    return "unknown" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
