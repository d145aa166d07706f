"""Targets for the feed parsers and reference tables: every entry is used or refused, or all is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from stillwatch.errors import InputError
from stillwatch.feeds.asn_list import parse_asn_list
from stillwatch.feeds.bin_list import parse_bin_list
from stillwatch.feeds.cidr_list import parse_cidr_list
from stillwatch.feeds.csl import parse_csl
from stillwatch.feeds.domain_list import parse_domain_list
from stillwatch.feeds.lookup_tables import parse_lookup_table
from stillwatch.feeds.misp import parse_misp
from stillwatch.feeds.parsed import ParsedFeed, VersionRefusedError
from stillwatch.feeds.registry import Feed
from stillwatch.feeds.stix21 import parse_stix21
from stillwatch.keyed import Keyer
from stillwatch.policy.reference import parse_table
from stillwatch.policy.schemas import TABLES

from .registry import target

_KNOWN_AT = datetime(2026, 11, 1, tzinfo=UTC)
_KEYER = Keyer(b"k" * 32)
_Parse = Callable[[Feed, Mapping[str, bytes]], ParsedFeed]

_TEXT_LISTS: dict[str, tuple[_Parse, str, bytes]] = {
    "cidr_list": (
        parse_cidr_list,
        "list.txt",
        b"# made up\n192.0.2.0/24\n45.61.7.0/24 # note\n2a00:1:2::/48\n45.61.8.1-45.61.8.9\n"
        b"45.61.9.1:8080\n010.0.0.1\n1.2.3.4/33\n::ffff:1.2.3.4\n",
    ),
    "domain_list": (
        parse_domain_list,
        "list.txt",
        "mail.example.com\nEXAMPLE.org.\nbücher.example\nxn--bcher-kva.example\npаypal.com\n".encode(),
    ),
    "asn_list": (parse_asn_list, "list.csv", b"64496,Example\nAS15169,\n0,x\n4294967296,y\n"),
    "bin_list": (parse_bin_list, "list.csv", b"412345,prepaid\n4111111111111111,no\n12,short\n"),
    "ip2asn": (
        parse_lookup_table,
        "table.csv",
        b"1.0.0.0,1.0.0.255,13335\n1.0.4.0,1.0.7.255,38803\n2a00::,2a00:0:ffff::,3320\n9,8,x\n",
    ),
    "ip2country": (
        parse_lookup_table,
        "table.csv",
        b"1.0.0.0,1.0.0.255,AU\n1.0.1.0,1.0.3.255,CN\n2a00::,2a00:0:ffff::,DE\n",
    ),
}

_STIX = {
    "type": "bundle",
    "id": "bundle--1",
    "objects": [
        {
            "type": "indicator",
            "id": f"indicator--{number}",
            "created": "2026-10-01T00:00:00Z",
            "modified": "2026-10-02T00:00:00Z",
            "valid_from": "2026-10-01T00:00:00Z",
            "pattern_type": "stix",
            "pattern": pattern,
            "confidence": 60,
            "labels": ["anonymization"],
            "object_marking_refs": ["marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"],
        }
        for number, pattern in enumerate(
            [
                "[ipv4-addr:value = '45.61.7.9']",
                "[domain-name:value = 'a.example.net' OR ipv6-addr:value = '2a00:1::/32']",
                "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']",
                "[x-stillwatch:ja4 = 't13d1516h2_8daaf6152771_b186095e22b6']",
            ]
        )
    ],
}

_MISP = {
    "Event": {
        "uuid": "5c8d8d1e-0000-4000-8000-000000000001",
        "date": "2026-10-30",
        "timestamp": "1793300000",
        "Tag": [{"name": "tlp:green"}, {"name": "admiralty-scale:source-reliability=\"b\""}],
        "Attribute": [
            {"uuid": f"a{number}", "type": kind, "value": value, "to_ids": True,
             "timestamp": "1793300000"}
            for number, (kind, value) in enumerate(
                [("ip-dst", "45.61.7.10"), ("domain", "c2.example.net"), ("AS", "AS64496"),
                 ("ip-dst|port", "45.61.7.11|443"), ("md5", "d41d8cd98f00b204e9800998ecf8427e"),
                 ("email-src", "someone@example.net"), ("cc-number", "4111111111111111")]
            )
        ],
        "Object": [{"name": "asn", "Attribute": [{"uuid": "o1", "type": "AS", "value": "64500",
                                                   "to_ids": True, "timestamp": "1793300000"}]}],
    }
}  # fmt: skip

_CSL_JSON = {
    "results": [
        {
            "id": "one",
            "source": "Entity List (EL) - Bureau of Industry and Security",
            "name": "Northwind Compute Ltd.",
            "alt_names": ["NW Compute"],
            "addresses": [{"country": "XA", "city": "Springfield"}],
            "start_date": "2026-01-01",
        },
        {"id": "two", "name": "", "source": "SDN"},
    ]
}
_CSL_CSV = (
    b"source,entity_number,type,programs,name,alt_names,addresses,start_date,end_date\n"
    b'Entity List,7,Entity,EL,"Southwind, Inc.",SW;S W,"1 Road, Town, DE",2026-01-01,\n'
    b"Denied Persons,8,Individual,,A. Person,,,bad,\n"
)
_TABLE_SEEDS = {
    "allowlist": b"scope,value,reason,owner,approved_by,valid_from,valid_until\n"
    b"account,a1,course,kim,lee,2026-01-01,2027-01-01\naccount,a2,,kim,lee,2026-01-01,\n"
    b"template,write about the rain,course,kim,lee,2026-01-01,2027-01-01\n",
    "decisions": b"subject_type,subject_id,decision,actor,decided_at,reason,expires_at\n"
    b"campaign,SW-1,dismiss,kim,2026-10-01T10:00:00Z,class,2027-01-01\n",
    "ownership": b"owner_id,owned_id,share_percent,valid_from,valid_until,source\n"
    b"e1,e2,55,2026-01-01,,register\ne2,e1,NaN,,,register\n",
}


def _make_feed(kind: str) -> Feed:
    return Feed.model_validate(
        {
            "id": "fuzzed",
            "kind": kind,
            "labels": ["proxy"],
            "source_reliability": "C",
            "information_credibility": 3,
            "marking": "TLP:GREEN",
            "licence": "CC0-1.0",
            "ttl_days": 30,
        }
    )


def _judge(parse: Callable[[], ParsedFeed]) -> Counter[str]:
    try:
        parsed = parse()
    except VersionRefusedError as refusal:
        return Counter({"refused": 1, f"refused: {refusal.reason}": 1})
    if parsed.entry_count != parsed.used_count + parsed.refused.total():
        raise AssertionError(
            f"{parsed.entry_count} entries, {parsed.used_count} used, {parsed.refused} refused"
        )
    return Counter(whole=1, rows=parsed.entry_count, used=parsed.used_count)


def _add_list(kind: str, parse: _Parse, name: str, seed: bytes) -> None:
    feed = _make_feed(kind)

    @target(f"feeds.{kind}", lambda: [seed], False)
    def check(data: bytes) -> Counter[str]:
        return _judge(lambda: parse(feed, {name: data}))


def _add_document(kind: str, parse: _Parse, seed: Any) -> None:
    feed = _make_feed(kind)

    @target(f"feeds.{kind}", lambda: [json.dumps(seed).encode()], True)
    def check(data: bytes) -> Counter[str]:
        return _judge(lambda: parse(feed, {"document.json": data}))


for _kind, (_parse, _name, _seed) in _TEXT_LISTS.items():
    _add_list(_kind, _parse, _name, _seed)
_add_document("stix21", lambda feed, files: parse_stix21(feed, files, _KNOWN_AT), _STIX)
_add_document("misp", lambda feed, files: parse_misp(feed, files, _KNOWN_AT), _MISP)
_add_document("csl", parse_csl, _CSL_JSON)


@target("feeds.csl_csv", lambda: [_CSL_CSV], False)
def check_csl_csv(data: bytes) -> Counter[str]:
    """Read a screening list in the CSV form."""
    return _judge(lambda: parse_csl(_make_feed("csl"), {"list.csv": data}))


def _add_table(name: str, seed: bytes) -> None:
    (table,) = (item for item in TABLES if item.name == name)

    @target(f"reference.{name}", lambda: [seed], False)
    def check(data: bytes) -> Counter[str]:
        try:
            rows, result = parse_table(table, "table.csv", data, _KNOWN_AT, _KEYER)
        except InputError:
            return Counter(refused=1)
        if result.read_count != len(rows) + result.refused_count:
            raise AssertionError(f"{result} does not add up with {len(rows)} rows")
        return Counter(whole=1, rows=len(rows))


for _name, _seed in _TABLE_SEEDS.items():
    _add_table(_name, _seed)
