"""What changed in the reference tables from one state to the next, by digests of their rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from stillwatch.policy.schemas import ReferenceTable

_NAMED_ROWS = 100  # of each kind that a record names; all are counted

Row = Mapping[str, Any]


@dataclass(frozen=True)
class TableChanges:
    """Rows by what became of them since the previous state."""

    added: tuple[Row, ...]
    removed: tuple[Row, ...]
    changed: tuple[tuple[Row, Row], ...]  # before, after: the same key with other content

    @property
    def count(self) -> int:
        """How many rows are not as they were."""
        return len(self.added) + len(self.removed) + len(self.changed)


def hash_row(row: Row) -> str:
    """Return the digest of a row's content, whatever the order of its columns."""
    return hashlib.sha256(_write(row).encode()).hexdigest()


def compare_rows(
    table: ReferenceTable, before: Iterable[Row], after: Iterable[Row]
) -> TableChanges:
    """Return what changed between two states of a table; the order of rows does not matter."""
    old = {get_key(table, row): row for row in before}
    new = {get_key(table, row): row for row in after}
    return TableChanges(
        added=tuple(new[key] for key in sorted(set(new) - set(old))),
        removed=tuple(old[key] for key in sorted(set(old) - set(new))),
        changed=tuple(
            (old[key], new[key])
            for key in sorted(set(old) & set(new))
            if hash_row(old[key]) != hash_row(new[key])
        ),
    )


def describe_changes(table: ReferenceTable, changes: TableChanges) -> dict[str, Any]:
    """Return the changes as a ledger record: counts of all, keys and digests of the first rows."""
    return {
        "added_count": len(changes.added),
        "removed_count": len(changes.removed),
        "changed_count": len(changes.changed),
        "added": [_name(table, row) for row in changes.added[:_NAMED_ROWS]],
        "removed": [_name(table, row) for row in changes.removed[:_NAMED_ROWS]],
        "changed": [
            {
                **_name(table, after),
                "sha256_before": hash_row(before),
                "columns": sorted(name for name in after if before.get(name) != after[name]),
            }
            for before, after in changes.changed[:_NAMED_ROWS]
        ],
    }


def find_lost(
    table: ReferenceTable, seen: Mapping[str, Row], present: Sequence[Row]
) -> list[dict[str, Any]]:
    """Return the rows of an append-only table that were seen once and are no longer there.

    A row whose key is there with another content was edited, any other has vanished.
    """
    there = {hash_row(row) for row in present}
    keys = {get_key(table, row) for row in present}
    return [
        {
            **_name(table, row),
            "kind": "edited" if get_key(table, row) in keys else "vanished",
        }
        for digest, row in sorted(seen.items(), key=lambda item: get_key(table, item[1]))
        if digest not in there
    ]


def to_plain(row: Row) -> dict[str, Any]:
    """Return a row with its instants as text, as JSON can hold them."""
    return {name: _plain(value) for name, value in row.items()}


def _name(table: ReferenceTable, row: Row) -> dict[str, Any]:
    return {
        "key": {column: _plain(row[column]) for column in table.key},
        "sha256": hash_row(row),
    }


def get_key(table: ReferenceTable, row: Row) -> tuple[str, ...]:
    """Return a row's key as text; two rows of one key say something about the same thing."""
    return tuple("" if row[column] is None else str(_plain(row[column])) for column in table.key)


def _write(row: Row) -> str:
    return json.dumps(to_plain(row), sort_keys=True, ensure_ascii=False)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime | date) else value
