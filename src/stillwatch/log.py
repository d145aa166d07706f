"""Plain logs for Airflow and files, a progress bar for a person at a terminal."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def set_up_logging(verbose: bool = False) -> None:
    """Send Stillwatch's own log lines to standard error, in UTC; leave other handlers alone."""
    logger = logging.getLogger("stillwatch")
    if logger.handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter(_FORMAT, datefmt="%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    logger.propagate = False


def get_logger(name: str) -> logging.Logger:
    """Return the logger of a module; `name` is its `__name__`."""
    return logging.getLogger(name)


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Yield `items`, showing a progress bar on standard error if a person is looking at it."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track as rich_track

    yield from rich_track(
        items, description=description, total=total, console=Console(stderr=True), transient=True
    )
