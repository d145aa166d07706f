"""The two gates of a day: `raw` before the models are built, `marts` before they are published."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from stillwatch.canonical import ACCOUNTS, EXCHANGES
from stillwatch.errors import WarehouseError
from stillwatch.feeds.registry import read_entries
from stillwatch.log import get_logger
from stillwatch.project import get_project_root
from stillwatch.quality.evaluation import BATCH_SCHEMA, evaluate_suites
from stillwatch.quality.feeds import check_landed_feeds
from stillwatch.quality.ingestion import (
    FIELD_HISTORY_DAYS,
    VOLUME_HISTORY_DAYS,
    DeclaredVolume,
    check_ingestion,
    was_delivered,
)
from stillwatch.quality.reference import check_reference
from stillwatch.quality.results import (
    CheckRow,
    Gate,
    GateOutcome,
    raise_for,
    write_outcome,
)
from stillwatch.quality.suites import Suite, load_suite
from stillwatch.runs import Paths, exclusive, get_paths, read_json
from stillwatch.settings import Settings
from stillwatch.warehouse.fingerprint import combine_fingerprints, fingerprint_tables

# The relations that a gate insists on: a suite that was deleted or renamed is an error.
RAW_RELATIONS = ("exchanges", "accounts")
MARTS_RELATIONS = (
    "dim_accounts",
    "fct_account_days",
    "fct_account_signals",
    "fct_account_scores",
    "fct_account_links",
    "bridge_cluster_accounts",
    "dim_campaigns",
    "fct_campaign_days",
    "fct_campaign_activity_days",
    "bridge_campaign_accounts",
    "fct_campaign_evidence",
    "fct_campaign_coverage",
    "fct_campaign_comparisons",
    "fct_campaign_joins",
    "fct_campaign_lineage",
    "fct_campaign_hypotheses",
    "dim_indicators",
    "fct_indicator_matches",
    "fct_retro_hunts",
    "fct_screening",
    "dim_model_releases",
)
# Written after the gate has run, from the ledger: they hold its results.
UNAUDITED_PREFIX = "rpt_"
UNAUDITED_RELATIONS = frozenset({"fct_reports", "snapshot_info"})

# The ingest quarantines older events as too late (event_lateness_days of the dbt project).
_LATENESS_DAYS = 31
_KINDS = {"usage": ("exchanges", EXCHANGES), "accounts": ("accounts", ACCOUNTS)}

_log = get_logger(__name__)


def check_day(settings: Settings, day: date, gate: Gate) -> GateOutcome:
    """Run one gate of `day`, write its result into the ledger and return it.

    Raises GateFailed, after writing, if a critical expectation failed or nothing was evaluated.
    """
    paths = get_paths(settings)
    match gate:
        case "raw":
            rows, audited = _check_raw(settings, paths, day), None
        case "marts":
            rows, audited = _check_marts(settings, paths, day)
        case _:
            raise ValueError(f"gate {gate!r} is neither raw nor marts")
    outcome = GateOutcome(day, gate, tuple(rows))
    path = write_outcome(paths, outcome, audited)
    _log.info(
        "gate %s of %s: %d checks, %d critical and %d warning failed",
        gate,
        day,
        len(rows),
        len(outcome.failed_critical),
        len(outcome.failed_warning),
    )
    raise_for(outcome, path)
    return outcome


def _check_raw(settings: Settings, paths: Paths, day: date) -> list[CheckRow]:
    records = _read_ingestion(paths, day)
    suites = _load_suites("raw", RAW_RELATIONS, day)
    with _open_memory(settings) as connection:
        connection.execute(f"create schema {BATCH_SCHEMA}")
        for name, schema in _KINDS.values():
            _create_canonical(
                connection, f"{BATCH_SCHEMA}.{name}", _find_parts(paths, name, day), schema
            )
        stored = _count_stored(connection)
        rows = check_ingestion(
            records,
            _read_history(paths, day),
            _read_declared(settings),
            stored,
            [
                record
                for back in range(1, FIELD_HISTORY_DAYS + 1)
                for record in _read_ingestion(paths, day - timedelta(days=back))
            ],
        )
        reference = paths.ledger / "reference" / f"dt={day.isoformat()}.json"
        if reference.exists():  # absent where only the logs of a day are checked
            rows += check_reference(read_json(reference))
        entries = read_entries(settings)
        rows.append(check_landed_feeds([feed.id for feed in entries.feeds], entries.unused))
        for suite in suites:
            kind = "usage" if suite.relation == "exchanges" else "accounts"
            rows += evaluate_suites(connection, [suite], was_delivered(records, kind))
    return rows


def _check_marts(settings: Settings, paths: Paths, day: date) -> tuple[list[CheckRow], str]:
    suites = _load_suites("marts", MARTS_RELATIONS, day)
    delivered = was_delivered(_read_ingestion(paths, day), "usage")
    with (
        exclusive(paths, "warehouse"),
        open_build_for_reading(settings, paths) as connection,
    ):
        _create_marts_views(connection)
        _create_event_days(connection, paths, day)
        connection.execute(f"create schema {BATCH_SCHEMA}")
        present = set(_list_marts(connection))
        for suite in suites:
            if suite.relation in present:
                connection.execute(
                    f'create view {BATCH_SCHEMA}."{suite.relation}" as '
                    f'select * from marts."{suite.relation}" where {suite.rows}'
                )
        rows = evaluate_suites(connection, suites, delivered)
        audited = fingerprint_audited(connection, "build.marts")
    return rows, audited


@contextmanager
def open_build_for_reading(settings: Settings, paths: Paths) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection in memory to which the private build is attached read-only, as `build`."""
    path = paths.warehouse
    if not path.exists():
        raise WarehouseError(f"{path} is missing: run `stillwatch build` first")
    with _open_memory(settings) as connection:
        try:
            connection.execute(f"attach '{_quote(path)}' as build (read_only)")
        except duckdb.Error as error:
            raise WarehouseError(f"{path} cannot be opened for reading: {error}") from error
        yield connection


@contextmanager
def _open_memory(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(
        ":memory:", config={"memory_limit": settings.warehouse_memory}
    ) as connection:
        connection.execute("set timezone = 'UTC'")
        yield connection


def fingerprint_audited(connection: duckdb.DuckDBPyConnection, schema: str) -> str:
    """Return the fingerprint of the marts that the gate sees: not those made from its result."""
    names = [name for name in _list_marts(connection) if is_audited(name)]
    return combine_fingerprints(fingerprint_tables(connection, schema, names))


def is_audited(table: str) -> bool:
    """Return whether the marts gate sees the table, so that it must not change afterwards."""
    return not table.startswith(UNAUDITED_PREFIX) and table not in UNAUDITED_RELATIONS


def _load_suites(gate: Gate, relations: Sequence[str], day: date) -> list[Suite]:
    folder = get_project_root() / "expectations" / gate
    extra = {path.stem for path in folder.glob("*.json")} - set(relations)
    names = [*relations, *sorted(extra)]
    return [load_suite(folder / f"{name}.json", day) for name in names]


def _find_parts(paths: Paths, name: str, day: date) -> list[Path]:
    folder = paths.canonical / name / f"dt={day.isoformat()}"
    return sorted(path for path in folder.glob("source=*/*.parquet") if path.name[0] != ".")


def _create_canonical(
    connection: duckdb.DuckDBPyConnection, name: str, parts: Sequence[Path], schema: pa.Schema
) -> None:
    if parts:
        files = ", ".join(f"'{_quote(path)}'" for path in parts)
        connection.execute(
            f"create view {name} as select * from "
            f"read_parquet([{files}], union_by_name = true, hive_partitioning = false)"
        )
        return
    connection.register("no_rows", schema.empty_table())
    connection.execute(f"create table {name} as select * from no_rows")
    connection.unregister("no_rows")


def _count_stored(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for kind, (name, _) in _KINDS.items():
        found = connection.execute(
            f"select source_id, count(*) from {BATCH_SCHEMA}.{name} group by source_id"
        ).fetchall()
        counts.update({(kind, source_id): count for source_id, count in found})
    return counts


def _create_marts_views(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create schema marts")
    for name in _list_marts(connection):
        connection.execute(f'create view marts."{name}" as select * from build.marts."{name}"')


def _list_marts(connection: duckdb.DuckDBPyConnection) -> list[str]:
    found = connection.execute(
        "select table_name from information_schema.tables "
        "where table_catalog = 'build' and table_schema = 'marts' order by table_name"
    ).fetchall()
    return [name for (name,) in found]


def _create_event_days(connection: duckdb.DuckDBPyConnection, paths: Paths, day: date) -> None:
    """Create `canonical.event_days`: accepted exchanges by event day and delivery day.

    It reaches back as far as an event of `day` may have been delivered, so that the exchanges
    of an account day can be reconciled with what was accepted.
    """
    first = day - timedelta(days=_LATENESS_DAYS)
    parts = [
        path
        for folder in sorted((paths.canonical / "exchanges").glob("dt=*"))
        if folder.name >= f"dt={first.isoformat()}"
        for path in _find_parts(paths, "exchanges", date.fromisoformat(folder.name[3:]))
    ]
    connection.execute("create schema canonical")
    _create_canonical(connection, "canonical.exchanges", parts, EXCHANGES)
    connection.execute(
        "create table canonical.event_days as "
        "select event_date, delivered_date, count(*) as exchange_count "
        "from canonical.exchanges group by all"
    )


def _read_ingestion(paths: Paths, day: date) -> list[dict[str, Any]]:
    folder = paths.ledger / "ingestion" / f"dt={day.isoformat()}"
    return [read_json(path) for path in sorted(folder.glob("*.json")) if path.name[0] != "."]


def _read_history(paths: Paths, day: date) -> dict[str, list[int]]:
    history: dict[str, list[int]] = defaultdict(list)
    for back in range(1, VOLUME_HISTORY_DAYS + 1):
        for record in _read_ingestion(paths, day - timedelta(days=back)):
            if record["kind"] == "usage" and record["file_count"] > 0:
                history[record["source_id"]].append(record["accepted_count"])
    return dict(history)


def _read_declared(settings: Settings) -> dict[str, DeclaredVolume]:
    from stillwatch.sources.registry import find_sources

    return {
        source.source_id: DeclaredVolume(source.min_rows, source.max_rows)
        for source in find_sources(settings)
    }


def _quote(path: Path) -> str:
    return str(path).replace("'", "''")
