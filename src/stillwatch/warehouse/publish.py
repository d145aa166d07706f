"""Write, audit, publish: the audited build becomes the snapshot that analysts read, all at once.

The build is private. A copy of its marts is written beside the published files under a hidden
name and renamed over `current.duckdb` when it is complete and on disk: readers see the old
snapshot or the new one, never a mixture, also if this process is killed (docs/decisions/0005).
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from stillwatch.errors import GateFailed, WarehouseError
from stillwatch.log import get_logger
from stillwatch.quality.gates import is_audited, open_build_for_reading
from stillwatch.quality.results import GATES, read_audited_fingerprint, require_passed
from stillwatch.runs import Paths, exclusive, get_paths, replacing, write_json
from stillwatch.settings import Settings
from stillwatch.warehouse.descriptions import comment_tables
from stillwatch.warehouse.fingerprint import (
    NOT_CONTENT,
    combine_fingerprints,
    fingerprint_tables,
)
from stillwatch.warehouse.swap import (
    copy_docs,
    named_errors,
    private_file,
    private_folder,
    put_export_in_place,
    put_in_place,
    remove_orphans,
    sync,
)

_HASH_DIGITS = 12

_log = get_logger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """One immutable published state; `as_of_date` is the newest day in it."""

    snapshot_id: str
    as_of_date: date
    path: Path


def publish_day(settings: Settings, day: date) -> Snapshot:
    """Publish the build that the gates of `day` have audited, and return the snapshot.

    What is published is the whole build, whose newest day may be later than `day`: running an old
    day again republishes the newest state with that day corrected, so `current` never goes back.
    The same content gives the same snapshot id. Raises GateFailed if a gate of the day, or of a
    later day in the build, did not pass, or if the build has changed since its audit.
    """
    from stillwatch.transform.build import build_day

    paths = get_paths(settings)
    with exclusive(paths, "publish"):
        require_passed(paths, day)
        later_days = _find_later_days(settings, paths, day)
        for later in later_days:
            require_passed(paths, later)
        remove_orphans(paths)
        as_of = max([day, *later_days])
        build_day(settings, as_of, "reporting")
        with named_errors(paths):
            snapshot = _publish_build(settings, paths, day, as_of)
        write_json(
            paths.ledger / "runs" / f"dt={day.isoformat()}.json",
            {
                "run_date": day.isoformat(),
                "gates": dict.fromkeys(("raw", "marts"), "passed"),
                "snapshot_id": snapshot.snapshot_id,
            },
        )
        return snapshot


def refresh_reports_table(settings: Settings) -> bool:
    """Bring `fct_reports` of the current snapshot up to date; return whether there is a snapshot.

    An approval changes nothing else, so the snapshot keeps its id: the fingerprint leaves
    `fct_reports` out. The file under `snapshots/` stays as it was published.
    """
    from stillwatch.warehouse.duckdb import REPORTS, report_rows

    paths = get_paths(settings)
    current = paths.published / "current.duckdb"
    with exclusive(paths, "publish"), named_errors(paths):
        if not current.exists():
            return False
        rows = pa.Table.from_pylist(report_rows(paths), schema=REPORTS)
        with private_file(paths) as private:
            shutil.copyfile(current, private)
            with duckdb.connect(str(private)) as connection:
                connection.execute("set timezone = 'UTC'")
                connection.register("registered_reports", rows)
                connection.execute("begin")
                connection.execute("delete from marts.fct_reports")
                connection.execute(
                    "insert into marts.fct_reports by name select * from registered_reports"
                )
                connection.execute("commit")
                connection.execute("checkpoint")
                export = paths.published / "parquet" / "fct_reports" / "fct_reports.parquet"
                if export.parent.exists():
                    with replacing(export) as temporary:
                        _export_table(connection, "marts", "fct_reports", temporary)
            sync(private)
            private.replace(current)
            sync(paths.published)
    return True


def publish_docs(settings: Settings) -> Path:
    """Write the dbt docs as one static file that needs no server and no network; return it."""
    from stillwatch.transform.build import run_dbt

    paths = get_paths(settings)
    with exclusive(paths, "warehouse"):
        result = run_dbt(settings, ["docs", "generate", "--static"])
    if not result.success or not copy_docs(paths):
        raise WarehouseError(
            f"dbt did not write its docs: see {paths.cache / 'dbt' / 'logs' / 'dbt.log'}"
        )
    return paths.published / "docs" / "index.html"


def _publish_build(settings: Settings, paths: Paths, day: date, as_of: date) -> Snapshot:
    with private_file(paths) as private, private_folder(paths) as export:
        with (
            exclusive(paths, "warehouse"),
            open_build_for_reading(settings, paths) as connection,
        ):
            connection.execute(f"attach '{_quote(private)}' as published")
            fingerprints = _copy_marts(connection, day)
            _check_audit(fingerprints, paths, day)
            snapshot_id = _name_snapshot(connection, fingerprints, as_of)
            for table in _list_tables(connection, "published"):
                _export_table(
                    connection, "published.marts", table, export / table / f"{table}.parquet"
                )
            connection.execute("checkpoint published")
            connection.execute("detach published")
        sync(private)
        snapshot = paths.published / "snapshots" / f"{snapshot_id}.duckdb"
        put_in_place(paths, private, snapshot)
        put_export_in_place(paths, export)
    copy_docs(paths)
    _log.info("published %s with %s", paths.published / "current.duckdb", snapshot_id)
    return Snapshot(snapshot_id, as_of, snapshot)


def _find_later_days(settings: Settings, paths: Paths, day: date) -> list[date]:
    """Return the days after `day` that the build holds; without traffic a day has no rows in it."""
    with exclusive(paths, "warehouse"), open_build_for_reading(settings, paths) as connection:
        found = connection.execute(
            "select distinct as_of_date from build.marts.fct_account_scores where as_of_date > ?",
            [day],
        ).fetchall()
    checked = {
        date.fromisoformat(path.parent.name.removeprefix("dt="))
        for path in (paths.ledger / "quality").glob("dt=*/marts.json")
    }
    return sorted({later for (later,) in found} | {later for later in checked if later > day})


def _check_audit(fingerprints: dict[str, str], paths: Paths, day: date) -> None:
    """Raise a GateFailed if what was copied is not what the marts gate of the day has seen."""
    copied = {name: value for name, value in fingerprints.items() if is_audited(name)}
    if read_audited_fingerprint(paths, day) != combine_fingerprints(copied):
        raise GateFailed(
            f"{paths.warehouse} has changed since the marts gate of {day} saw it: "
            f"run `stillwatch check --date {day} --gate marts` again before publishing"
        )


def _copy_marts(connection: duckdb.DuckDBPyConnection, day: date) -> dict[str, str]:
    """Copy the marts from `build` to `published` and return the fingerprints of the copies."""
    connection.execute("create schema published.marts")
    tables = [name for name in _list_tables(connection, "build") if name != "snapshot_info"]
    for table in tables:
        connection.execute(
            f'create table published.marts."{table}" as '
            f'select * from build.marts."{table}" order by all'
        )
    comment_tables(connection, "published")
    found = connection.execute(
        "select count(distinct gate) from published.marts.rpt_data_quality where run_date = ?",
        [day],
    ).fetchone()
    if found is None or found[0] < len(GATES):
        raise WarehouseError(
            f"rpt_data_quality of the build lacks a gate of {day}: its reporting layer is stale"
        )
    contents = [table for table in tables if table not in NOT_CONTENT]
    return fingerprint_tables(connection, "published.marts", contents)


def _name_snapshot(
    connection: duckdb.DuckDBPyConnection, fingerprints: dict[str, str], as_of: date
) -> str:
    """Write `snapshot_info` and return the id that it holds."""
    fingerprint = combine_fingerprints(fingerprints)
    snapshot_id = f"{as_of.isoformat()}-{fingerprint[:_HASH_DIGITS]}"
    connection.execute(
        "create table published.marts.snapshot_info as "
        "select ?::varchar as snapshot_id, ?::date as as_of_date, ?::varchar as fingerprint",
        [snapshot_id, as_of, fingerprint],
    )
    connection.execute(
        "comment on table published.marts.snapshot_info is "
        "'One row: which published state this is. Quote snapshot_id beside every figure.'"
    )
    return snapshot_id


def _export_table(
    connection: duckdb.DuckDBPyConnection, schema: str, table: str, path: Path
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(
        f"copy {schema}.\"{table}\" to '{_quote(path)}' (format parquet, compression zstd)"
    )


def _list_tables(connection: duckdb.DuckDBPyConnection, catalog: str) -> list[str]:
    found = connection.execute(
        "select table_name from information_schema.tables "
        "where table_catalog = ? and table_schema = 'marts' order by table_name",
        [catalog],
    ).fetchall()
    return [name for (name,) in found]


def _quote(path: Path) -> str:
    return str(path).replace("'", "''")
