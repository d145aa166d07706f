"""A hunt on request: who used one indicator in the past, and the receipt of the search."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from stillwatch.errors import InputError, WarehouseError
from stillwatch.feeds.registry import Marking
from stillwatch.keyed import Keyer
from stillwatch.log import get_logger
from stillwatch.runs import get_paths, read_json, write_json
from stillwatch.settings import Settings, get_deployment_key
from stillwatch.warehouse.sought import Sought, read_sought
from stillwatch.warehouse.uses import find_uses, list_gaps

_LOG = get_logger(__name__)

# Values so marked are for the eyes of those who were told: a receipt holds their token only.
KEYED_MARKINGS = (Marking.AMBER_STRICT, Marking.RED)


@dataclass(frozen=True)
class HuntOrder:
    """What a person asks for, and who asks; dates are UTC days of activity, both included."""

    indicator: str
    indicator_type: str | None
    first: date | None
    last: date | None
    marking: Marking
    asked_by: str
    reason: str | None


@dataclass(frozen=True)
class HuntMatch:
    """Use by one account on one UTC day; instants are None where only counts are kept."""

    account_key: str
    activity_date: date
    identifier_type: str
    value_count: int
    exchange_count: int
    first_seen_at: datetime | None
    last_seen_at: datetime | None


@dataclass(frozen=True)
class HuntReceipt:
    """The record of one hunt, as it lies in the ledger; `value` is None where it is keyed."""

    receipt_id: str
    asked_at: str
    asked_by: str
    reason: str | None
    indicator_type: str
    value: str | None
    value_token: str
    marking: str
    identifier_types: tuple[str, ...]
    searched_from: str
    searched_until: str
    held_day_count: int
    missing_day_count: int
    missing_dates: tuple[str, ...]
    use_count: int
    match_count: int
    account_count: int
    exchange_count: int
    first_activity_date: str | None
    last_activity_date: str | None
    matches_sha256: str


def hunt(
    settings: Settings, order: HuntOrder, asked_at: datetime
) -> tuple[list[HuntMatch], HuntReceipt]:
    """Search the stored uses, write the receipt into the ledger and return both.

    The private build is not opened: a run may be going on. The same order over the same days
    finds the same rows, and its receipt carries their hash.
    """
    paths = get_paths(settings)
    keyer = Keyer(get_deployment_key(settings))
    sought = read_sought(order.indicator, order.indicator_type, keyer)
    is_keyed = order.marking in KEYED_MARKINGS
    if is_keyed and order.reason and sought.text.lower() in order.reason.lower():
        raise InputError(
            f"--reason names the indicator, which is {order.marking}: it would stand in the "
            "receipt in clear. Say it without the value"
        )
    files = find_uses(paths)
    if not files:
        raise WarehouseError(
            f"there is nothing to search below {paths.uses}: run `stillwatch build` for a day first"
        )
    with duckdb.connect(":memory:", config={"memory_limit": settings.warehouse_memory}) as memory:
        memory.execute("set timezone = 'UTC'")
        memory.execute(f"create view uses as select * from read_parquet([{_list_files(files)}])")
        held = [
            day for (day,) in memory.execute("select distinct activity_date from uses").fetchall()
        ]
        first, last = _choose_days(order, held)
        use_count = _count_uses(memory, sought, first, last)
        matches = _search(memory, sought, first, last)
    gaps = list(list_gaps(held, first, last))
    missing = sum((end - start).days + 1 for start, end in gaps)
    token = keyer.token("hunt", sought.indicator_type, sought.text)
    receipt = HuntReceipt(
        receipt_id=f"hunt-{asked_at:%Y%m%dT%H%M%SZ}-{token[:6]}{secrets.token_hex(2)}",
        asked_at=asked_at.isoformat(),
        asked_by=order.asked_by,
        reason=order.reason,
        indicator_type=sought.indicator_type,
        value=None if is_keyed else sought.text,
        value_token=token,
        marking=str(order.marking),
        identifier_types=sought.identifier_types,
        searched_from=first.isoformat(),
        searched_until=last.isoformat(),
        held_day_count=(last - first).days + 1 - missing,
        missing_day_count=missing,
        missing_dates=tuple(f"{start}/{end}" for start, end in gaps),
        use_count=use_count,
        match_count=len(matches),
        account_count=len({match.account_key for match in matches}),
        exchange_count=sum(match.exchange_count for match in matches),
        first_activity_date=_write_day(min((m.activity_date for m in matches), default=None)),
        last_activity_date=_write_day(max((m.activity_date for m in matches), default=None)),
        matches_sha256=_hash_matches(matches),
    )
    write_json(paths.ledger / "hunts" / f"{receipt.receipt_id}.json", asdict(receipt))
    _LOG.info("%s: %d matches", receipt.receipt_id, receipt.match_count)
    return matches, receipt


def read_receipts(settings: Settings) -> list[HuntReceipt]:
    """Return the receipts of all hunts, oldest first."""
    files = sorted((get_paths(settings).ledger / "hunts").glob("hunt-*.json"))
    return [_read_receipt(read_json(file)) for file in files]


def _read_receipt(record: dict[str, Any]) -> HuntReceipt:
    lists = {name: tuple(record[name]) for name in ("identifier_types", "missing_dates")}
    return HuntReceipt(**{**record, **lists})


def _choose_days(order: HuntOrder, held: list[date]) -> tuple[date, date]:
    first = order.first or min(held, default=None) or order.last
    last = order.last or max(held, default=None) or order.first
    if first is None or last is None:
        raise WarehouseError("the stored days hold no use at all: there is nothing to search")
    if last < first:
        raise InputError(f"the last day {last} is before the first day {first} (--from, --to)")
    return first, last


def _count_uses(memory: duckdb.DuckDBPyConnection, sought: Sought, first: date, last: date) -> int:
    row = memory.execute(
        "select count(*) from uses where list_contains(?, identifier_type) "
        "and activity_date between ? and ?",
        [list(sought.identifier_types), first, last],
    ).fetchone()
    return int(row[0]) if row else 0


def _search(
    memory: duckdb.DuckDBPyConnection, sought: Sought, first: date, last: date
) -> list[HuntMatch]:
    condition, parameters = _write_condition(sought)
    found = memory.execute(
        "select account_key, activity_date, identifier_type, count(distinct identifier_value), "
        "cast(sum(exchange_count) as bigint), min(first_seen_at), max(last_seen_at) "
        "from uses where list_contains(?, identifier_type) and activity_date between ? and ? "
        f"and {condition} group by all order by all",
        [list(sought.identifier_types), first, last, *parameters],
    ).fetchall()
    return [HuntMatch(*row) for row in found]


def _write_condition(sought: Sought) -> tuple[str, list[Any]]:
    if sought.start_hex is not None:
        return "identifier_value between ? and ?", [sought.start_hex, sought.end_hex]
    if sought.prefix is not None:
        return "starts_with(identifier_value, ?)", [sought.prefix]
    return "list_contains(?, identifier_value)", [list(sought.values)]


def _hash_matches(matches: list[HuntMatch]) -> str:
    rows = [[_write_cell(value) for value in asdict(match).values()] for match in matches]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _write_cell(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _write_day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _list_files(files: list[Path]) -> str:
    return ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
