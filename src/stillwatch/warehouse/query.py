"""Analysts' access: a read-only connection to the published snapshot that can reach nothing else.

The pipeline never opens the published file for writing, and readers never open the build, so a
query does not block a run, nor a run a query. A connection keeps the snapshot that it opened.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import duckdb

from stillwatch.errors import InputError, WarehouseError
from stillwatch.project import get_project_root
from stillwatch.runs import get_paths
from stillwatch.settings import Settings

_SNAPSHOT_ID = re.compile(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{12}")
_MISSING_TABLE = re.compile(r"Table with name (\S+) does not exist")
_READING = frozenset({"SELECT", "EXPLAIN"})


@dataclass(frozen=True)
class QueryResult:
    """Rows of a query; `is_cut` says that there were more than the limit."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    is_cut: bool


@dataclass(frozen=True)
class Example:
    """An example query of `dbt_project/analyses`, with the comment that explains it."""

    name: str
    question: str
    sql: str


def open_published(settings: Settings, snapshot_id: str | None = None) -> duckdb.DuckDBPyConnection:
    """Return a sandboxed connection to the current snapshot, or to a kept one by its id.

    No statement can write, read a file, attach a database, load an extension, see Python objects
    or undo one of these limits; queries that need more memory than is allowed fail instead of
    spilling to disk. Times are shown in UTC. The caller closes it.
    """
    path = _find_snapshot(settings, snapshot_id)
    try:
        connection = duckdb.connect(
            str(path),
            read_only=True,
            config={
                "enable_external_access": "false",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "allow_community_extensions": "false",
                "python_enable_replacements": "false",
                "memory_limit": settings.warehouse_memory,
                "threads": str(settings.dbt_threads),
                "temp_directory": "",
            },
        )
    except duckdb.Error as error:
        raise WarehouseError(f"published snapshot {path} cannot be opened: {error}") from error
    # Without external access DuckDB still allows the paths of its own file, among them a
    # write-ahead log beside it that the next reader would replay: so no path at all.
    connection.execute("set disabled_filesystems = 'LocalFileSystem'")
    connection.execute("set timezone = 'UTC'")
    connection.execute("set search_path = 'marts'")
    connection.execute("set lock_configuration = true")
    return connection


def run_query(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    limit: int = 0,
    timeout_seconds: float = 300,
) -> QueryResult:
    """Return the rows of one reading statement, at most `limit` of them (0 is all).

    Raises InputError with what is wrong, and similar names where a table is unknown.
    """
    statement = _read_statement(sql)
    timer = threading.Timer(timeout_seconds, connection.interrupt)
    timer.start()
    try:
        cursor = connection.execute(statement)
        columns = tuple(str(column[0]) for column in cursor.description or ())
        rows = cursor.fetchmany(limit + 1) if limit else cursor.fetchall()
    except duckdb.InterruptException as error:
        raise InputError(f"the query was stopped after {timeout_seconds:.0f} s") from error
    except duckdb.Error as error:
        raise InputError(_explain(connection, error)) from error
    finally:
        timer.cancel()
    is_cut = bool(limit) and len(rows) > limit
    return QueryResult(columns, tuple(rows[:limit] if limit else rows), is_cut)


def list_tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, int, str]]:
    """Return name, rows and comment of every published table."""
    found = connection.execute(
        "select table_name, estimated_size, coalesce(comment, '') from duckdb_tables() "
        "where schema_name = 'marts' order by table_name"
    ).fetchall()
    return [(name, int(size), comment) for name, size, comment in found]


def list_columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str, str]]:
    """Return name, type and comment of a table's columns, or raise an InputError with hints."""
    name = table.removeprefix("marts.")
    found = connection.execute(
        "select column_name, data_type, coalesce(comment, '') from duckdb_columns() "
        "where schema_name = 'marts' and table_name = ? order by column_index",
        [name],
    ).fetchall()
    if not found:
        raise InputError(f"there is no table {name!r}. {_suggest_tables(connection, name)}")
    return [(column, kind, comment) for column, kind, comment in found]


def find_examples() -> list[Example]:
    """Return the example queries for analysts, by name."""
    folder = get_project_root() / "dbt_project" / "analyses"
    return [_read_example(path) for path in sorted(folder.glob("*.sql"))]


def get_example(name: str) -> Example:
    """Return one example query, or raise an InputError that lists similar ones."""
    examples = {example.name: example for example in find_examples()}
    if name not in examples:
        similar = get_close_matches(name, examples, n=3, cutoff=0.4) or sorted(examples)
        raise InputError(f"there is no example {name!r}; there are: {', '.join(similar)}")
    return examples[name]


def _find_snapshot(settings: Settings, snapshot_id: str | None) -> Path:
    published = get_paths(settings).published
    if snapshot_id is None:
        path = published / "current.duckdb"
        if not path.exists():
            raise WarehouseError(
                f"nothing is published yet: {path} is missing. Run `stillwatch run --date D`, or "
                "set STILLWATCH_HOME to the folder that holds published/"
            )
        return path
    path = published / "snapshots" / f"{snapshot_id}.duckdb"
    if not _SNAPSHOT_ID.fullmatch(snapshot_id) or not path.exists():
        kept = sorted(file.stem for file in (published / "snapshots").glob("*.duckdb"))
        raise InputError(
            f"snapshot {snapshot_id!r} is not kept; there are: {', '.join(kept) or 'none'}"
        )
    return path


def _read_statement(sql: str) -> duckdb.Statement:
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise InputError(f"this is not SQL that can be read: {_shorten(error)}") from error
    if len(statements) != 1:
        raise InputError(f"{len(statements)} statements were given: give one at a time")
    statement = statements[0]
    if statement.type.name not in _READING:
        raise InputError(
            f"a {statement.type.name} statement is not allowed: the published warehouse can only "
            "be read (select, with, from, describe, show, summarize, explain)"
        )
    return statement


def _explain(connection: duckdb.DuckDBPyConnection, error: duckdb.Error) -> str:
    if found := _MISSING_TABLE.search(str(error)):
        name = found.group(1)
        return f"there is no table {name!r}. {_suggest_tables(connection, name)}"
    if isinstance(error, duckdb.OutOfMemoryException):
        return (
            "the query needs more memory than STILLWATCH_WAREHOUSE_MEMORY allows: "
            "filter or aggregate more, or raise it"
        )
    return _shorten(error)


def _suggest_tables(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    tables = [table for table, _, _ in list_tables(connection)]
    wanted = name.rsplit(".", 1)[-1].lower()
    similar = [table for table in tables if wanted in table or wanted.rstrip("s") in table]
    similar = similar or get_close_matches(wanted, tables, n=3, cutoff=0.4)
    if similar:
        return f"Similar: {', '.join(f'marts.{table}' for table in similar[:4])}"
    return f"There are: {', '.join(tables)}"


def _shorten(error: Exception) -> str:
    lines: Sequence[str] = [line.rstrip() for line in str(error).splitlines() if line.strip()]
    return "\n".join(lines[:6])


def _read_example(path: Path) -> Example:
    sql = path.read_text(encoding="utf-8")
    comment = [line[2:].strip() for line in sql.splitlines() if line.startswith("--")]
    return Example(path.stem, comment[0].removeprefix("Question:").strip(), sql)
