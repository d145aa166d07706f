import json
from datetime import UTC, datetime, timedelta

import pytest

from stillwatch.feeds.misp import parse_misp
from stillwatch.feeds.parsed import VersionRefusedError
from stillwatch.feeds.registry import Marking

KNOWN_AT = datetime(2026, 8, 1, tzinfo=UTC)
FRESH = int(datetime(2026, 7, 20, tzinfo=UTC).timestamp())


def _attribute(kind, value, number=1, **fields):
    return {
        "uuid": f"00000000-0000-4000-8000-{number:012d}",
        "type": kind,
        "value": value,
        "to_ids": True,
        "deleted": False,
        "timestamp": str(FRESH),
        "distribution": "5",
    } | fields


def _event(*attributes, number=1, **fields):
    return {
        "uuid": f"10000000-0000-4000-8000-{number:012d}",
        "info": "A made-up event",
        "timestamp": str(FRESH),
        "distribution": "3",
        "Attribute": list(attributes),
    } | fields


def _parse(make_feed, *events, files=None, **fields):
    if files is None:
        files = {"events.json": {"response": [{"Event": event} for event in events]}}
    content = {name: json.dumps(document).encode() for name, document in files.items()}
    parsed = parse_misp(make_feed("misp", **fields), content, KNOWN_AT)
    assert parsed.entry_count == parsed.used_count + parsed.refused.total()
    return parsed


def _parse_one(make_feed, attribute, **event_fields):
    (found,) = _parse(make_feed, _event(attribute, **event_fields)).indicators.values()
    return found


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("ip-src", "45.83.64.7", [("ipv4_cidr", "45.83.64.7/32")]),
        ("ip-dst", "45.83.64.0/22", [("ipv4_cidr", "45.83.64.0/22")]),
        ("ip-dst", "2a00:1450::1", [("ipv6_cidr", "2a00:1450::1/128")]),
        ("ip-src|port", "45.83.64.7|443", [("ipv4_cidr", "45.83.64.7/32")]),
        ("ip-dst|port", "45.83.64.7:443", [("ipv4_cidr", "45.83.64.7/32")]),
        ("ip-dst|port", "[2a00:1450::1]:443", [("ipv6_cidr", "2a00:1450::1/128")]),
        ("domain", "Evil.Example.com", [("domain", "evil.example.com")]),
        ("hostname", "a.evil.example.com", [("domain", "a.evil.example.com")]),
        ("hostname|port", "a.evil.example.com:8443", [("domain", "a.evil.example.com")]),
        (
            "domain|ip",
            "evil.example.com|45.83.64.7",
            [("domain", "evil.example.com"), ("ipv4_cidr", "45.83.64.7/32")],
        ),
        ("email-src", "jane@evil.example.com", [("email_domain", "evil.example.com")]),
        ("email", "@evil.example.com", [("email_domain", "evil.example.com")]),
        ("AS", "AS3356", [("asn", "3356")]),
        ("user-agent", "harvester/1.0 (x)", [("user_agent", "harvester/1.0 (x)")]),
        ("bin", "400000", [("payment_bin", "400000")]),
        ("cc-number", "4000 00", [("payment_bin", "400000")]),
        (
            "ja4-fingerprint",
            "t13d1516h2_8daaf6152771_b186095e22b6",
            [("ja4", "t13d1516h2_8daaf6152771_b186095e22b6")],
        ),
    ],
)
def test_misp__types_become_our_types(make_feed, kind, value, expected):
    parsed = _parse(make_feed, _event(_attribute(kind, value)))
    assert list(parsed.indicators) == expected
    assert not parsed.refused


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("ja3-fingerprint-md5", "ada70206e40642a3e4461f35503241d5", "ja3_not_ja4"),
        ("ja4-fingerprint", "ada70206e40642a3e4461f35503241d5", "ja3_not_ja4"),
        ("x509-fingerprint-sha1", "a" * 40, "certificate"),
        ("sha256", "a" * 64, "hash_only"),
        ("filename|md5", f"a.exe|{'a' * 32}", "hash_only"),
        ("url", "https://evil.example.com/x", "url"),
        ("cc-number", "4000001234567899", "card_number"),
        ("bin", "4000001234567899", "card_number"),
        ("bin", "400", "invalid_bin"),
        ("email-src", "jane@gmail.com", "shared_mail_domain"),
        ("email-dst", "jane@victim.example.com", "personal_address"),
        ("whois-registrant-email", "jane@evil.example.com", "personal_address"),
        ("ip-dst", "10.0.0.1", "private"),
        ("ip-dst", "143.404.146.87", "invalid_address"),
        ("domain", "com", "top_level_domain"),
        ("AS", "64512", "reserved_asn"),
        ("text", "hello", "unsupported_type"),
        ("btc", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "unsupported_type"),
        ("domain", "", "malformed"),
        ("domain", ["evil.example.com"], "malformed"),
        ("domain", "a" * 2000 + ".de", "malformed"),
    ],
)
def test_misp__what_cannot_be_used_is_counted_by_reason(make_feed, kind, value, reason):
    parsed = _parse(make_feed, _event(_attribute(kind, value)))
    assert parsed.refused == {reason: 1}
    assert not parsed.indicators
    shown = str(parsed.examples)
    assert "jane" not in shown
    assert "4000001234567899" not in shown


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"deleted": True}, "deleted"),
        ({"deleted": "1"}, "deleted"),
        ({"to_ids": False}, "not_for_detection"),
        ({"to_ids": None}, "not_for_detection"),
        ({"warnings": [{"value": "45.83.64.7", "warninglist_name": "x"}]}, "warninglist"),
        ({"timestamp": str(FRESH - 40 * 86400)}, "expired"),
        ({"last_seen": "2026-06-01T00:00:00+00:00"}, "expired"),
        ({"first_seen": "2026-07-02", "last_seen": "2026-07-03"}, "malformed"),
        (
            {"first_seen": "2026-07-20T00:00:00+00:00", "last_seen": "2026-07-10T00:00:00+00:00"},
            "malformed",
        ),
        (
            {"Tag": [{"name": 'admiralty-scale:source-reliability="g"'}]},
            "deceptive_source",
        ),
        ({"type": None}, "malformed"),
    ],
)
def test_misp__an_attribute_that_must_not_match_is_counted(make_feed, fields, reason):
    attribute = _attribute("ip-dst", "45.83.64.7") | fields
    parsed = _parse(make_feed, _event(attribute))
    assert parsed.refused == {reason: 1}
    assert not parsed.indicators


def test_misp__attributes_of_objects_count_and_deleted_objects_do_not(make_feed):
    kept = {"name": "ip-port", "deleted": False, "Attribute": [_attribute("ip-dst", "45.83.64.7")]}
    gone = kept | {"deleted": True, "Attribute": [_attribute("domain", "a.example.com", 2)]}
    proposal = _attribute("domain", "b.example.com", 3)
    event = _event(Object=[kept, gone, "x"], ShadowAttribute=[proposal])
    parsed = _parse(make_feed, event)
    assert list(parsed.indicators) == [("ipv4_cidr", "45.83.64.7/32")]
    assert parsed.refused == {"deleted": 1, "malformed": 1, "proposal": 1}


def test_misp__validity_runs_from_the_last_sighting_for_the_time_to_live(make_feed):
    seen = {"first_seen": "2026-07-10T00:00:00+00:00", "last_seen": "2026-07-25T02:00:00+02:00"}
    found = _parse_one(make_feed, _attribute("ip-dst", "45.83.64.7", **seen))
    assert found.valid_from == datetime(2026, 7, 10, tzinfo=UTC)
    assert found.valid_until == datetime(2026, 7, 25, tzinfo=UTC) + timedelta(days=30)
    edited = _parse_one(make_feed, _attribute("ip-dst", "45.83.64.7"))
    assert edited.valid_from is None
    assert edited.valid_until == datetime(2026, 7, 20, tzinfo=UTC) + timedelta(days=30)
    ahead = _attribute("ip-dst", "45.83.64.7", last_seen="2036-01-01T00:00:00+00:00")
    assert _parse_one(make_feed, ahead).valid_until == KNOWN_AT + timedelta(days=30)


def test_misp__tags_of_attribute_and_event_are_read(make_feed):
    event_tags = [
        {"name": "tlp:green"},
        {"name": 'admiralty-scale:source-reliability="b"'},
        {"name": 'estimative-language:likelihood-probability="likely"'},
        {"name": 'misp-galaxy:mitre-attack-pattern="Screen Capture - T1113"'},
        "not a tag",
        None,
    ]
    plain = _parse_one(make_feed, _attribute("ip-dst", "45.83.64.7"), Tag=event_tags)
    assert (plain.marking, plain.source_reliability, plain.confidence) == (Marking.GREEN, "B", 70)
    own = [
        {"name": "TLP:AMBER+STRICT"},
        {"name": "PAP:GREEN"},
        {"name": 'admiralty-scale:source-reliability="d"'},
        {"name": 'admiralty-scale:information-credibility="4"'},
        {"name": 'estimative-language:likelihood-probability="unlikely"'},
    ]
    tagged = _parse_one(make_feed, _attribute("ip-dst", "45.83.64.7", Tag=own), Tag=event_tags)
    assert (tagged.marking, tagged.permitted_use) == (Marking.AMBER_STRICT, "peers")
    assert (tagged.source_reliability, tagged.information_credibility) == ("D", 4)
    assert tagged.confidence == 30
    freer = _parse_one(
        make_feed, _attribute("ip-dst", "45.83.64.7", Tag=[{"name": "tlp:clear"}]), Tag=event_tags
    )
    assert freer.marking is Marking.GREEN  # handling never gets freer


@pytest.mark.parametrize(
    ("tags", "marking", "use"),
    [
        (["tlp:white"], Marking.CLEAR, None),
        (["tlp:amber", "tlp:green"], Marking.AMBER, None),
        (["tlp:ex:chr"], Marking.RED, None),
        (["pap:red"], None, "internal"),
        (["PAP:AMBER"], None, "internal"),
        (["PAP:CLEAR"], None, "public"),
        (["PAP:BLUE"], None, "internal"),
        ([], None, None),
    ],
)
def test_misp__handling_that_cannot_be_read_is_strict(make_feed, tags, marking, use):
    named = [{"name": tag} for tag in tags]
    found = _parse_one(make_feed, _attribute("ip-dst", "45.83.64.7"), Tag=named)
    assert (found.marking, found.permitted_use) == (marking, use)


def test_misp__an_event_not_meant_for_all_stays_inside(make_feed):
    attribute = _attribute("ip-dst", "45.83.64.7")
    for distribution, use in (("0", "internal"), ("1", "internal"), ("4", "internal"), ("3", None)):
        assert _parse_one(make_feed, attribute, distribution=distribution).permitted_use == use
    closer = _attribute("ip-dst", "45.83.64.7", distribution="0")
    assert _parse_one(make_feed, closer).permitted_use == "internal"
    event = _event(attribute, distribution="0")
    parsed = _parse(make_feed, event, parser={"honours_distribution": False})
    assert next(iter(parsed.indicators.values())).permitted_use is None


def test_misp__two_events_with_one_value_give_one_indicator_under_the_stricter_terms(make_feed):
    free = _event(_attribute("domain", "a.example.com"), number=1, Tag=[{"name": "tlp:clear"}])
    strict = _event(
        _attribute("domain", "a.example.com", 2, timestamp=str(FRESH + 86400)),
        number=2,
        Tag=[{"name": "tlp:amber"}, {"name": "pap:red"}],
    )
    for events in ((free, strict), (strict, free)):
        parsed = _parse(make_feed, *events)
        (found,) = parsed.indicators.values()
        assert (found.marking, found.permitted_use) == (Marking.AMBER, "internal")
        assert found.valid_until == datetime(2026, 8, 20, tzinfo=UTC)  # the longer of the two
        assert parsed.refused == {"duplicate": 1}


def test_misp__the_newest_version_of_an_event_counts(make_feed):
    old = _event(_attribute("domain", "old.example.com"), timestamp=str(FRESH - 10))
    new = _event(_attribute("domain", "new.example.com", 2))
    files = {"a.json": {"Event": new}, "b.json": {"Event": old}}
    parsed = _parse(make_feed, files=files)
    assert list(parsed.indicators) == [("domain", "new.example.com")]
    assert parsed.refused == {"superseded": 1}
    assert parsed.other_objects == {"superseded_event": 1}


def test_misp__the_manifest_of_a_feed_says_which_events_stand(make_feed):
    listed, withdrawn = _event(_attribute("domain", "a.example.com")), _event(number=2)
    withdrawn["Attribute"] = [_attribute("domain", "b.example.com", 2)]
    missing = "10000000-0000-4000-8000-000000000003"
    files = {
        "manifest.json": {
            listed["uuid"]: {"info": "x", "Tag": [{"name": "tlp:amber"}]},
            missing: {"info": "y"},
        },
        "hashes.csv": "not JSON at all",
        f"{listed['uuid']}.json": {"Event": listed},
        f"{withdrawn['uuid']}.json": {"Event": withdrawn},
    }
    parsed = _parse(make_feed, files=files)
    (found,) = parsed.indicators.values()
    assert (found.value, found.marking) == ("a.example.com", Marking.AMBER)
    assert parsed.refused == {"not_in_manifest": 1}
    assert parsed.other_objects == {"event_missing": 1, "event_not_in_manifest": 1}


@pytest.mark.parametrize(
    "document",
    [
        {"Event": _event(_attribute("domain", "a.example.com"))},
        [{"Event": _event(_attribute("domain", "a.example.com"))}],
        _event(_attribute("domain", "a.example.com")),
        {"response": {"Attribute": [_attribute("domain", "a.example.com")]}},
        {"response": [{"Event": _event(_attribute("domain", "a.example.com"))}]},
    ],
)
def test_misp__every_way_of_exporting_is_read(make_feed, document):
    parsed = _parse(make_feed, files={"x.json": document})
    assert list(parsed.indicators) == [("domain", "a.example.com")]


@pytest.mark.parametrize(
    "content",
    [b"{", b"7", b'"x"', b'{"a": 1}', b'[{"Event": 3}]', b"<html></html>", b"[" * 100_000],
)
def test_misp__a_file_that_is_no_event_refuses_the_version(make_feed, content):
    with pytest.raises(VersionRefusedError):
        parse_misp(make_feed("misp"), {"x.json": content}, KNOWN_AT)


def test_misp__a_feed_is_judged_and_written_as_any_other(deployment):
    deployment.configure({"id": "peer", "kind": "misp", "permitted_use": "peers"})
    event = _event(
        _attribute("ip-dst", "45.83.64.7"),
        _attribute("user-agent", "harvester/1.0", 2),
        Tag=[{"name": "tlp:amber"}, {"name": 'admiralty-scale:source-reliability="c"'}],
    )
    deployment.land("peer", "2026-08-01T060000Z", json.dumps({"Event": event}), "event.json")
    result = deployment.refresh("peer", "2026-08-01")
    assert (result.state, result.used_count) == ("current", 2)
    address, agent = deployment.read("peer", "2026-08-01T060000Z")
    assert (address["marking"], address["source_reliability"]) == ("TLP:AMBER", "C")
    assert agent["match_value"] not in (None, "harvester/1.0")  # a token, as in the logs
    assert deployment.refresh("peer", "2026-08-20").refused_by_reason == {"expired": 2}
