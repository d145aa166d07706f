"""`stillwatch publish`."""

from __future__ import annotations

import click

from stillwatch.runs import get_paths, parse_day
from stillwatch.settings import get_settings


@click.command("publish")
@click.option("--date", "day", required=True, metavar="YYYY-MM-DD", help="UTC day of the run.")
@click.option("--docs", is_flag=True, help="Write the dbt docs, too, as one static file.")
def command(day: str, docs: bool) -> None:
    """Publish the audited build as the snapshot that analysts read.

    Both gates of the day must have passed. Readers see the old snapshot or the new one, never a
    mixture. The same content gives the same snapshot id.
    """
    from stillwatch.warehouse.publish import publish_day, publish_docs

    settings = get_settings()
    snapshot = publish_day(settings, parse_day(day))
    published = get_paths(settings).published
    click.echo(f"published {snapshot.snapshot_id}, newest day {snapshot.as_of_date}")
    click.echo(f"  warehouse  {published / 'current.duckdb'}")
    click.echo(f"  Parquet    {published / 'parquet'}")
    if docs:
        click.echo(f"  docs       {publish_docs(settings)}")
