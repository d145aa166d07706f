"""`python -m stillwatch.orchestration up|down`: the embedded Airflow, kept running for a person."""

from __future__ import annotations

import sys

import click

from stillwatch.errors import StillwatchError
from stillwatch.orchestration import embedded
from stillwatch.settings import get_settings


@click.group()
def cli() -> None:
    """Start or stop the embedded Airflow."""


@cli.command()
def up() -> None:
    """Start Airflow in the background and say where it is."""
    settings = get_settings()
    running = embedded.find_running(settings)
    if running is None:
        click.echo("Starting Airflow (about 15 seconds) ...")
        running = embedded.start(settings)
    waiting = [
        question
        for question in running.connect().find_questions("publish_reports")
        if not question.is_answered
    ]
    click.echo(f"Airflow is running at {running.url}")
    click.echo(f"  user admin, password in {running.home.passwords}")
    click.echo(f"  reports that wait for a decision: {len(waiting)} (Required Actions)")
    click.echo("  stop it with: make down")


@cli.command()
def down() -> None:
    """Stop Airflow; runs and waiting questions are kept for the next start."""
    stopped = embedded.stop(get_settings())
    click.echo("Airflow is stopped." if stopped else "Airflow was not running.")


if __name__ == "__main__":
    try:
        cli()
    except StillwatchError as error:
        click.echo(f"stillwatch: {error}", err=True)
        sys.exit(1)
