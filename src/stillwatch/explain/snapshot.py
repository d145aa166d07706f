"""Rows of the published marts as dataclasses, and the day that an explanation is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from difflib import get_close_matches
from typing import Any, TypeVar

import duckdb

from stillwatch.errors import InputError, WarehouseError

_Row = TypeVar("_Row")
_SHOWN_NAMES = 12


def read_rows(
    connection: duckdb.DuckDBPyConnection, kind: type[_Row], sql: str, parameters: Sequence[Any]
) -> tuple[_Row, ...]:
    """Return the rows of `sql` as instances of the dataclass `kind`, columns matched by name."""
    try:
        cursor = connection.execute(sql, list(parameters))
    except duckdb.CatalogException as error:
        raise WarehouseError(
            f"the snapshot lacks what an explanation needs: {str(error).splitlines()[0]}. It was "
            "published by an older version: build, check and publish its newest day again"
        ) from error
    columns = [column[0] for column in cursor.description or ()]
    wanted = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    if columns != wanted:
        raise WarehouseError(f"{kind.__name__} wants columns {wanted}, the query gives {columns}")
    return tuple(kind(*row) for row in cursor.fetchall())


def read_snapshot_id(connection: duckdb.DuckDBPyConnection) -> str:
    """Return the id of the snapshot that is open."""
    row = connection.execute("select snapshot_id from marts.snapshot_info").fetchone()
    if row is None:
        raise WarehouseError("the snapshot has no row in marts.snapshot_info: publish it again")
    return str(row[0])


def choose_day(days: Sequence[date], as_of: date | None, subject: str) -> date:
    """Return `as_of` if it is among `days`, or the newest one; `subject` is named in errors."""
    if not days:
        raise InputError(f"{subject} has no row on any day of the snapshot")
    ordered = sorted(days)
    if as_of is None:
        return ordered[-1]
    if as_of not in ordered:
        raise InputError(
            f"{subject} has no row for {as_of}: the snapshot knows it on {len(ordered)} days, "
            f"{ordered[0]} to {ordered[-1]}"
        )
    return as_of


def describe_names(wanted: str, names: Sequence[str], what: str) -> str:
    """Return the part of an error that says which names exist, the most similar ones first.

    >>> describe_names("SW-1", ["SW-2"], "campaigns")
    'The snapshot has 1 campaigns: SW-2'
    """
    if not names:
        return f"The snapshot has no {what}"
    similar = get_close_matches(wanted, names, n=3, cutoff=0.6)
    listed = [*similar, *(name for name in names if name not in similar)]
    more = f", and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return f"The snapshot has {len(names):,} {what}: {', '.join(listed[:_SHOWN_NAMES])}{more}"
