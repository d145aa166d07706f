"""Loads the reference tables of a day: CSV kept by people in, checked Parquet out.

A wrong row is refused and counted, the others are used. A file that is no table at all stops the
day: running without an exemption list would accuse the exempted.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import InputError
from stillwatch.landing.storage import get_landing
from stillwatch.log import get_logger
from stillwatch.policy.rows import RowRefusedError, parse_row
from stillwatch.policy.schemas import TABLES, ReferenceTable
from stillwatch.runs import end_of_day, get_paths, replacing, write_json
from stillwatch.settings import Settings

_LOG = get_logger(__name__)

_MAX_BYTES = 64 * 1024 * 1024
_NAMED_ROWS = 100  # refused rows that the ledger names; all are counted


@dataclass(frozen=True)
class TableResult:
    """What came of one reference table: rows read = used + refused."""

    name: str
    state: str  # loaded | absent
    sha256: str | None
    read_count: int
    used_count: int
    refused_count: int
    refused_by_reason: dict[str, int]
    refused_rows: tuple[tuple[int, str, str], ...]  # line, reason, column
    unknown_columns: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the table's record in the ledger."""
        return {
            "state": self.state,
            "sha256": self.sha256,
            "read_count": self.read_count,
            "used_count": self.used_count,
            "refused_count": self.refused_count,
            "refused_by_reason": self.refused_by_reason,
            "refused_rows": [
                {"line_number": line, "reason": reason, "column": column}
                for line, reason, column in self.refused_rows
            ],
            "unknown_columns": list(self.unknown_columns),
        }


@dataclass(frozen=True)
class ReferenceResult:
    """What came of all reference tables of a day."""

    run_date: date
    tables: tuple[TableResult, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the ledger's record."""
        return {
            "run_date": self.run_date.isoformat(),
            "tables": {table.name: table.to_json() for table in self.tables},
        }


def load_reference(settings: Settings, day: date) -> ReferenceResult:
    """Write the checked reference tables of `day` and their ledger record.

    A table without a file is written empty. Decisions count from the day on which they were made:
    later ones are left out, so that a past day runs as it ran then.
    """
    filesystem, root = get_landing(settings).filesystem
    folder = get_paths(settings).reference / f"dt={day.isoformat()}"
    results = []
    for table in TABLES:
        location = f"{root.rstrip('/')}/reference/{table.file_name}"
        content = _read(filesystem, location)
        rows, result = _parse_table(table, location, content, end_of_day(day))
        with replacing(folder / f"{table.name}.parquet") as temporary:
            pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), temporary)
        log = _LOG.warning if result.refused_count else _LOG.info
        log(
            "reference %s on %s: %s, %d rows read, %d used, refused %s",
            *(table.name, day, result.state, result.read_count, result.used_count),
            result.refused_by_reason,
        )
        results.append(result)
    outcome = ReferenceResult(day, tuple(results))
    ledger = get_paths(settings).ledger / "reference" / f"dt={day.isoformat()}.json"
    write_json(ledger, outcome.to_json())
    return outcome


def _read(filesystem: Any, location: str) -> bytes | None:
    try:
        content: bytes = filesystem.cat_file(location)
    except FileNotFoundError:
        return None
    if len(content) > _MAX_BYTES:
        raise InputError(f"{location} has {len(content)} bytes, more than {_MAX_BYTES}")
    return content


def _parse_table(
    table: ReferenceTable, location: str, content: bytes | None, day_end: datetime
) -> tuple[list[dict[str, Any]], TableResult]:
    if content is None:
        return [], TableResult(table.name, "absent", None, 0, 0, 0, {}, (), ())
    header, lines = _split(location, content)
    _check_header(table, location, header)
    rows: list[dict[str, Any]] = []
    refused: Counter[str] = Counter()
    refused_rows: list[tuple[int, str, str]] = []
    seen: dict[tuple[Any, ...], dict[str, Any]] = {}
    for line_number, cells in lines:
        try:
            row = _check_row(table, header, cells, day_end)
            _check_new(table, row, seen)
        except RowRefusedError as error:
            refused[error.reason] += 1
            refused_rows.append((line_number, error.reason, error.column))
            continue
        seen[_get_key(table, row)] = row
        rows.append(row)
    known = set(table.schema.names)
    result = TableResult(
        name=table.name,
        state="loaded",
        sha256=hashlib.sha256(content).hexdigest(),
        read_count=len(rows) + refused.total(),
        used_count=len(rows),
        refused_count=refused.total(),
        refused_by_reason=dict(sorted(refused.items())),
        refused_rows=tuple(refused_rows[:_NAMED_ROWS]),
        unknown_columns=tuple(sorted(name for name in header if name not in known)),
    )
    return rows, result


def _split(location: str, content: bytes) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        text = content.decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except UnicodeDecodeError as error:
        raise InputError(
            f"{location} is not UTF-8 (byte {error.start}): save it as UTF-8"
        ) from error
    except csv.Error as error:
        raise InputError(f"{location}, line {reader.line_num}: not CSV: {error}") from error
    if not rows:
        raise InputError(f"{location} is empty: give it its header line, or remove it")
    return [cell.strip() for cell in rows[0][1]], rows[1:]


def _check_header(table: ReferenceTable, location: str, header: list[str]) -> None:
    doubled = sorted({name for name in header if name and header.count(name) > 1})
    if doubled:
        raise InputError(f"{location}: the column {doubled[0]!r} is there more than once")
    missing = [
        field.name
        for field in table.schema
        if field.name not in header and not field.nullable and not pa.types.is_list(field.type)
    ]
    if missing:
        raise InputError(
            f"{location}: the column {missing[0]!r} is missing; the header must name "
            + ", ".join(table.schema.names)
        )


def _check_row(
    table: ReferenceTable, header: list[str], cells: list[str], day_end: datetime
) -> dict[str, Any]:
    if len(cells) != len(header):
        raise RowRefusedError("wrong_column_count", "row")
    row = parse_row(table, dict(zip(header, cells, strict=True)))
    decided_at = row.get("decided_at")
    if decided_at is not None and decided_at >= day_end:
        raise RowRefusedError("not_yet_decided", "decided_at")
    return row


def _check_new(
    table: ReferenceTable, row: dict[str, Any], seen: dict[tuple[Any, ...], dict[str, Any]]
) -> None:
    held = seen.get(_get_key(table, row))
    if held is not None:
        reason = "duplicate" if held == row else "contradiction"
        raise RowRefusedError(reason, table.key[0])


def _get_key(table: ReferenceTable, row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column] for column in table.key)
