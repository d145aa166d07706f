"""What each account used on which day, as Parquet by delivery day beside the private build.

A hunt reads these files and never the build, so it neither waits for a run nor blocks one. They
hold client addresses and are never published.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb

from stillwatch.log import get_logger
from stillwatch.runs import Paths, replacing

_LOG = get_logger(__name__)
_FILE = "uses.parquet"


def export_uses(connection: duckdb.DuckDBPyConnection, paths: Paths, day: date) -> None:
    """Write the uses delivered on `day`, and those of other days of the build without a file."""
    held = connection.execute(
        "select distinct delivered_date from intermediate.int_identifier_uses order by 1"
    ).fetchall()
    missing = [found for (found,) in held if not _get_file(paths, found).exists()]
    for wanted in sorted({day, *missing}):
        with replacing(_get_file(paths, wanted)) as temporary:
            connection.execute(
                "copy (select * from intermediate.int_hunted_uses "
                f"where delivered_date = date '{wanted.isoformat()}' order by all) "
                f"to '{_quote(temporary)}' (format parquet, compression zstd)"
            )
    _LOG.info("uses of %s written below %s", day, paths.uses)


def find_uses(paths: Paths) -> list[Path]:
    """Return the files of every delivery day that a hunt can search, oldest first."""
    return sorted(paths.uses.glob(f"dt=*/{_FILE}"))


def list_gaps(held: list[date], first: date, last: date) -> Iterator[tuple[date, date]]:
    """Yield the runs of days from `first` to `last` that are not among `held`.

    >>> d = date.fromisoformat
    >>> list(list_gaps([d("2026-11-02")], d("2026-11-01"), d("2026-11-04")))
    [(datetime.date(2026, 11, 1), datetime.date(2026, 11, 1)), \
(datetime.date(2026, 11, 3), datetime.date(2026, 11, 4))]
    """
    expected = first.toordinal()
    for ordinal in sorted({day.toordinal() for day in held if first <= day <= last}):
        if ordinal > expected:
            yield date.fromordinal(expected), date.fromordinal(ordinal - 1)
        expected = ordinal + 1
    if expected <= last.toordinal():
        yield date.fromordinal(expected), last


def _get_file(paths: Paths, day: date) -> Path:
    return paths.uses / f"dt={day.isoformat()}" / _FILE


def _quote(path: Path) -> str:
    return str(path).replace("'", "''")
