"""`stillwatch build`."""

from __future__ import annotations

import click

from stillwatch.runs import parse_day
from stillwatch.settings import get_settings


@click.command("build")
@click.option("--date", "day", required=True, metavar="YYYY-MM-DD", help="UTC day of the run.")
@click.option(
    "--layer",
    type=click.Choice(["behaviour", "campaigns", "reporting", "all"]),
    default="all",
    show_default=True,
    help="Which models to build; `all` leaves reporting to `stillwatch publish`.",
)
def command(day: str, layer: str) -> None:
    """Build the dbt models for a day, in the private build database.

    The build is invisible to analysts until `stillwatch check` passed and `stillwatch publish` ran.
    Building a day again replaces that day's rows and no others.
    """
    from stillwatch.transform.build import build_day

    result = build_day(get_settings(), parse_day(day), layer)
    click.echo(
        f"built {', '.join(result.layers)} for {result.day}: "
        f"{result.built_count} models, seeds and tests in {result.seconds} s"
    )
