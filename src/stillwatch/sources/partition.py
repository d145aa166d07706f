"""Canonical partitions on disk: written beside their place, then put there in one step."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.canonical import QUARANTINE
from stillwatch.runs import Paths, replacing

_ROW_GROUP_ROWS = 65_536


class PartitionWriter:
    """Writes the one Parquet file of a partition; it replaces the old one when the block ends.

    Rows are gathered into row groups of a fixed size, so the bytes depend on the rows alone and
    not on how they came in.
    """

    def __init__(self, path: Path, schema: Any) -> None:
        self._path = path
        self._schema = schema
        self._pending: list[Any] = []
        self._pending_rows = 0
        self.row_count = 0
        self.null_counts: dict[str, int] = dict.fromkeys(schema.names, 0)

    def __enter__(self) -> PartitionWriter:
        for orphan in self._path.parent.glob(f".{self._path.name}.*.tmp"):
            orphan.unlink()  # of a run that was killed: this run holds the source's lock
        self._stack = ExitStack()
        temporary = self._stack.enter_context(replacing(self._path))
        self._writer = self._stack.enter_context(
            pq.ParquetWriter(str(temporary), self._schema, compression="zstd", compression_level=1)
        )
        return self

    def write(self, table: Any) -> None:
        """Add rows."""
        if not table.num_rows:
            return
        for name, column in zip(table.column_names, table.columns, strict=True):
            self.null_counts[name] += column.null_count
        self.row_count += table.num_rows
        self._pending.append(table)
        self._pending_rows += table.num_rows
        while self._pending_rows >= _ROW_GROUP_ROWS:
            self._flush(_ROW_GROUP_ROWS)

    def list_absent(self) -> tuple[str, ...]:
        """Return the columns that are null in every row; none if there are no rows."""
        if not self.row_count:
            return ()
        return tuple(
            name for name in self._schema.names if self.null_counts[name] == self.row_count
        )

    def _flush(self, rows: int) -> None:
        table = pa.concat_tables(self._pending)
        self._writer.write_table(table.slice(0, rows).combine_chunks(), row_group_size=rows)
        rest = table.slice(rows)
        self._pending = [rest] if rest.num_rows else []
        self._pending_rows = rest.num_rows

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None and self._pending_rows:
            self._flush(self._pending_rows)
        self._stack.__exit__(kind, error, trace)


def account_file(paths: Paths, source_id: str, day: date) -> Path:
    """Return where the accounts of one snapshot lie."""
    return (
        paths.canonical
        / "accounts"
        / f"dt={day.isoformat()}"
        / f"source={source_id}"
        / "accounts.parquet"
    )


def write_quarantine(
    paths: Paths, kind: str, source_id: str, day: date, rows: Iterable[tuple[Any, ...]]
) -> None:
    """Replace the quarantine of one kind, source and day; an empty file means none.

    A row is (file name, sha256, line number, byte offset, reason, detail).
    """
    path = (
        paths.canonical
        / "quarantine"
        / f"dt={day.isoformat()}"
        / f"source={source_id}"
        / f"{kind}.parquet"
    )
    columns = list(zip(*((source_id, kind, day, *row) for row in rows), strict=True))
    arrays = [
        pa.array(values, field.type)
        for values, field in zip(columns or [()] * len(QUARANTINE.names), QUARANTINE, strict=True)
    ]
    with replacing(path) as temporary:
        pq.write_table(
            pa.Table.from_arrays(arrays, schema=QUARANTINE), str(temporary), compression="zstd"
        )
