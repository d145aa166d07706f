import json
from datetime import UTC, date, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from stillwatch.canonical import INDICATORS, RANGES
from stillwatch.errors import ConfigError
from stillwatch.feeds.refresh import refresh_day

DAY1, DAY2, DAY3 = "2026-08-01T060000Z", "2026-08-02T060000Z", "2026-08-03T060000Z"


def _list(count, first=0):
    return "".join(f"45.{80 + n // 256}.{n % 256}.0/24\n" for n in range(first, first + count))


@pytest.fixture
def proxies(deployment):
    deployment.configure({"id": "proxies", "kind": "cidr_list"})
    return deployment


def test_refresh_feed__an_unknown_feed_is_named_with_those_that_exist(proxies):
    with pytest.raises(ConfigError, match=r"no feed 'vpn'.*have proxies"):
        proxies.refresh("vpn", "2026-08-01")


def test_refresh_feed__writes_both_tables_in_the_canonical_schemas(proxies):
    proxies.land("proxies", DAY1, "45.83.64.0/22\n45.83.65.0/24\n2a00:1450::/32\n")
    result = proxies.refresh("proxies", "2026-08-01")
    assert (result.version, result.state, result.used_count) == (DAY1, "current", 3)
    folder = proxies.root / "var" / "feeds" / "proxies" / DAY1
    assert pq.read_schema(folder / "indicators.parquet").equals(INDICATORS)
    assert pq.read_schema(folder / "ranges.parquet").equals(RANGES)
    indicators = proxies.read("proxies", DAY1)
    assert [row["value"] for row in indicators] == [
        "45.83.64.0/22",
        "45.83.65.0/24",
        "2a00:1450::/32",
    ]
    first = indicators[0]
    known_at = datetime(2026, 8, 1, 6, tzinfo=UTC)
    assert (first["known_at"], first["valid_from"]) == (known_at, known_at)
    assert first["valid_until"] == known_at + timedelta(days=30)
    assert (first["marking"], first["permitted_use"]) == ("TLP:GREEN", "internal")
    assert first["information_credibility"] == "2"
    keys = {row["value"]: row["indicator_key"] for row in indicators}
    ranges = [
        (row["start_hex"][-8:], row["end_hex"][-8:], row["indicator_key"], row["label"])
        for row in proxies.read("proxies", DAY1, "ranges")
    ]
    wide, narrow = keys["45.83.64.0/22"], keys["45.83.65.0/24"]
    assert ranges[:3] == [
        ("2d534000", "2d5340ff", wide, "proxy"),
        ("2d534100", "2d5341ff", narrow, "proxy"),
        ("2d534200", "2d5343ff", wide, "proxy"),
    ]


def test_refresh_feed__the_ledger_balances(proxies):
    proxies.land("proxies", DAY1, "45.83.64.0/22\n45.83.64.0/22\n0.0.0.0/0\n::/0\n143.404.146.87\n")
    proxies.refresh("proxies", "2026-08-01")
    record = proxies.read_ledger("proxies", "2026-08-01")
    assert record["refused_by_reason"] == {"duplicate": 1, "invalid_address": 1, "too_wide": 2}
    assert record["entry_count"] == record["used_count"] + record["refused_count"] == 5
    assert record["refused_count"] == sum(record["refused_by_reason"].values())
    assert (record["state"], record["version"]) == ("current", DAY1)
    assert record["pulled_at"] == "2026-08-01T06:00:00+00:00"


def test_refresh_feed__a_version_that_landed_later_is_not_known_earlier(proxies):
    proxies.land("proxies", DAY2, _list(20))
    proxies.land("proxies", "2026-08-03T000000Z", _list(21))
    assert proxies.refresh("proxies", "2026-08-01").state == "missing"
    assert proxies.refresh("proxies", "2026-08-02").version == DAY2
    assert proxies.refresh("proxies", "2026-08-03").version == "2026-08-03T000000Z"
    assert proxies.refresh("proxies", "2026-08-02").used_count == 20  # also afterwards


def test_refresh_feed__the_order_of_the_days_changes_nothing(deployment, tmp_path):
    deployment.configure({"id": "proxies", "kind": "cidr_list"})
    for version, count in ((DAY1, 30), (DAY2, 3), (DAY3, 40)):
        deployment.land("proxies", version, _list(count))
    days = ["2026-08-01", "2026-08-02", "2026-08-03"]

    def run(order):
        for day in order:
            deployment.refresh("proxies", day)
        files = {
            str(path.relative_to(tmp_path)): path.read_bytes()
            for path in sorted((tmp_path / "var").rglob("*"))
            if path.is_file() and "locks" not in path.parts
        }
        (tmp_path / "var").rename(tmp_path / f"var-{len(list(tmp_path.iterdir()))}")
        return files

    forwards = run(days)
    assert forwards == run(days[::-1])
    assert forwards == run([*days, *days])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("# nothing today\n", "empty"),
        ("10.0.0.0/8\n192.168.0.0/16\n", "empty"),
        (_list(3), "shrank"),
        (_list(1000), "grew"),
        (_list(20) + "8.8.8.8\n", "protected_overlap"),
        (_list(20) + "1.1.1.0/24\n", "protected_overlap"),
        (_list(20) + "2606:4700::/32\n", "protected_overlap"),
        ("<html><body>Please log in</body></html>", "html_page"),
        (b"\xff\xfe\x00", "unreadable"),
    ],
)
def test_refresh_feed__a_bad_version_keeps_the_last_good_one(proxies, text, reason):
    proxies.land("proxies", DAY1, _list(20))
    proxies.land("proxies", DAY2, text)
    result = proxies.refresh("proxies", "2026-08-02")
    assert (result.version, result.state, result.used_count) == (DAY1, "last_good", 20)
    assert result.age_days == 1.75
    record = proxies.read_ledger("proxies", "2026-08-02")
    assert [(item["version"], item["reason"]) for item in record["refused_versions"]] == [
        (DAY2, reason)
    ]
    assert not (proxies.root / "var" / "feeds" / "proxies" / DAY2).exists()
    proxies.land("proxies", DAY3, _list(22))
    assert proxies.refresh("proxies", "2026-08-03").state == "current"


def test_refresh_feed__without_a_good_version_the_feed_is_missing(proxies):
    proxies.land("proxies", DAY1, "0.0.0.0/0\n::/0\n")
    result = proxies.refresh("proxies", "2026-08-01")
    assert (result.state, result.version, result.entry_count, result.age_days) == (
        "missing",
        None,
        0,
        None,
    )
    assert result.refused_versions[0][1] == "empty"


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [({"min_entries": 50}, "too_few_entries"), ({"max_entries": 10}, "too_many_entries")],
)
def test_refresh_feed__the_bounds_of_the_entry_count(deployment, bounds, reason):
    deployment.configure({"id": "proxies", "kind": "cidr_list", "bounds": bounds})
    deployment.land("proxies", DAY1, _list(20))
    assert deployment.refresh("proxies", "2026-08-01").refused_versions[0][1] == reason
    deployment.configure({"id": "proxies", "kind": "cidr_list"})  # a bound was raised: judged anew
    assert deployment.refresh("proxies", "2026-08-01").state == "current"


@pytest.mark.fault(44)
@pytest.mark.parametrize("terms", [{"licence": None}, {"licence": " "}, {"ttl_days": None}])
def test_refresh_feed__without_terms_its_entries_are_for_inside_only(deployment, terms):
    deployment.configure({"id": "proxies", "kind": "cidr_list", "permitted_use": "public"} | terms)
    deployment.land("proxies", DAY1, _list(20))
    result = deployment.refresh("proxies", "2026-08-01")
    assert (result.state, result.used_count, result.permitted_use) == ("current", 20, "internal")
    assert {row["permitted_use"] for row in deployment.read("proxies", DAY1)} == {"internal"}


def test_refresh_feed__entries_of_a_feed_without_ttl_are_soon_let_go(deployment):
    deployment.configure({"id": "proxies", "kind": "cidr_list", "ttl_days": None})
    deployment.land("proxies", DAY1, _list(20))
    assert deployment.refresh("proxies", "2026-08-08").used_count == 20
    assert deployment.refresh("proxies", "2026-08-09").refused_by_reason == {"expired": 20}


def test_refresh_feed__a_protected_list_refuses_whole_versions_of_others(deployment):
    own = {"id": "own_egress", "kind": "cidr_list", "is_protected_list": True}
    deployment.configure(own, {"id": "proxies", "kind": "cidr_list"})
    deployment.land("own_egress", DAY1, "45.80.7.9\n")
    deployment.land("proxies", DAY1, _list(20))
    result = deployment.refresh("proxies", "2026-08-01")
    assert result.state == "missing"
    assert "45.80.7.9 of the protected list own_egress" in result.refused_versions[0][2]
    deployment.configure(own, {"id": "proxies", "kind": "cidr_list", "may_cover": ["own_egress"]})
    assert deployment.refresh("proxies", "2026-08-01").state == "current"


def test_refresh_feed__an_address_protected_later_puts_a_good_version_aside(deployment):
    own = {"id": "own_egress", "kind": "cidr_list", "is_protected_list": True}
    deployment.configure(own, {"id": "proxies", "kind": "cidr_list"})
    deployment.land("proxies", DAY1, _list(5))
    deployment.land("proxies", DAY2, _list(8))
    deployment.land("own_egress", DAY3, "45.80.7.9\n")
    assert deployment.refresh("proxies", "2026-08-02").version == DAY2
    result = deployment.refresh("proxies", "2026-08-03")
    assert (result.version, result.state) == (DAY1, "last_good")
    assert deployment.refresh("proxies", "2026-08-02").version == DAY2  # the past stays


def test_refresh_feed__first_and_last_seen_span_the_known_versions(proxies):
    proxies.land("proxies", DAY1, "45.80.0.0/24\n45.80.1.0/24\n")
    proxies.land("proxies", DAY2, "45.80.0.0/24\n45.80.2.0/24\n")
    proxies.land("proxies", DAY3, "45.80.0.0/24\n45.80.1.0/24\n")
    proxies.refresh("proxies", "2026-08-03")
    day1, day3 = datetime(2026, 8, 1, 6, tzinfo=UTC), datetime(2026, 8, 3, 6, tzinfo=UTC)
    rows = {row["value"]: row for row in proxies.read("proxies", DAY3)}
    kept, back = rows["45.80.0.0/24"], rows["45.80.1.0/24"]
    assert (kept["first_seen_at"], kept["last_seen_at"], kept["valid_from"]) == (day1, day3, day1)
    assert (back["first_seen_at"], back["valid_from"]) == (day1, day3)  # the listing was broken


def test_refresh_feed__entries_outlive_their_source_only_until_their_ttl(proxies):
    proxies.land("proxies", DAY1, _list(4))
    assert proxies.refresh("proxies", "2026-08-30").used_count == 4
    late = proxies.refresh("proxies", "2026-09-01")
    assert (late.used_count, late.refused_by_reason) == (0, {"expired": 4})
    assert late.entry_count == late.used_count + late.refused_count


def test_refresh_feed__stix_validity_is_judged_on_the_day(deployment):
    deployment.configure({"id": "peer", "kind": "stix21", "bounds": {"min_entries": 1}})
    base = {"type": "indicator", "pattern_type": "stix", "modified": "2026-07-01T00:00:00Z"}
    soon, short = "2026-08-03T00:00:00Z", "2026-08-02T00:00:00Z"
    objects = [
        base | {"id": "indicator--1", "pattern": "[domain-name:value='a.de']", "valid_from": soon},
        base
        | {"id": "indicator--2", "pattern": "[ipv4-addr:value='45.80.0.1']", "valid_until": short},
        base | {"id": "indicator--3", "pattern": "[domain-name:value='c.de']"},
    ]
    bundle = json.dumps({"type": "bundle", "objects": objects})
    deployment.land("peer", DAY1, bundle, "bundle.json")
    seen = {
        day: deployment.refresh("peer", f"2026-08-0{day}").refused_by_reason for day in (1, 2, 3)
    }
    assert seen == {
        1: {"not_yet_valid": 1},
        2: {"expired": 1, "not_yet_valid": 1},
        3: {"expired": 1},
    }
    (ranged,) = deployment.read("peer", DAY1, "ranges")
    assert ranged["label"] == "proxy"


def test_refresh_feed__a_lookup_feed_gives_ranges_and_no_indicators(deployment):
    deployment.configure({"id": "asn", "kind": "ip2asn"})
    deployment.land("asn", DAY1, "1.0.0.0,1.0.0.255,13335,x\n2a00::,2a00::ff,3356,y\n", "asn.csv")
    assert deployment.refresh("asn", "2026-08-01").used_count == 2
    assert deployment.read("asn", DAY1) == []
    ranges = deployment.read("asn", DAY1, "ranges")
    assert [(row["range_kind"], row["label"], row["indicator_key"]) for row in ranges] == [
        ("asn", "13335", None),
        ("asn", "3356", None),
    ]


def test_refresh_feed__a_parsed_version_is_reused_and_a_changed_entry_is_read_anew(proxies):
    proxies.land("proxies", DAY1, _list(4))
    proxies.refresh("proxies", "2026-08-01")
    path = proxies.root / "var" / "feeds" / "proxies" / DAY1 / "indicators.parquet"
    before = path.stat().st_mtime_ns
    proxies.refresh("proxies", "2026-08-01")
    assert path.stat().st_mtime_ns == before
    proxies.configure({"id": "proxies", "kind": "cidr_list", "labels": ["vpn"]})
    proxies.refresh("proxies", "2026-08-01")
    assert proxies.read("proxies", DAY1)[0]["labels"] == ["vpn"]


def test_refresh_feed__folders_that_are_no_pull_instant_are_not_read(proxies):
    proxies.land("proxies", "2026-08-01", _list(4))
    proxies.land("proxies", "2026-13-01T000000Z", _list(4))
    assert proxies.refresh("proxies", "2026-08-05").state == "missing"


def test_refresh_feed__an_empty_folder_is_refused(proxies):
    proxies.land("proxies", DAY1, _list(4))
    proxies.land("proxies", DAY2, "{}", "pull.json")
    result = proxies.refresh("proxies", "2026-08-02")
    assert (result.version, result.refused_versions[0][1]) == (DAY1, "empty")


def test_refresh_day__handles_every_feed(deployment):
    deployment.configure({"id": "a", "kind": "cidr_list"}, {"id": "b", "kind": "asn_list"})
    deployment.land("a", DAY1, _list(4))
    deployment.land("b", DAY1, "AS3356\n")
    results = refresh_day(deployment.settings, date(2026, 8, 1), False)
    assert [(result.feed_id, result.state) for result in results] == [
        ("a", "current"),
        ("b", "current"),
    ]
