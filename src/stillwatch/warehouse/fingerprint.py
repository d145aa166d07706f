"""Fingerprints of tables: equal for equal content, whatever the order of their rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256

import duckdb

# Of a snapshot, these say nothing about what was found, or change after it is published.
NOT_CONTENT = frozenset({"fct_reports", "snapshot_info"})


def fingerprint_tables(
    connection: duckdb.DuckDBPyConnection, schema: str, tables: Iterable[str]
) -> dict[str, str]:
    """Return the fingerprint of each table by name; `schema` may name the catalog too.

    Every row becomes one MD5 of its values with their lengths, so that no two different rows
    read the same; one half of it is summed and the other combined by exclusive or, with the
    number of rows. Column names and types count, so a changed shape changes the fingerprint.
    """
    return {name: _fingerprint_table(connection, schema, name) for name in tables}


def combine_fingerprints(fingerprints: Mapping[str, str]) -> str:
    """Return one hexadecimal SHA-256 over the named fingerprints, in the order of their names.

    >>> combine_fingerprints({"b": "1", "a": "2"}) == combine_fingerprints({"a": "2", "b": "1"})
    True
    """
    text = "".join(f"{name}={fingerprints[name]}\n" for name in sorted(fingerprints))
    return sha256(text.encode()).hexdigest()


def _fingerprint_table(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> str:
    columns = sorted(
        (str(name), str(kind))
        for name, kind, *_ in connection.execute(f'describe {schema}."{table}"').fetchall()
    )
    values = ", ".join(_spell(name, kind) for name, kind in columns)
    count, total, mixed = connection.execute(
        f"""
        select count(*), coalesce(sum(md5_number_lower(line)), 0), bit_xor(md5_number_upper(line))
        from (select concat({values}) as line from {schema}."{table}")
        """
    ).fetchall()[0]
    return sha256(f"{columns}|{count}|{total}|{mixed}".encode()).hexdigest()


def _spell(name: str, kind: str) -> str:
    column = '"' + name.replace('"', '""') + '"'
    if kind == "TIMESTAMP WITH TIME ZONE":
        column = f"epoch_us({column})"  # as text it would depend on the session's time zone
    return f"coalesce(strlen({column}::varchar) || ':' || {column}::varchar, '-')"
