"""What the feeds said on the days before the run's day, for schema `raw` of the build database.

Two questions need it: which indicators are new since the last processed day, and which ones held
on the day of an exchange that was delivered late. Versions are never changed, and the ledger names
the version that each day used, so the answers do not depend on when they are asked.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch import canonical
from stillwatch.log import get_logger
from stillwatch.runs import Paths, read_json

_LOG = get_logger(__name__)

# Late deliveries reach this far back (event_lateness_days of the dbt project).
_HISTORY_DAYS = 31

_FEED_DAYS = pa.schema(
    [("as_of_date", pa.date32()), ("feed_id", pa.string()), ("version", pa.string())]
)
_VERSION = pa.field("version", pa.string())


def load_feed_history(connection: duckdb.DuckDBPyConnection, paths: Paths, day: date) -> None:
    """Make `raw.feed_days`, `raw.past_indicators` and `raw.past_address_ranges` for `day`."""
    rows = [
        {"as_of_date": earlier, "feed_id": record["feed_id"], "version": record["version"]}
        for earlier in find_feed_days(paths, day)
        for record in _read_records(paths, earlier)
        if record["version"] is not None and _has_version(paths, record)
    ]
    connection.register("incoming_rows", pa.Table.from_pylist(rows, schema=_FEED_DAYS))
    connection.execute("create or replace table raw.feed_days as select * from incoming_rows")
    connection.unregister("incoming_rows")
    used = {(str(row["feed_id"]), str(row["version"])) for row in rows}
    folders = [paths.feeds / feed_id / version for feed_id, version in sorted(used)]
    _create_history(
        connection, paths, "past_indicators", canonical.INDICATORS, "", "indicators", folders
    )
    _create_history(
        connection,
        paths,
        "past_address_ranges",
        canonical.RANGES.append(_VERSION),
        # its folder names the version: ranges.parquet does not
        " replace (coalesce(version, split_part(filename, '/', -2)) as version)",
        "ranges",
        folders,
    )


def find_feed_days(paths: Paths, day: date) -> list[date]:
    """Return the processed days before `day` that may be asked for, oldest first.

    These are the days of the last month, or the last processed day if it is older.
    """
    earlier = sorted(
        found
        for folder in (paths.ledger / "feeds").glob("dt=*")
        if (found := date.fromisoformat(folder.name.removeprefix("dt="))) < day
    )
    return [found for found in earlier if found >= day - timedelta(_HISTORY_DAYS)] or earlier[-1:]


def _read_records(paths: Paths, day: date) -> list[dict[str, str | None]]:
    folder = paths.ledger / "feeds" / f"dt={day.isoformat()}"
    return [read_json(file) for file in sorted(folder.glob("*.json"))]


def _has_version(paths: Paths, record: dict[str, str | None]) -> bool:
    folder = paths.feeds / str(record["feed_id"]) / str(record["version"])
    if (folder / "indicators.parquet").exists():
        return True
    _LOG.warning("%s is gone: what the feed said then counts as unknown", folder)
    return False


def _create_history(
    connection: duckdb.DuckDBPyConnection,
    paths: Paths,
    name: str,
    schema: pa.Schema,
    replacement: str,
    stem: str,
    folders: list[Path],
) -> None:
    empty = paths.warehouse.parent / "schemas" / f"{name}.parquet"
    empty.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(schema.empty_table(), empty)
    files = [empty, *(folder / f"{stem}.parquet" for folder in folders)]
    names = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files if file.exists())
    connection.execute(
        f"create or replace view raw.{name} as select * exclude (filename){replacement} "
        f"from read_parquet([{names}], union_by_name = true, hive_partitioning = false, "
        "filename = true)"
    )
