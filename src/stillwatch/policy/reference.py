"""Loads the reference tables of a day: CSV kept by people in, checked Parquet out.

A wrong row is refused and counted, the others are used. A file that is no table at all stops the
day: running without an exemption list would accuse the exempted. Each load records what changed
since the day before, and which decisions have been lost: that table only ever grows.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import InputError
from stillwatch.keyed import Keyer
from stillwatch.landing.storage import get_landing
from stillwatch.log import get_logger
from stillwatch.policy.changes import (
    compare_rows,
    describe_changes,
    find_lost,
    get_key,
    hash_row,
    to_plain,
)
from stillwatch.policy.rows import RowRefusedError, key_row, parse_instant, parse_row
from stillwatch.policy.schemas import DECISIONS, TABLES, ReferenceTable
from stillwatch.runs import (
    Paths,
    end_of_day,
    exclusive,
    get_paths,
    read_json,
    replacing,
    write_json,
)
from stillwatch.settings import Settings, get_deployment_key

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
    lost_decisions: tuple[dict[str, Any], ...]  # seen once, no longer in the file
    unknown_ids: tuple[str, ...]  # of the ownership table, without a row in entities

    def to_json(self) -> dict[str, Any]:
        """Return the ledger's record."""
        return {
            "run_date": self.run_date.isoformat(),
            "tables": {table.name: table.to_json() for table in self.tables},
            "lost_decisions": list(self.lost_decisions),
            "unknown_id_count": len(self.unknown_ids),
            "unknown_ids": list(self.unknown_ids[:_NAMED_ROWS]),
        }


def load_reference(settings: Settings, day: date) -> ReferenceResult:
    """Write the checked reference tables of `day` and their ledger record.

    A table without a file is written empty. Decisions count from the day on which they were made:
    later ones are left out, so that a past day runs as it ran then.
    """
    filesystem, root = get_landing(settings).filesystem
    paths = get_paths(settings)
    folder = paths.reference / f"dt={day.isoformat()}"
    keyer = Keyer(get_deployment_key(settings))
    results = []
    rows: dict[str, list[dict[str, Any]]] = {}
    for table in TABLES:
        location = f"{root.rstrip('/')}/reference/{table.file_name}"
        content = _read(filesystem, location)
        rows[table.name], result = parse_table(table, location, content, end_of_day(day), keyer)
        log = _LOG.warning if result.refused_count else _LOG.info
        log(
            "reference %s on %s: %s, %d rows read, %d used, refused %s",
            *(table.name, day, result.state, result.read_count, result.used_count),
            result.refused_by_reason,
        )
        results.append(result)
    with exclusive(paths, "reference"):
        _record_changes(paths, day, rows)
        lost = _keep_decisions(paths, day, rows[DECISIONS.name])
        for table in TABLES:
            with replacing(folder / f"{table.name}.parquet") as temporary:
                written = pa.Table.from_pylist(rows[table.name], schema=table.schema)
                pq.write_table(written, temporary)
    if lost:
        _LOG.warning("decisions on %s: %d rows have been lost since they were seen", day, len(lost))
    outcome = ReferenceResult(day, tuple(results), tuple(lost), tuple(find_unknown_ids(rows)))
    write_json(paths.ledger / "reference" / f"dt={day.isoformat()}.json", outcome.to_json())
    return outcome


def find_unknown_ids(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Return the ids of the ownership table that the entities table does not name."""
    known = {row["entity_id"] for row in rows["entities"]}
    named = {row[column] for row in rows["ownership"] for column in ("owner_id", "owned_id")}
    return sorted(named - known)


def _record_changes(
    paths: Paths, day: date, rows: Mapping[str, Sequence[Mapping[str, Any]]]
) -> None:
    """Write what changed since the newest earlier day that was loaded."""
    name = f"dt={day.isoformat()}"
    earlier = sorted(path for path in paths.reference.glob("dt=*") if path.name < name)
    tables = {}
    for table in TABLES:
        file = earlier[-1] / f"{table.name}.parquet" if earlier else None
        before = pq.read_table(file).to_pylist() if file is not None and file.exists() else []
        changes = compare_rows(table, before, rows[table.name])
        tables[table.name] = describe_changes(table, changes)
    record = {
        "run_date": day.isoformat(),
        "previous_date": earlier[-1].name.removeprefix("dt=") if earlier else None,
        "tables": tables,
    }
    write_json(paths.ledger / "reference_changes" / f"{name}.json", record)


def _keep_decisions(
    paths: Paths, day: date, rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Add the day's decisions to those ever seen, and return which of these are gone by its end.

    A row with the key of a seen one is an edit of it and is not taken up: the first one counts.
    """
    path = paths.ledger / "decisions_seen.json"
    seen: dict[str, Any] = read_json(path) if path.exists() else {}
    taken = {get_key(DECISIONS, row) for row in seen.values()}
    new = {hash_row(row): to_plain(row) for row in rows if get_key(DECISIONS, row) not in taken}
    if new:
        write_json(path, seen | new)
    made = {
        digest: row | {name: _parse_back(row[name]) for name in ("decided_at", "expires_at")}
        for digest, row in seen.items()
    }
    end = end_of_day(day)
    due = {digest: row for digest, row in made.items() if row["decided_at"] < end}
    return find_lost(DECISIONS, due, rows)


def _parse_back(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text, "decisions_seen.json")


def _read(filesystem: Any, location: str) -> bytes | None:
    try:
        content: bytes = filesystem.cat_file(location)
    except FileNotFoundError:
        return None
    if len(content) > _MAX_BYTES:
        raise InputError(f"{location} has {len(content)} bytes, more than {_MAX_BYTES}")
    return content


def parse_table(
    table: ReferenceTable, location: str, content: bytes | None, day_end: datetime, keyer: Keyer
) -> tuple[list[dict[str, Any]], TableResult]:
    """Return the usable rows of a table and what came of all; a file that is none is an error.

    A template's wording is not kept: its row holds the fingerprint that `keyer` makes of it.
    """
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
            row = key_row(table, _check_row(table, header, cells, day_end), keyer)
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
