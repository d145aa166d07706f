"""Writes a parsed version as Parquet, in the canonical schemas, the same bytes every time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.canonical import INDICATORS, LISTED_PARTIES, RANGES
from stillwatch.feeds.landed import LandedVersion
from stillwatch.feeds.matching import make_match_value
from stillwatch.feeds.parsed import Indicator, ParsedFeed
from stillwatch.feeds.ranges import Range, flatten_ranges, make_range_table
from stillwatch.feeds.registry import (
    NO_LICENCE,
    Feed,
    FeedKind,
    Marking,
    get_narrowest_use,
    get_strictest,
)
from stillwatch.keyed import Keyer

INDICATORS_FILE = "indicators.parquet"
RANGES_FILE = "ranges.parquet"
LISTED_PARTIES_FILE = "listed_parties.parquet"


@dataclass(frozen=True)
class History:
    """What earlier good versions of the feed said, by indicator key."""

    first_seen_at: Mapping[str, datetime]
    valid_from: Mapping[str, datetime]  # of the version just before: an unbroken listing


def read_history(folders: list[Path]) -> History:
    """Return the history from the folders of the earlier good versions, oldest first."""
    first_seen: dict[str, datetime] = {}
    valid_from: dict[str, datetime] = {}
    for folder in folders:
        columns = ["indicator_key", "known_at", "valid_from"]
        table = pq.read_table(folder / INDICATORS_FILE, columns=columns)
        keys = table["indicator_key"].to_pylist()
        if not keys:
            continue
        known_at = table["known_at"][0].as_py()
        for key in keys:
            first_seen.setdefault(key, known_at)
        if folder == folders[-1]:
            valid_from = dict(zip(keys, table["valid_from"].to_pylist(), strict=True))
    return History(first_seen, valid_from)


def list_ranges(feed: Feed, parsed: ParsedFeed, known_at: datetime, keyer: Keyer) -> list[Range]:
    """Return the disjoint address ranges of a feed's indicators, each with its indicator's key.

    Where indicators overlap, the one that is valid longest wins, so that one that ends early or
    begins late (after `known_at`) hides no valid one; of equals the most specific wins.
    """
    ranges, ranks = [], {}
    expiry = known_at + feed.ttl
    for item in parsed.indicators.values():
        if item.start is None or item.end is None:
            continue
        key = _make_key(keyer, feed, item)
        ranges.append((item.start, item.end, key))
        is_late = item.valid_from is not None and item.valid_from > known_at
        ranks[key] = math.inf if is_late else -(item.valid_until or expiry).timestamp()
    return flatten_ranges(ranges, ranks)


def write_tables(
    folder: Path,
    feed: Feed,
    version: LandedVersion,
    parsed: ParsedFeed,
    ranges: list[Range],
    history: History,
    keyer: Keyer,
) -> None:
    """Write `indicators.parquet` and `ranges.parquet` of one version into a folder.

    A list of parties adds `listed_parties.parquet`; its other two files have no rows.
    """
    indicators = _make_indicator_table(feed, version, parsed, history, keyer)
    if parsed.lookup is not None:
        kind = "asn" if feed.kind is FeedKind.IP2ASN else "country"
        range_table = _make_lookup_table(feed.id, kind, parsed.lookup)
    else:
        labels = [feed.labels[0]] * len(ranges)
        range_table = make_range_table(feed.id, "indicator", ranges, labels, keyed=True)
    for name, table in ((INDICATORS_FILE, indicators), (RANGES_FILE, range_table)):
        pq.write_table(table, folder / name, compression="zstd")
    if feed.kind.is_party_list:
        parties = _make_party_table(feed, version, parsed)
        pq.write_table(parties, folder / LISTED_PARTIES_FILE, compression="zstd")


def read_spans(folder: Path) -> list[Range]:
    """Return the ranges of a written version as numbers, with their indicator keys."""
    table = pq.read_table(folder / RANGES_FILE, columns=["start_hex", "end_hex", "indicator_key"])
    columns = [table[name].to_pylist() for name in table.column_names]
    return [(int(a, 16), int(b, 16), key or "") for a, b, key in zip(*columns, strict=True)]


def _make_key(keyer: Keyer, feed: Feed, item: Indicator) -> str:
    return keyer.token("indicator", feed.id, item.type, item.value)


def _make_indicator_table(
    feed: Feed, version: LandedVersion, parsed: ParsedFeed, history: History, keyer: Keyer
) -> pa.Table:
    known_at = version.known_at
    items = [item for _, item in sorted(parsed.indicators.items())]
    keys = [_make_key(keyer, feed, item) for item in items]
    expiry = known_at + feed.ttl
    columns: dict[str, list[Any]] = {
        "indicator_key": keys,
        "indicator_type": [item.type for item in items],
        "value": [item.value for item in items],
        "match_value": [make_match_value(keyer, item) for item in items],
        "labels": [list(item.labels or feed.labels) for item in items],
        "confidence": [
            feed.confidence if item.confidence is None else item.confidence for item in items
        ],
        "valid_from": [
            item.valid_from or history.valid_from.get(key, known_at)
            for key, item in zip(keys, items, strict=True)
        ],
        "valid_until": [item.valid_until or expiry for item in items],
        "source_reliability": [
            item.source_reliability or feed.source_reliability for item in items
        ],
        "information_credibility": [
            str(item.information_credibility or feed.information_credibility) for item in items
        ],
        "marking": [str(_mark(feed, item)) for item in items],
        "permitted_use": [
            get_narrowest_use([feed.effective_use, item.permitted_use or feed.effective_use])
            for item in items
        ],
        "first_seen_at": [history.first_seen_at.get(key, known_at) for key in keys],
    }
    constants: dict[str, Any] = {
        "feed_id": feed.id,
        "licence": feed.licence or NO_LICENCE,
        "version": version.name,
        "known_at": known_at,
        "last_seen_at": known_at,
    }
    return pa.table(
        [
            pa.array(columns[field.name], field.type)
            if field.name in columns
            else pa.repeat(pa.scalar(constants[field.name], field.type), len(items))
            for field in INDICATORS
        ],
        schema=INDICATORS,
    )


def _make_party_table(feed: Feed, version: LandedVersion, parsed: ParsedFeed) -> pa.Table:
    rows = []
    for key, party in sorted(parsed.parties.items()):
        countries = list(party.address_countries)
        rows.append(
            {
                "party_key": key,
                "feed_id": feed.id,
                "list_code": party.list_code,
                "list_name": party.list_name,
                "entry_id": party.entry_id,
                "party_type": party.party_type,
                "name": party.name,
                "aliases": list(party.aliases),
                "weak_aliases": list(party.weak_aliases),
                "country": countries[0] if len(countries) == 1 else None,
                "address_countries": countries,
                "programmes": list(party.programmes),
                "federal_register_notice": party.federal_register_notice,
                "start_date": party.start_date,
                "end_date": party.end_date,
                "valid_from": _get_midnight(party.start_date),
                "valid_until": _get_midnight(party.end_date, timedelta(days=1)),
                "source_url": party.source_url,
                "marking": str(feed.marking),
                "permitted_use": feed.effective_use,
                "licence": feed.licence or NO_LICENCE,
                "version": version.name,
                "known_at": version.known_at,
            }
        )
    return pa.Table.from_pylist(rows, schema=LISTED_PARTIES)


def _get_midnight(day: date | None, later: timedelta = timedelta()) -> datetime | None:
    return None if day is None else datetime.combine(day + later, time(), tzinfo=UTC)


def _mark(feed: Feed, item: Indicator) -> Marking:
    return feed.marking if item.marking is None else get_strictest([feed.marking, item.marking])


def _make_lookup_table(feed_id: str, kind: str, lookup: pa.Table) -> pa.Table:
    count = lookup.num_rows
    columns = {
        "feed_id": pa.repeat(pa.scalar(feed_id, pa.string()), count),
        "range_kind": pa.repeat(pa.scalar(kind, pa.string()), count),
        "start_hex": lookup["start_hex"],
        "end_hex": lookup["end_hex"],
        "indicator_key": pa.nulls(count, pa.string()),
        "label": lookup["label"],
    }
    return pa.table([columns[name] for name in RANGES.names], schema=RANGES)
