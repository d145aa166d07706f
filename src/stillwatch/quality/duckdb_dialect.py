"""A SQLAlchemy dialect through which Great Expectations reads a DuckDB connection of ours.

Great Expectations closes its connection before it reads the rows of a result, and DuckDB drops
the rows then. Here every result is read at once, and a "connection" is a cursor of a database
that this process already holds, so that no second instance of the file is opened.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
from duckdb_engine import ConnectionWrapper
from duckdb_engine import Dialect as DuckDBDialect
from sqlalchemy import text
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg2 import PGExecutionContext_psycopg2
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlalchemy.types import NullType

_shared: dict[str, duckdb.DuckDBPyConnection] = {}


class _BufferedExecutionContext(PGExecutionContext_psycopg2):
    def post_exec(self) -> None:
        super().post_exec()  # type: ignore[no-untyped-call]
        if self.cursor.description and not self.isinsert:
            self.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(
                self.cursor, self.cursor.description, self.cursor.fetchall()
            )


class BufferedDialect(DuckDBDialect):  # type: ignore[misc]
    """`duckdb+buffered:///<name>`: cursors of the connection shared under that name."""

    driver = "buffered"
    execution_ctx_cls = _BufferedExecutionContext
    supports_statement_cache = False

    def connect(self, *cargs: Any, **cparams: Any) -> Any:
        """Return a new cursor of the shared connection, in the shape that SQLAlchemy expects."""
        name = cargs[0] if cargs else cparams["database"]
        return ConnectionWrapper(_shared[name].cursor())

    def get_columns(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[dict[str, Any]]:
        """Return the columns of a relation from DuckDB's own catalog.

        The inherited way joins PostgreSQL's catalog tables, which takes longer than a suite. Types
        are left open: no expectation that we allow looks at them.
        """
        found = connection.execute(
            text(
                "select column_name from duckdb_columns() "
                "where table_name = :name and schema_name = :schema order by column_index"
            ),
            {"name": table_name, "schema": schema or "main"},
        )
        return [
            {"name": name, "type": NullType(), "nullable": True, "default": None}
            for (name,) in found
        ]


registry.register("duckdb.buffered", __name__, "BufferedDialect")


@contextmanager
def shared(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Yield a connection URL under which SQLAlchemy reads `connection` while the block runs."""
    name = f"gate_{secrets.token_hex(6)}"
    _shared[name] = connection
    try:
        yield f"duckdb+buffered:///{name}"
    finally:
        del _shared[name]
