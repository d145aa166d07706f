"""Descriptions of the dbt project, put beside the data as comments on tables and columns."""

from __future__ import annotations

from functools import lru_cache

import duckdb
import yaml

from stillwatch.project import get_project_root


def comment_tables(connection: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """Put the descriptions of the marts' contracts on the tables of `catalog` as comments."""
    present = {
        (table, column)
        for table, column in connection.execute(
            "select table_name, column_name from duckdb_columns() "
            "where database_name = ? and schema_name = 'marts'",
            [catalog],
        ).fetchall()
    }
    tables = {table for table, _ in present}
    for table, column, text in _read_descriptions():
        name = f'{catalog}.marts."{table}"'
        quoted = "'" + text.replace("'", "''") + "'"
        if column is None and table in tables:
            connection.execute(f"comment on table {name} is {quoted}")
        elif (table, column) in present:
            connection.execute(f'comment on column {name}."{column}" is {quoted}')


@lru_cache(maxsize=1)
def _read_descriptions() -> list[tuple[str, str | None, str]]:
    """Return table, column (None for the table itself) and description."""
    found: list[tuple[str, str | None, str]] = []
    folder = get_project_root() / "dbt_project" / "models" / "marts"
    for path in sorted(folder.rglob("*.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            found.append((model["name"], None, _unfold(model.get("description", ""))))
            for column in model.get("columns", []):
                text = _unfold(column.get("description", ""))
                found.append((model["name"], column["name"], text))
    return found


def _unfold(text: str) -> str:
    return " ".join(text.split())
