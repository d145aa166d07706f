"""What other thresholds or weights would do to stored days, before anybody adopts them.

The build database is copied; the days are built again in the copy with the proposed vars, compared
with what is stored, and the copy is removed. The warehouse and what is published are not opened.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stillwatch.errors import InputError, WarehouseError
from stillwatch.log import get_logger
from stillwatch.runs import Paths, days_between, exclusive, get_paths, write_json
from stillwatch.settings import Settings
from stillwatch.transform.build import LAYERS, build_models, run_dbt
from stillwatch.transform.comparison import (
    AccountCounts,
    Change,
    DayComparison,
    DayState,
    GroupCounts,
    compare_states,
    read_standing,
    read_state,
)
from stillwatch.transform.variables import Value, Variable, find_layers, read_variables
from stillwatch.warehouse.duckdb import load_day, open_build

_LOG = get_logger(__name__)


@dataclass(frozen=True)
class ProposalOrder:
    """What is proposed, by whom and why; days None are the newest processed one."""

    changes: Mapping[str, Value]
    first: date | None
    last: date | None
    asked_by: str
    reason: str | None


@dataclass(frozen=True)
class ProposedValue:
    """A var as it is and as it would be, with the comment that tells its origin."""

    name: str
    stored: Value
    proposed: Value
    origin: str


@dataclass(frozen=True)
class DayCounts:
    """The figures of one day, without the accounts; groups are None where they are not kept."""

    day: str
    stored_groups: GroupCounts | None
    proposed_groups: GroupCounts | None
    appearing_count: int
    vanishing_count: int
    changing_count: int
    unchanged_count: int
    stored_accounts: AccountCounts
    proposed_accounts: AccountCounts
    entering: AccountCounts
    leaving: AccountCounts


@dataclass(frozen=True)
class ProposalRecord:
    """The record of a preview in the ledger, which an adoption can cite."""

    proposal_id: str
    asked_at: str
    asked_by: str
    reason: str | None
    values: tuple[ProposedValue, ...]
    layers: tuple[str, ...]
    days: tuple[DayCounts, ...]


def propose(
    settings: Settings, order: ProposalOrder, asked_at: datetime
) -> tuple[tuple[DayComparison, ...], ProposalRecord]:
    """Build the ordered days with the proposed vars in a copy, and record what would differ.

    `order.changes` come from `parse_changes`. A build that fails with them is a WarehouseError.
    """
    paths = get_paths(settings)
    known = read_variables()
    paths.cache.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="proposal-", dir=paths.cache) as folder:
        preview = replace(paths, preview=Path(folder))
        _copy_build(paths, preview)
        days, newest, stored = _read_stored(settings, preview, order)
        uses_behaviour = _uses_behaviour(settings, preview, order.changes)
        layers = LAYERS[:2] if uses_behaviour or days != [newest] else LAYERS[1:2]
        comparisons = tuple(
            _compare_day(settings, preview, day, layers, order.changes, stored[day]) for day in days
        )
    record = ProposalRecord(
        proposal_id=f"proposal-{asked_at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}",
        asked_at=asked_at.isoformat(),
        asked_by=order.asked_by,
        reason=order.reason,
        values=tuple(_describe(known[name], value) for name, value in order.changes.items()),
        layers=layers,
        days=tuple(_count(comparison) for comparison in comparisons),
    )
    write_json(paths.ledger / "proposals" / f"{record.proposal_id}.json", asdict(record))
    _LOG.info("%s: %d days compared", record.proposal_id, len(comparisons))
    return comparisons, record


def _copy_build(paths: Paths, preview: Paths) -> None:
    """Copy the database and its write-ahead log while no build is writing them."""
    if not paths.warehouse.exists():
        raise WarehouseError(f"{paths.warehouse} is missing: run `stillwatch run` for a day first")
    with exclusive(paths, "warehouse"):
        for suffix in ("", ".wal"):
            source = paths.warehouse.with_name(paths.warehouse.name + suffix)
            if source.exists():
                shutil.copyfile(source, preview.warehouse.with_name(source.name))


def _read_stored(
    settings: Settings, preview: Paths, order: ProposalOrder
) -> tuple[list[date], date, dict[date, DayState]]:
    """Return the ordered days, the newest processed one and what is stored of the ordered ones."""
    with open_build(settings, preview) as connection:
        rows = connection.execute(
            "select distinct as_of_date from marts.fct_account_scores order by 1"
        ).fetchall()
        processed = [day for (day,) in rows]
        if not processed:
            raise WarehouseError("no processed day is stored: run `stillwatch run` for a day first")
        newest: date = processed[-1]
        days = _choose_days(order, processed)
        states = {day: read_state(connection, day, has_groups=day == newest) for day in days}
    return days, newest, states


def _choose_days(order: ProposalOrder, processed: Sequence[date]) -> list[date]:
    first = order.first or order.last or processed[-1]
    days = days_between(first, order.last or first)
    missing = [day.isoformat() for day in days if day not in processed]
    if missing:
        raise InputError(
            f"no build of {', '.join(missing)} is stored (--date, --to): "
            f"there is {processed[0]} to {processed[-1]}"
        )
    return days


def _uses_behaviour(settings: Settings, preview: Paths, changes: Mapping[str, Value]) -> bool:
    layers = find_layers(run_dbt(settings, ["parse"], preview).result, changes)
    return any(LAYERS[0] in tags for tags in layers.values())


def _compare_day(
    settings: Settings,
    preview: Paths,
    day: date,
    layers: tuple[str, ...],
    changes: Mapping[str, Value],
    stored: DayState,
) -> DayComparison:
    load_day(settings, preview, day)
    build_models(settings, preview, day, layers, changes)
    with open_build(settings, preview) as connection:
        proposed = read_state(connection, day, has_groups=True)
        standing = read_standing(connection, stored.accounts | proposed.accounts)
    return compare_states(day, stored, proposed, standing)


def _describe(variable: Variable, value: Value) -> ProposedValue:
    return ProposedValue(variable.name, variable.value, value, variable.origin)


def _count(comparison: DayComparison) -> DayCounts:
    same: dict[str, Any] = {
        name: getattr(comparison, name)
        for name in (
            *("stored_groups", "proposed_groups", "stored_accounts", "proposed_accounts"),
            *("entering", "leaving"),
        )
    }
    return DayCounts(
        day=comparison.day.isoformat(),
        appearing_count=comparison.count_campaigns(Change.APPEARS),
        vanishing_count=comparison.count_campaigns(Change.VANISHES),
        changing_count=comparison.count_campaigns(Change.CHANGES),
        unchanged_count=comparison.count_campaigns(Change.SAME),
        **same,
    )
