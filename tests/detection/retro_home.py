"""A tiny home for retro-hunts: single exchanges, feed versions, and the ledger of each day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch import canonical
from stillwatch.feeds.addresses import V4_OFFSET, to_hex
from stillwatch.feeds.ranges import flatten_ranges, make_range_table
from stillwatch.runs import Paths, end_of_day, write_json
from stillwatch.settings import Settings
from stillwatch.transform.build import run_dbt
from stillwatch.warehouse.duckdb import load_day


@dataclass(frozen=True)
class Use:
    """One exchange of an account, and when it happened and was delivered."""

    account: str
    event_date: date
    delivered_date: date
    address: str
    ja4: str | None = None


@dataclass(frozen=True)
class Listed:
    """One indicator of a feed version; unless it says so, it holds for a month from then on."""

    value: str
    indicator_type: str = "ipv4_cidr"
    valid_from: datetime | None = None
    valid_until: datetime | None = None


def to_address_hex(address: str) -> str:
    parsed = ip_address(address)
    return to_hex(int(parsed) + (V4_OFFSET if parsed.version == 4 else 0))


def write_uses(paths: Paths, uses: Sequence[Use], email_domains: dict[str, str]) -> None:
    """Write canonical exchanges, and a registry snapshot per delivery day."""
    for day in sorted({use.delivered_date for use in uses}):
        rows = [_exchange(n, use) for n, use in enumerate(uses) if use.delivered_date == day]
        _write(paths, "exchanges", day, rows, canonical.EXCHANGES)
        accounts = [_account(key, domain, day) for key, domain in email_domains.items()]
        _write(paths, "accounts", day, accounts, canonical.ACCOUNTS)


def write_version(paths: Paths, feed_id: str, known_on: date, listed: Sequence[Listed]) -> str:
    """Write a good version that landed at six in the morning, and return its name."""
    known_at = datetime.combine(known_on, time(6), tzinfo=UTC)
    version = f"{known_at:%Y-%m-%dT%H%M%SZ}"
    rows = [_indicator(feed_id, item, known_at, version) for item in listed]
    ranges = flatten_ranges(
        (*_get_span(item.value), f"{feed_id}:{item.value}")
        for item in listed
        if item.indicator_type in ("ipv4_cidr", "ipv6_cidr")
    )
    folder = paths.feeds / feed_id / version
    folder.mkdir(parents=True)
    pq.write_table(
        pa.Table.from_pylist(rows, schema=canonical.INDICATORS), folder / "indicators.parquet"
    )
    table = make_range_table(feed_id, "indicator", ranges, [feed_id] * len(ranges), keyed=True)
    pq.write_table(table, folder / "ranges.parquet")
    return version


def write_feed_day(paths: Paths, day: date, versions: dict[str, str]) -> None:
    """Write the ledger of a day: the version of each feed that was in use."""
    for feed_id, version in versions.items():
        record = {
            "feed_id": feed_id,
            "version": version,
            "pulled_at": None,
            "refused_by_reason": {},
            "state": "current",
        }
        write_json(paths.ledger / "feeds" / f"dt={day}" / f"{feed_id}.json", record)


def build_hunts(settings: Settings, paths: Paths, day: date) -> None:
    """Build the hunts of a day and what they rest on, without the rest of the project."""
    load_day(settings, paths, day)
    result = run_dbt(
        settings,
        [
            *("run", "--select", "+fct_retro_hunts", "--fail-fast"),
            *("--vars", f'{{"run_date": "{day}"}}'),
        ],
    )
    assert result.success, [row.message for row in result.result.results if row.message]


def _get_span(network: str) -> tuple[int, int]:
    parsed = ip_network(network)
    start = int(parsed.network_address) + (V4_OFFSET if parsed.version == 4 else 0)
    return start, start + parsed.num_addresses - 1


def _indicator(feed_id: str, item: Listed, known_at: datetime, version: str) -> dict[str, Any]:
    return {
        "indicator_key": f"{feed_id}:{item.value}",
        "feed_id": feed_id,
        "indicator_type": item.indicator_type,
        "value": item.value,
        "match_value": None if "/" in item.value else item.value,
        "labels": [feed_id],
        "confidence": 50,
        "valid_from": item.valid_from or known_at,
        "valid_until": item.valid_until or known_at + timedelta(days=30),
        "source_reliability": "B",
        "information_credibility": "2",
        "marking": "TLP:GREEN",
        "permitted_use": "internal",
        "licence": "CC0-1.0",
        "version": version,
        "known_at": known_at,
        "first_seen_at": known_at,
        "last_seen_at": known_at,
    }


def _exchange(number: int, use: Use) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(canonical.EXCHANGES.names)
    row.update(
        exchange_key=f"e{number}",
        source_id="main",
        platform="main",
        exchange_id=f"e{number}",
        account_key=use.account,
        account_id=use.account,
        event_at=end_of_day(use.event_date) - timedelta(hours=12),
        event_date=use.event_date,
        event_hour=12,
        delivered_date=use.delivered_date,
        model="model-a",
        status="ok",
        client_ip=use.address,
        ip_hex=to_address_hex(use.address),
        ja4=use.ja4,
        has_text=False,
    )
    return row


def _account(key: str, domain: str, day: date) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(canonical.ACCOUNTS.names)
    row.update(
        account_key=key,
        account_id=key,
        source_id="main",
        platform="main",
        snapshot_date=day,
        created_at=datetime(2025, 1, 1, tzinfo=UTC),
        status="active",
        email_domain=domain,
    )
    return row


def _write(
    paths: Paths, name: str, day: date, rows: list[dict[str, Any]], schema: pa.Schema
) -> None:
    file: Path = paths.canonical / name / f"dt={day}" / "source=main" / "part-0.parquet"
    file.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), file)
