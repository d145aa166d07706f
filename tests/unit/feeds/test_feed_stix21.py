import json
from datetime import UTC, datetime
from ipaddress import IPv4Address

import pytest

from stillwatch.feeds.parsed import VersionRefusedError
from stillwatch.feeds.registry import Marking
from stillwatch.feeds.stix21 import parse_stix21
from stillwatch.feeds.tables import list_ranges
from stillwatch.keyed import Keyer

KNOWN_AT = datetime(2026, 8, 1, tzinfo=UTC)
TLP1_AMBER = "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"
TLP2_AMBER_STRICT = "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"


def _indicator(number, pattern, **fields):
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--00000000-0000-4000-8000-{number:012d}",
        "created": "2026-07-01T00:00:00.000Z",
        "modified": "2026-07-01T00:00:00.000Z",
        "pattern": pattern,
        "pattern_type": "stix",
        "valid_from": "2026-07-01T00:00:00Z",
    } | fields


def _parse(make_feed, *objects, **fields):
    bundle = {"type": "bundle", "id": "bundle--1", "objects": list(objects)}
    feed = make_feed("stix21", **fields)
    parsed = parse_stix21(feed, {"bundle.json": json.dumps(bundle).encode()}, KNOWN_AT)
    assert parsed.entry_count == parsed.used_count + parsed.refused.total()
    return parsed


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[ipv4-addr:value = '45.83.64.7']", [("ipv4_cidr", "45.83.64.7/32")]),
        ("[ipv4-addr:value = '45.83.64.0/22']", [("ipv4_cidr", "45.83.64.0/22")]),
        ("[ipv4-addr:value ISSUBSET '45.83.64.0/22']", [("ipv4_cidr", "45.83.64.0/22")]),
        ("[ipv6-addr:value = '2a00:1450::1']", [("ipv6_cidr", "2a00:1450::1/128")]),
        ("[domain-name:value = 'Evil.Example.com']", [("domain", "evil.example.com")]),
        ("[email-addr:value = '@evil.example.com']", [("email_domain", "evil.example.com")]),
        ("[autonomous-system:number = 3356]", [("asn", "3356")]),
        ("[x-stillwatch:ja4 = 't13d1516h2_8daaf6152771_b186095e22b6']", [("ja4", None)]),
        ("[x-stillwatch-user-agent:value = 'tool/1.0']", [("user_agent", "tool/1.0")]),
        ("[x-stillwatch:payment_bin = '400000']", [("payment_bin", "400000")]),
        ("[x-stillwatch:template_fingerprint = '-42']", [("template_fingerprint", "-42")]),
        ("[x-stillwatch-artifact-digest:value = 'ab']", [("artifact_digest", "ab")]),
        (
            "[ipv4-addr:value = '45.83.64.7' OR domain-name:value = 'a.example.com']",
            [("ipv4_cidr", "45.83.64.7/32"), ("domain", "a.example.com")],
        ),
        (
            "[ipv4-addr:value IN ('45.83.64.7', '45.83.64.8')] OR ([domain-name:value = 'a.de'])",
            [("ipv4_cidr", "45.83.64.7/32"), ("ipv4_cidr", "45.83.64.8/32"), ("domain", "a.de")],
        ),
    ],
)
def test_stix21__equalities_become_indicators(make_feed, pattern, expected):
    parsed = _parse(make_feed, _indicator(1, pattern))
    found = list(parsed.indicators)
    assert [kind for kind, _ in found] == [kind for kind, _ in expected]
    for (_, value), (_, wanted) in zip(found, expected, strict=True):
        assert wanted is None or value == wanted
    assert not parsed.refused


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("[ipv4-addr:value = '1.2.3.4' AND ipv4-addr:value = '1.2.3.5']", "unsupported_and"),
        ("[ipv4-addr:value = '1.2.3.4' AND domain-name:value = 'a.de']", "unsupported_and"),
        ("[domain-name:value = 'a.de'] AND [domain-name:value = 'b.de']", "unsupported_and"),
        ("[domain-name:value = 'a.de' AND", "malformed_pattern"),
        ("[domain-name:value = 'AND' bad", "malformed_pattern"),
        (
            "[domain-name:value = 'a.de'] FOLLOWEDBY [domain-name:value = 'b.de']",
            "unsupported_followedby",
        ),
        ("[domain-name:value = 'a.de'] WITHIN 5 SECONDS", "unsupported_within"),
        ("[domain-name:value = 'a.de'] REPEATS 5 TIMES", "unsupported_repeats"),
        (
            "[domain-name:value = 'a.de'] START t'2026-01-01T00:00:00Z' "
            "STOP t'2026-02-01T00:00:00Z'",
            "unsupported_start_stop",
        ),
        ("[domain-name:value NOT = 'a.de']", "unsupported_not"),
        ("[domain-name:value LIKE '%a.de']", "unsupported_like"),
        ("[domain-name:value MATCHES '^a']", "unsupported_matches"),
        ("[domain-name:value != 'a.de']", "unsupported_not"),
        ("[autonomous-system:number > 4]", "unsupported_comparison"),
        ("[ipv4-addr:value ISSUPERSET '1.2.3.4/8']", "unsupported_comparison"),
        ("[EXISTS domain-name:value]", "unsupported_comparison"),
        ("[domain-name:value = 'pаypal.de']", "mixed_scripts"),
        ("[x-stillwatch:ja4 = 'ada70206e40642a3e4461f35503241d5']", "ja3_not_ja4"),
        ("[x-stillwatch:ja4 = 'fingerprint']", "invalid_ja4"),
        ("[x-stillwatch:payment_bin = '4000001234567899']", "card_number"),
        ("[x-stillwatch:payment_bin = '400']", "invalid_bin"),
        ("[x-stillwatch:template_fingerprint = '9223372036854775808']", "invalid_fingerprint"),
        ("[domain-name:value = ", "malformed_pattern"),
        ("not a pattern", "malformed_pattern"),
        ("[" + "(" * 6000 + "a:b = 1", "malformed_pattern"),
        ("[domain-name:value = '" + "a" * 20_000 + ".de']", "pattern_too_long"),
        ("[file:hashes.'SHA-256' = 'ef537f25c895bfa7']", "hash_only"),
        ("[url:value = 'http://a.example.com/']", "unsupported_object"),
        ("[x-other:ja4 = 'a']", "unsupported_object"),
        ("[x-stillwatch:colour = 'red']", "unsupported_object"),
        ("[email-addr:value = 'jane@example.com']", "personal_address"),
        ("[ipv4-addr:value = '0.0.0.0/0']", "too_wide"),
        ("[ipv4-addr:value = '10.0.0.1']", "private"),
        ("[ipv4-addr:value = '2a00::1']", "invalid_address"),
        ("[domain-name:value = 'com']", "top_level_domain"),
        ("[autonomous-system:number = 64512]", "reserved_asn"),
    ],
)
def test_stix21__what_cannot_be_used_is_counted_by_reason(make_feed, pattern, reason):
    parsed = _parse(make_feed, _indicator(1, pattern))
    counted = {"pattern_too_long"} if reason == "malformed_pattern" else set()
    assert set(parsed.refused) <= {reason} | counted
    assert parsed.refused.total() == 1
    assert not parsed.indicators


def test_stix21__a_personal_address_is_not_kept_as_an_example(make_feed):
    parsed = _parse(make_feed, _indicator(1, "[email-addr:value = 'jane@example.com']"))
    assert "jane" not in str(parsed.examples)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"revoked": True}, "revoked"),
        ({"valid_until": "2026-07-31T23:59:59Z"}, "expired"),
        ({"valid_until": "2026-06-01T00:00:00Z"}, "malformed"),
        ({"valid_from": "soon"}, "malformed"),
        ({"valid_from": "2026-07-01T00:00:00"}, "malformed"),
        ({"valid_from": 7}, "malformed"),
        ({"confidence": 101}, "malformed"),
        ({"confidence": True}, "malformed"),
        ({"pattern": None}, "malformed"),
        ({"pattern": ["x"]}, "malformed"),
        ({"pattern_type": "snort"}, "unsupported_pattern_type"),
        ({"modified": "yesterday"}, "malformed"),
        ({"id": 5}, "malformed"),
        ({"type": None}, "no_type"),
    ],
)
def test_stix21__an_object_that_must_not_match_is_counted(make_feed, fields, reason):
    parsed = _parse(make_feed, _indicator(1, "[domain-name:value = 'a.de']") | fields)
    assert parsed.refused == {reason: 1}
    assert not parsed.indicators


def test_stix21__one_bad_object_leaves_the_others(make_feed):
    good = _indicator(1, "[domain-name:value = 'a.de']")
    parsed = _parse(make_feed, 7, None, [], {"id": "x"}, good, {"type": "malware", "id": "m"})
    assert list(parsed.indicators) == [("domain", "a.de")]
    assert parsed.refused == {"malformed": 3, "no_type": 1}
    assert parsed.other_objects == {"malware": 1}


def test_stix21__the_newest_version_of_an_object_counts(make_feed):
    old = _indicator(1, "[domain-name:value = 'old.de']")
    new = _indicator(1, "[domain-name:value = 'new.de']", modified="2026-07-02T00:00:00.000Z")
    for objects in ((old, new), (new, old)):
        parsed = _parse(make_feed, *objects)
        assert list(parsed.indicators) == [("domain", "new.de")]
        assert parsed.refused == {"superseded": 1}
    withdrawn = new | {"revoked": True}
    assert _parse(make_feed, old, withdrawn).refused == {"superseded": 1, "revoked": 1}


def test_stix21__validity_and_confidence_of_the_object_are_kept(make_feed):
    fields = {"valid_from": "2026-09-01T00:00:00Z", "valid_until": "2026-09-08T00:00:00+02:00"}
    parsed = _parse(
        make_feed, _indicator(1, "[domain-name:value = 'a.de']", confidence=85, **fields)
    )
    (found,) = parsed.indicators.values()
    assert found.confidence == 85
    assert found.valid_from == datetime(2026, 9, 1, tzinfo=UTC)
    assert found.valid_until == datetime(2026, 9, 7, 22, tzinfo=UTC)


def test_stix21__the_strictest_marking_counts_and_an_unknown_one_is_red(make_feed):
    pattern = "[domain-name:value = 'a.de']"
    own = {
        "type": "marking-definition",
        "id": "marking-definition--1",
        "definition_type": "statement",
    }
    cases = {
        (TLP1_AMBER,): Marking.AMBER,
        (TLP1_AMBER, TLP2_AMBER_STRICT): Marking.AMBER_STRICT,
        ("marking-definition--nobody",): Marking.RED,
        (own["id"],): None,
    }
    for references, expected in cases.items():
        item = _indicator(1, pattern, object_marking_refs=list(references))
        (found,) = _parse(make_feed, own, item).indicators.values()
        assert found.marking is expected


@pytest.mark.parametrize(
    "content",
    [b"[]", b"{}", b'{"type": "bundle", "objects": 3}', b"{", b"<html></html>", b"[" * 100_000],
)
def test_stix21__a_file_that_is_no_bundle_refuses_the_version(make_feed, content):
    with pytest.raises(VersionRefusedError):
        parse_stix21(make_feed("stix21"), {"bundle.json": content}, KNOWN_AT)


@pytest.mark.parametrize(
    ("narrow", "winner"),
    [
        ({"valid_until": "2026-08-03T00:00:00Z"}, "45.83.64.0/22"),  # ends first
        ({"valid_from": "2026-08-20T00:00:00Z"}, "45.83.64.0/22"),  # has not begun
        ({}, "45.83.64.7/32"),  # as long as the wide one: the most specific
    ],
)
def test_ranges__an_indicator_that_is_not_valid_hides_no_wider_one(make_feed, narrow, winner):
    parsed = _parse(
        make_feed,
        _indicator(1, "[ipv4-addr:value = '45.83.64.0/22']"),
        _indicator(2, "[ipv4-addr:value = '45.83.64.7']", **narrow),
    )
    feed, keyer = make_feed("stix21"), Keyer(b"a key of a test, not of a deployment")
    ranges = list_ranges(feed, parsed, KNOWN_AT, keyer)
    address = int(IPv4Address("45.83.64.7")) | 0xFFFF << 32
    (key,) = [key for start, end, key in ranges if start <= address <= end]
    item = next(i for i in parsed.indicators.values() if i.value == winner)
    assert key == keyer.token("indicator", feed.id, item.type, item.value)
