"""`python -m stillwatch.demo`: what `make demo` runs after the set-up."""

from __future__ import annotations

import logging
import signal
import sys
from types import FrameType

import click

from stillwatch.demo.driver import run_demo
from stillwatch.errors import StillwatchError
from stillwatch.settings import get_settings


def main() -> None:
    """Run the demonstration; an error or an interruption is one line and a non-zero exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    # The steps print what a person wants to see; the log lines are for Airflow and `--verbose`.
    logging.getLogger("stillwatch").setLevel(logging.WARNING)
    try:
        run_demo(get_settings())
    except StillwatchError as error:
        click.echo(f"demo: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("\ndemo: interrupted, all processes are stopped; `make demo` goes on", err=True)
        sys.exit(130)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
