"""What may leave, to whom: the handling rules, and `stillwatch feeds export`."""

import csv
import io
import json
from datetime import UTC, date, datetime

import pytest
import stix2
from click.testing import CliRunner

from stillwatch.cli import cli
from stillwatch.errors import ConfigError, InputError
from stillwatch.feeds.export import read_indicators, write_bundle, write_pattern
from stillwatch.feeds.handling import Audience, select_for_audience
from stillwatch.feeds.registry import Marking
from stillwatch.feeds.stix21 import parse_stix21
from stillwatch.settings import get_settings

AT = datetime(2026, 8, 2, tzinfo=UTC)
DAY1 = "2026-08-01T060000Z"


def _row(**fields):
    return {
        "indicator_key": "k",
        "feed_id": "f",
        "indicator_type": "domain",
        "value": "a.example.com",
        "labels": ["proxy"],
        "confidence": 50,
        "valid_from": datetime(2026, 8, 1, tzinfo=UTC),
        "valid_until": datetime(2026, 9, 1, tzinfo=UTC),
        "first_seen_at": datetime(2026, 8, 1, tzinfo=UTC),
        "last_seen_at": datetime(2026, 8, 1, tzinfo=UTC),
        "known_at": datetime(2026, 8, 1, tzinfo=UTC),
        "source_reliability": "B",
        "information_credibility": "2",
        "marking": "TLP:CLEAR",
        "permitted_use": "public",
        "licence": "CC0-1.0",
    } | fields


@pytest.mark.parametrize(
    ("fields", "peers", "public"),
    [
        ({}, None, None),
        ({"permitted_use": "peers"}, None, "use_not_permitted"),
        ({"permitted_use": "internal"}, "use_not_permitted", "use_not_permitted"),
        ({"permitted_use": "whoever"}, "use_not_permitted", "use_not_permitted"),
        ({"marking": "TLP:GREEN"}, None, "marked_above"),
        ({"marking": "TLP:AMBER"}, "marked_above", "marked_above"),
        ({"marking": "TLP:AMBER+STRICT"}, "marked_above", "marked_above"),
        ({"marking": "TLP:RED"}, "marked_above", "marked_above"),
        ({"marking": "TLP:BLUE"}, "unknown_marking", "unknown_marking"),
        ({"licence": "none stated"}, "no_licence", "no_licence"),
        ({"licence": ""}, "no_licence", "no_licence"),
        ({"licence": None}, "no_licence", "no_licence"),
        ({"licence": "Proprietary, no redistribution"}, *["licence_forbids_sharing"] * 2),
        ({"has_ttl": False}, "no_ttl", "no_ttl"),
        ({"valid_until": AT}, "expired", "expired"),
        ({"valid_from": datetime(2026, 8, 3, tzinfo=UTC)}, "not_yet_valid", "not_yet_valid"),
        ({"indicator_type": "template_fingerprint", "value": "-42"}, *["keyed_value"] * 2),
        ({"indicator_type": "template_fingerprint", "value": "You are a grader"}, None, None),
    ],
)
@pytest.mark.fault(44)
def test_select_for_audience__what_stays_is_counted_by_reason(fields, peers, public):
    for audience, reason in ((Audience.PEERS, peers), (Audience.PUBLIC, public)):
        selection = select_for_audience([_row(**fields)], audience, AT)
        assert selection.withheld == ({} if reason is None else {reason: 1})
        assert len(selection.rows) == (reason is None)
        assert selection.read_count == 1


def test_select_for_audience__inside_terms_do_not_matter_but_validity_does():
    rows = [_row(marking="TLP:RED", licence=None, permitted_use="internal"), _row(valid_until=AT)]
    selection = select_for_audience(rows, Audience.INTERNAL, AT)
    assert (len(selection.rows), selection.withheld) == (1, {"expired": 1})
    assert selection.marking is Marking.RED


@pytest.mark.fault(63)
def test_select_for_audience__the_whole_takes_the_strictest_marking_of_its_parts():
    levels = ["TLP:CLEAR", "TLP:AMBER", "TLP:GREEN", "TLP:AMBER+STRICT"]
    rows = [_row(marking=level) for level in levels]
    assert select_for_audience(rows, Audience.PEERS, AT).marking is Marking.GREEN
    amber = select_for_audience(rows, Audience.PEERS, AT, Marking.AMBER)
    assert (amber.marking, amber.withheld) == (Marking.AMBER, {"marked_above": 1})
    clear = select_for_audience(rows, Audience.PEERS, AT, Marking.CLEAR)
    assert (clear.marking, clear.withheld) == (Marking.CLEAR, {"marked_above": 3})
    assert select_for_audience([], Audience.PEERS, AT).marking is Marking.CLEAR


@pytest.mark.parametrize(
    ("audience", "maximum"),
    [
        (Audience.PEERS, Marking.AMBER_STRICT),
        (Audience.PEERS, Marking.RED),
        (Audience.PUBLIC, Marking.GREEN),
    ],
)
def test_select_for_audience__a_maximum_above_the_audience_is_an_error(audience, maximum):
    with pytest.raises(ConfigError, match="is not for"):
        select_for_audience([], audience, AT, maximum)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("ipv4_cidr", "45.83.64.7/32"),
        ("ipv4_cidr", "45.83.64.0/22"),
        ("ipv6_cidr", "2a00:1450::1/128"),
        ("domain", "a.example.com"),
        ("email_domain", "mail.example.com"),
        ("asn", "3356"),
        ("ja4", "t13d1516h2_8daaf6152771_b186095e22b6"),
        ("user_agent", "it's a \\ tool/1.0 (%_)"),
        ("payment_bin", "400000"),
        ("template_fingerprint", "Rate 'this' answer"),
        ("artifact_digest", "ab"),
    ],
)
def test_write_bundle__what_we_write_we_read_back(make_feed, kind, value):
    row = _row(indicator_type=kind, value=value, marking="TLP:GREEN", confidence=85)
    text = write_bundle(select_for_audience([row], Audience.INTERNAL, AT))
    assert text == write_bundle(select_for_audience([row], Audience.INTERNAL, AT))
    bundle = stix2.parse(text, allow_custom=True)  # the reference library accepts it
    assert [item.type for item in bundle.objects][-2:] == ["indicator", "grouping"]
    parsed = parse_stix21(make_feed("stix21"), {"b.json": text.encode()}, AT)
    assert list(parsed.indicators) == [(kind, value)]
    (found,) = parsed.indicators.values()
    assert (found.marking, found.confidence) == (Marking.GREEN, 85)
    assert found.valid_until == row["valid_until"]
    assert not parsed.refused


def test_write_bundle__the_grouping_is_marked_as_strictly_as_its_strictest_part():
    rows = [_row(), _row(indicator_key="k2", value="b.example.com", marking="TLP:GREEN")]
    bundle = json.loads(write_bundle(select_for_audience(rows, Audience.PEERS, AT)))
    marks = {
        item.get("name"): item.get("object_marking_refs", [item["id"]])
        for item in bundle["objects"]
    }
    assert marks["Indicators, TLP:GREEN"] == marks["TLP:GREEN"] == marks["domain b.example.com"]
    assert marks["domain a.example.com"] == marks["TLP:CLEAR"]


def test_write_pattern__a_hostile_value_stays_inside_its_quotes():
    pattern = write_pattern("user_agent", "x'] OR [ipv4-addr:value = '8.8.8.8")
    assert pattern == r"[x-stillwatch:user_agent = 'x\'] OR [ipv4-addr:value = \'8.8.8.8']"


@pytest.fixture
def feeds(deployment, monkeypatch):
    deployment.configure(
        {"id": "open", "kind": "cidr_list", "permitted_use": "public", "marking": "TLP:CLEAR"},
        {"id": "ours", "kind": "domain_list"},
        {"id": "peer", "kind": "stix21", "permitted_use": "peers"},
        {"id": "unlicensed", "kind": "asn_list", "permitted_use": "public", "licence": None},
        {"id": "endless", "kind": "asn_list", "permitted_use": "public", "ttl_days": None},
    )
    deployment.land("open", DAY1, "45.83.64.0/22\n")
    deployment.land("ours", DAY1, "a.example.com\nb.example.com\n")
    deployment.land("unlicensed", DAY1, "AS3356\n")
    deployment.land("endless", DAY1, "AS3320\n")
    objects = [
        {
            "type": "indicator",
            "id": f"indicator--{number}",
            "pattern": f"[x-stillwatch:user_agent = '{value}']",
            "pattern_type": "stix",
        }
        for number, value in enumerate(("=HYPERLINK(1)", "tool/1.0"))
    ]
    bundle = json.dumps({"type": "bundle", "objects": objects})
    deployment.land("peer", DAY1, bundle, "bundle.json")
    monkeypatch.setenv("STILLWATCH_HOME", str(deployment.root / "var"))
    monkeypatch.setenv("STILLWATCH_LANDING_URI", str(deployment.root / "landing"))
    monkeypatch.setenv("STILLWATCH_CONFIG", str(deployment.root / "config"))
    monkeypatch.setenv("STILLWATCH_KEY_FILE", str(deployment.root / "deployment.key"))
    get_settings.cache_clear()
    assert _run("--date", "2026-08-01").exit_code == 0
    yield deployment
    get_settings.cache_clear()


def _run(*arguments):
    return CliRunner().invoke(cli, ["feeds", *arguments], catch_exceptions=False)


def _export(*arguments):
    return _run("export", "--date", "2026-08-01", *arguments)


@pytest.mark.fault(44, 51)
def test_export__peers_get_what_is_for_peers_as_harmless_csv(feeds):
    result = _export("--audience", "peers")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(row["feed_id"], row["value"]) for row in rows] == [
        ("open", "45.83.64.0/22"),
        ("peer", "'=HYPERLINK(1)"),
        ("peer", "tool/1.0"),
    ]
    assert {row["marking"] for row in rows} == {"TLP:CLEAR", "TLP:GREEN"}
    assert result.stderr == (
        "TLP:GREEN: 3 of 7 indicators for peers; "
        "withheld: no_licence 1, no_ttl 1, use_not_permitted 2\n"
    )


def test_export__everything_is_for_inside_and_only_the_open_feed_for_the_public(feeds):
    assert len(_export("--audience", "internal").stdout.splitlines()) == 1 + 7
    public = list(csv.DictReader(io.StringIO(_export("--audience", "public").stdout)))
    assert [row["feed_id"] for row in public] == ["open"]


def test_export__a_file_has_its_handling_beside_it(feeds, tmp_path):
    file = tmp_path / "peers.json"
    result = _export("--audience", "peers", "--format", "stix", "--output", str(file))
    assert result.stdout == ""
    assert len(stix2.parse(file.read_text(), allow_custom=True).objects) == 2 + 3 + 1
    record = json.loads((tmp_path / "peers.json.handling.json").read_text())
    assert (record["marking"], record["indicator_count"]) == ("TLP:GREEN", 3)
    assert record["withheld_by_reason"] == {"no_licence": 1, "no_ttl": 1, "use_not_permitted": 2}
    assert record["feeds"] == ["open", "peer"]


def test_export__a_rule_that_got_stricter_since_binds_at_once(feeds):
    feeds.configure({"id": "open", "kind": "cidr_list", "marking": "TLP:RED"})
    rows = {row["feed_id"]: row for row in read_indicators(feeds.settings, date(2026, 8, 1))}
    assert (rows["open"]["marking"], rows["open"]["permitted_use"]) == ("TLP:RED", "internal")
    assert rows["peer"]["permitted_use"] == "internal"  # no longer configured
    assert _export("--audience", "peers").stdout.count("\n") == 1  # the heading


def test_export__a_day_without_feeds_is_named(feeds):
    with pytest.raises(InputError, match="stillwatch feeds --date 2026-07-01"):
        _run("export", "--date", "2026-07-01", "--audience", "peers")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["export", "--date", "2026-08-01"],
        ["export", "--audience", "peers"],
        ["export", "--date", "2026-08-01", "--audience", "press"],
        ["--date", "2026-08-01", "export", "--date", "2026-08-01", "--audience", "peers"],
    ],
)
def test_feeds__a_wrong_option_is_exit_code_2(feeds, arguments):
    assert _run(*arguments).exit_code == 2


def test_export__a_marking_above_the_audience_is_refused(feeds):
    with pytest.raises(ConfigError, match=r"TLP:RED is not for peers"):
        _export("--audience", "peers", "--marking", "TLP:RED")
