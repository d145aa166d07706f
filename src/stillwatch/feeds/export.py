"""The indicators in use on a day, as rows, and as a STIX 2.1 bundle for others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid5

import pyarrow.parquet as pq

from stillwatch.errors import InputError
from stillwatch.feeds.handling import Selection
from stillwatch.feeds.markings import TLP2_IDS
from stillwatch.feeds.registry import Feed, Marking, find_feeds, get_narrowest_use, get_strictest
from stillwatch.feeds.tables import INDICATORS_FILE
from stillwatch.runs import get_paths, read_json
from stillwatch.settings import Settings

COLUMNS = (
    "indicator_type",
    "value",
    "labels",
    "confidence",
    "valid_from",
    "valid_until",
    "first_seen_at",
    "last_seen_at",
    "source_reliability",
    "information_credibility",
    "marking",
    "permitted_use",
    "licence",
    "feed_id",
)
_NAMESPACE = UUID("6f1c9c9e-6d0b-5f6e-9d0a-6b7f3a1d2c40")
_TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
_PATTERNS = {
    "ipv4_cidr": "[ipv4-addr:value = '{}']",
    "ipv6_cidr": "[ipv6-addr:value = '{}']",
    "domain": "[domain-name:value = '{}']",
    "email_domain": "[email-addr:value LIKE '%@{}']",
}


def read_indicators(settings: Settings, day: date) -> list[dict[str, Any]]:
    """Return the indicators of the feed versions in use on a day, under the terms of today.

    A feed whose entry became stricter after its version was parsed is handled by the stricter one;
    a feed that is no longer configured is for inside only.
    """
    paths = get_paths(settings)
    folder = paths.ledger / "feeds" / f"dt={day.isoformat()}"
    records = [read_json(file) for file in sorted(folder.glob("*.json"))]
    if not records:
        raise InputError(
            f"no feed is recorded for {day} in {folder}: run `stillwatch feeds --date {day}` first"
        )
    feeds = {feed.id: feed for feed in find_feeds(settings)}
    rows = []
    for record in records:
        if record["version"] is None:
            continue
        file = paths.feeds / record["feed_id"] / record["version"] / INDICATORS_FILE
        feed = feeds.get(record["feed_id"])
        rows += [_apply_terms(row, feed) for row in pq.read_table(file).to_pylist()]
    return rows


def _apply_terms(row: dict[str, Any], feed: Feed | None) -> dict[str, Any]:
    if feed is None:
        return row | {"permitted_use": "internal", "has_ttl": True}
    return row | {
        "permitted_use": get_narrowest_use([row["permitted_use"], feed.effective_use]),
        "marking": str(get_strictest([Marking(row["marking"]), feed.marking])),
        "licence": feed.licence or row["licence"],
        "has_ttl": feed.ttl_days is not None,
    }


def list_cells(rows: Iterable[Mapping[str, Any]]) -> list[list[Any]]:
    """Return rows as cells in the order of COLUMNS; labels are joined by `;`."""
    return [
        [";".join(row[name]) if name == "labels" else row[name] for name in COLUMNS] for row in rows
    ]


def write_bundle(selection: Selection) -> str:
    """Return a STIX 2.1 bundle: every indicator under its own marking, a grouping under theirs all.

    The same selection gives the same bytes: ids are derived from the indicators.
    """
    indicators = [_make_indicator(row) for row in selection.rows]
    used = {Marking(row["marking"]) for row in selection.rows} | {selection.marking}
    objects = [_make_marking(marking) for marking in Marking if marking in used]
    objects += indicators
    if indicators:
        objects.append(_make_grouping(selection, indicators))
    name = uuid5(_NAMESPACE, json.dumps([item["id"] for item in objects]))
    bundle = {"type": "bundle", "id": f"bundle--{name}", "objects": objects}
    return json.dumps(bundle, ensure_ascii=False, indent=1) + "\n"


def write_pattern(kind: str, value: str) -> str:
    """Return the STIX pattern of an indicator, as `stix21` reads it.

    >>> write_pattern("ipv4_cidr", "45.83.64.7/32")
    "[ipv4-addr:value = '45.83.64.7']"
    """
    if kind == "asn":
        return f"[autonomous-system:number = {int(value)}]"
    if kind in ("ipv4_cidr", "ipv6_cidr"):
        value = value.removesuffix("/32" if kind == "ipv4_cidr" else "/128")
    text = value.replace("\\", "\\\\").replace("'", "\\'")
    return _PATTERNS.get(kind, f"[x-stillwatch:{kind} = '{{}}']").replace("{}", text)


def _make_indicator(row: Mapping[str, Any]) -> dict[str, Any]:
    known_at = _write_instant(row["known_at"])
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--{uuid5(_NAMESPACE, row['indicator_key'])}",
        "created": _write_instant(row["first_seen_at"]),
        "modified": known_at,
        "name": f"{row['indicator_type']} {row['value'][:200]}",
        "pattern": write_pattern(row["indicator_type"], row["value"]),
        "pattern_type": "stix",
        "valid_from": _write_instant(row["valid_from"]),
        "valid_until": _write_instant(row["valid_until"]),
        "confidence": row["confidence"],
        "labels": list(row["labels"]),
        "object_marking_refs": [TLP2_IDS[Marking(row["marking"])]],
        "external_references": [
            {"source_name": row["feed_id"], "description": f"Licence: {row['licence']}"}
        ],
        "x_stillwatch_permitted_use": row["permitted_use"],
        "x_stillwatch_admiralty_grade": (
            f"{row['source_reliability']}{row['information_credibility']}"
        ),
    }


def _make_grouping(selection: Selection, indicators: list[dict[str, Any]]) -> dict[str, Any]:
    references = [item["id"] for item in indicators]
    modified = max(item["modified"] for item in indicators)
    return {
        "type": "grouping",
        "spec_version": "2.1",
        "id": f"grouping--{uuid5(_NAMESPACE, json.dumps([str(selection.marking), *references]))}",
        "created": modified,
        "modified": modified,
        "name": f"Indicators, {selection.marking}",
        "context": "suspicious-activity",
        "object_refs": references,
        "object_marking_refs": [TLP2_IDS[selection.marking]],
    }


def _make_marking(marking: Marking) -> dict[str, Any]:
    level = str(marking).removeprefix("TLP:").lower()
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": TLP2_IDS[marking],
        "created": "2022-10-01T00:00:00.000Z",
        "name": str(marking),
        "extensions": {_TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": level}},
    }


def _write_instant(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + (
        f"{instant.microsecond // 1000:03d}Z"
    )
