"""Put the day's canonical files and ledger in front of dbt, as schema `raw` of the build database.

Canonical data stay where they lie: `raw` holds views on Parquet. Ledgers are small and are copied.
Everything is as known by the end of the run's day: feed versions in use on that day, reference
tables of that day, deliveries up to that day.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch import canonical
from stillwatch.errors import WarehouseError
from stillwatch.policy import schemas as policy_schemas
from stillwatch.runs import Paths, end_of_day, read_json
from stillwatch.settings import Settings
from stillwatch.warehouse.feed_history import load_feed_history

_INSTANT = pa.timestamp("us", tz="UTC")

_INGESTION = pa.schema(
    [
        ("source_id", pa.string()),
        ("kind", pa.string()),
        ("delivered_date", pa.date32()),
        ("file_count", pa.int64()),
        ("byte_count", pa.int64()),
        ("read_count", pa.int64()),
        ("accepted_count", pa.int64()),
        ("duplicate_count", pa.int64()),
        ("quarantined_count", pa.int64()),
        ("quarantined_by_reason", pa.string()),
        ("duplicate_file_count", pa.int64()),
        ("refused_file_count", pa.int64()),
        ("delivery_state", pa.string()),
    ]
)
_FEED_STATES = pa.schema(
    [
        ("feed_id", pa.string()),
        ("as_of_date", pa.date32()),
        ("version", pa.string()),
        ("pulled_at", _INSTANT),
        ("age_days", pa.float64()),
        ("entry_count", pa.int64()),
        ("used_count", pa.int64()),
        ("refused_count", pa.int64()),
        ("refused_by_reason", pa.string()),
        ("state", pa.string()),
        ("marking", pa.string()),
        ("licence", pa.string()),
        ("permitted_use", pa.string()),
        ("source_reliability", pa.string()),
        ("newest_refusal", pa.string()),
    ]
)
_QUALITY = pa.schema(
    [
        ("run_date", pa.date32()),
        ("gate", pa.string()),
        ("suite", pa.string()),
        ("expectation", pa.string()),
        ("column_name", pa.string()),
        ("severity", pa.string()),
        ("success", pa.bool_()),
        ("observed", pa.string()),
        ("bound", pa.string()),
        ("evaluated_row_count", pa.int64()),
        ("unexpected_count", pa.int64()),
        ("confidence_effect", pa.string()),
    ]
)
REPORTS = pa.schema(
    [
        ("report_id", pa.string()),
        ("version", pa.int32()),
        ("kind", pa.string()),
        ("audience", pa.string()),
        ("document", pa.string()),
        ("subject_id", pa.string()),
        ("period_from", pa.date32()),
        ("period_until", pa.date32()),
        ("marking", pa.string()),
        ("state", pa.string()),
        ("sha256", pa.string()),
        ("snapshot_id", pa.string()),
        ("approved_by", pa.string()),
        ("approved_at", _INSTANT),
        ("comment", pa.string()),
        ("released_at", _INSTANT),
        ("supersedes", pa.string()),
    ]
)


@contextmanager
def open_build(settings: Settings, paths: Paths) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the private build database for writing; a lock held elsewhere is a WarehouseError."""
    paths.warehouse.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = duckdb.connect(
            str(paths.warehouse), config={"memory_limit": settings.warehouse_memory}
        )
    except (duckdb.IOException, duckdb.ConnectionException) as error:
        raise WarehouseError(
            f"cannot open {paths.warehouse} for writing: {error}. Something else holds it; "
            "analysts read published/current.duckdb instead"
        ) from error
    try:
        connection.execute("set TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def load_day(settings: Settings, paths: Paths, day: date) -> None:
    """Make schema `raw` of the build database show what was known by the end of `day`."""
    with open_build(settings, paths) as connection:
        connection.execute("create schema if not exists raw")
        _load_partitioned(connection, paths, "exchanges", canonical.EXCHANGES)
        _load_partitioned(connection, paths, "accounts", canonical.ACCOUNTS)
        _load_feeds(connection, paths, day)
        for table in policy_schemas.TABLES:
            file = paths.reference / f"dt={day.isoformat()}" / f"{table.name}.parquet"
            _create_view(
                connection, paths, table.name, table.schema, [file] if file.exists() else []
            )
        for name, schema in policy_schemas.SCREENING.items():
            file = paths.screening / f"dt={day.isoformat()}" / f"{name}.parquet"
            _create_view(connection, paths, name, schema, [file] if file.exists() else [])
        _copy_suspected_accounts(connection, day)
        load_ledgers(connection, paths, day)


def load_ledgers(connection: duckdb.DuckDBPyConnection, paths: Paths, day: date) -> None:
    """Copy the ledgers of ingestion, feeds, gates and reports into schema `raw`."""
    connection.execute("create schema if not exists raw")
    _copy_rows(connection, "ingestion", _INGESTION, _ingestion_rows(paths))
    _copy_rows(connection, "feed_states", _FEED_STATES, _feed_rows(paths, day))
    _copy_rows(connection, "quality_results", _QUALITY, _quality_rows(paths))
    _copy_rows(connection, "reports", REPORTS, report_rows(paths))


def _copy_suspected_accounts(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    """Copy who was suspected on the newest run day before `day`, as the models left it.

    dbt cannot read it where it lies: what decides who is suspected would depend on itself.
    """
    nodes = "intermediate.int_campaign_nodes"
    built = connection.execute(
        "select count(*) from duckdb_tables() where schema_name || '.' || table_name = ?", [nodes]
    ).fetchone()
    connection.execute(
        "create or replace table raw.suspected_accounts (account_key varchar, campaign_id varchar)"
    )
    if built != (0,):
        connection.execute(
            "insert into raw.suspected_accounts"
            f" select distinct node_key, campaign_id from {nodes} where node_type = 'account'"
            f" and as_of_date = (select max(as_of_date) from {nodes} where as_of_date < ?)",
            [day],
        )


def _load_partitioned(
    connection: duckdb.DuckDBPyConnection, paths: Paths, name: str, schema: pa.Schema
) -> None:
    partitioned = schema.append(pa.field("dt", pa.date32())).append(pa.field("source", pa.string()))
    empty = _empty_file(paths, name, partitioned)
    selects = [f"select * from read_parquet('{_quoted(empty)}', hive_partitioning = false)"]
    root = paths.canonical / name
    if any(root.glob("dt=*/source=*/*.parquet")):
        pattern = _quoted(root / "dt=*" / "source=*" / "*.parquet")
        selects.append(
            f"select * from read_parquet('{pattern}', hive_partitioning = true,"
            " hive_types = {'dt': date, 'source': varchar})"
        )
    connection.execute(
        f"create or replace view raw.{name} as " + " union all by name ".join(selects)
    )


def _load_feeds(connection: duckdb.DuckDBPyConnection, paths: Paths, day: date) -> None:
    indicators: list[Path] = []
    ranges: list[Path] = []
    for record in _feed_records(paths, day):
        if record["version"] is None:
            continue
        folder = paths.feeds / record["feed_id"] / record["version"]
        indicators += [file for file in [folder / "indicators.parquet"] if file.exists()]
        ranges += [file for file in [folder / "ranges.parquet"] if file.exists()]
    _create_view(connection, paths, "indicators", canonical.INDICATORS, indicators)
    _create_view(connection, paths, "address_ranges", canonical.RANGES, ranges)
    load_feed_history(connection, paths, day)


def _create_view(
    connection: duckdb.DuckDBPyConnection,
    paths: Paths,
    name: str,
    schema: pa.Schema,
    files: list[Path],
) -> None:
    listed = [_empty_file(paths, name, schema), *files]
    names = ", ".join(f"'{_quoted(file)}'" for file in listed)
    connection.execute(
        f"create or replace view raw.{name} as "
        f"select * from read_parquet([{names}], union_by_name = true, hive_partitioning = false)"
    )


def _empty_file(paths: Paths, name: str, schema: pa.Schema) -> Path:
    """Write a file without rows that gives a view its columns where nothing was delivered yet."""
    file = paths.warehouse.parent / "schemas" / f"{name}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(schema.empty_table(), file)
    return file


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _copy_rows(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    schema: pa.Schema,
    rows: list[dict[str, Any]],
) -> None:
    table = pa.Table.from_pylist(rows, schema=schema)
    connection.register("incoming_rows", table)
    connection.execute(f"create or replace table raw.{name} as select * from incoming_rows")
    connection.unregister("incoming_rows")


def _ingestion_rows(paths: Paths) -> list[dict[str, Any]]:
    rows = []
    for file in sorted((paths.ledger / "ingestion").glob("dt=*/*.json")):
        record = read_json(file)
        # Null where a day was ingested before states were kept.
        row = {"delivery_state": None} | {
            name: record[name] for name in _INGESTION.names if name in record
        }
        row["delivered_date"] = date.fromisoformat(record["delivered_date"])
        row["quarantined_by_reason"] = _json_text(record["quarantined_by_reason"])
        rows.append(row)
    return rows


def _feed_records(paths: Paths, day: date) -> list[dict[str, Any]]:
    folder = paths.ledger / "feeds" / f"dt={day.isoformat()}"
    return [read_json(file) for file in sorted(folder.glob("*.json"))]


def _feed_rows(paths: Paths, day: date) -> list[dict[str, Any]]:
    rows = []
    for record in _feed_records(paths, day):
        pulled = record.get("pulled_at")
        pulled_at = datetime.fromisoformat(pulled) if pulled else None
        row = {name: record.get(name) for name in _FEED_STATES.names}
        row["as_of_date"] = day
        row["pulled_at"] = pulled_at
        row["age_days"] = (
            round((end_of_day(day) - pulled_at).total_seconds() / 86400, 2) if pulled_at else None
        )
        row["refused_by_reason"] = _json_text(record["refused_by_reason"])
        refused = record.get("refused_versions") or []
        row["newest_refusal"] = (
            "{version}: {reason}: {detail}".format(**refused[-1]) if refused else None
        )
        rows.append(row)
    return rows


def _quality_rows(paths: Paths) -> list[dict[str, Any]]:
    rows = []
    for file in sorted((paths.ledger / "quality").glob("dt=*/*.json")):
        record = read_json(file)
        for result in record["rows"]:
            row = {name: result.get(name) for name in _QUALITY.names}
            row["run_date"] = date.fromisoformat(record["run_date"])
            row["gate"] = record["gate"]
            for name in ("observed", "bound"):
                row[name] = None if row[name] is None else str(row[name])
            rows.append(row)
    return rows


def report_rows(paths: Paths) -> list[dict[str, Any]]:
    """Return the registered report versions as rows of `fct_reports`, in a fixed order."""
    rows = []
    for file in sorted((paths.ledger / "reports").glob("*.json")):
        record = read_json(file)
        row = {name: record[name] for name in REPORTS.names}
        for name in ("period_from", "period_until"):
            row[name] = date.fromisoformat(record[name])
        for name in ("approved_at", "released_at"):
            row[name] = datetime.fromisoformat(record[name]) if record[name] else None
        rows.append(row)
    return sorted(rows, key=lambda row: (row["report_id"], row["version"]))


def _json_text(value: dict[str, int]) -> str:

    return json.dumps(value, sort_keys=True)
