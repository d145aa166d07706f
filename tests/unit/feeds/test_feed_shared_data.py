"""The parsers on the team's real public data, where it lies; figures are printed (pytest -s)."""

import csv
import gzip
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

from stillwatch.feeds.addresses import to_hex, to_number
from stillwatch.feeds.asn_list import parse_asn_list
from stillwatch.feeds.cidr_list import parse_cidr_list
from stillwatch.feeds.domain_list import parse_domain_list
from stillwatch.feeds.lookup_tables import parse_lookup_table
from stillwatch.feeds.stix21 import parse_stix21

DATA = Path("/work/shared/data")
pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not on this machine"),
]


def _report(name, parsed):
    print(f"{name}: {parsed.entry_count} entries, {parsed.used_count} used, {dict(parsed.refused)}")
    assert parsed.entry_count == parsed.used_count + parsed.refused.total()


def _read(path):
    return {Path(path).name: (DATA / path).read_bytes()}


def test_cidr_list__tor_exits_by_csv_column(make_feed):
    feed = make_feed("cidr_list", parser={"format": "csv", "column": "ipaddr"})
    path = "feeds/tor_exits/2026-08-01/latest.exits.csv.gz"
    parsed = parse_cidr_list(feed, _read(path))
    _report("tor exits", parsed)
    with gzip.open(DATA / path, "rt") as file:
        rows = list(csv.reader(file, skipinitialspace=True))[1:]
    assert parsed.entry_count == len(rows)
    assert parsed.used_count == len({ip_address(row[1]) for row in rows})


@pytest.mark.parametrize("part", ["vpn", "datacenter"])
def test_cidr_list__x4bnet(make_feed, part):
    path = f"feeds/x4bnet_lists_vpn/2026-08-14/output/{part}/ipv4.txt.gz"
    parsed = parse_cidr_list(make_feed("cidr_list"), _read(path))
    _report(f"x4bnet {part}", parsed)
    assert parsed.used_count > 0.99 * parsed.entry_count > 5_000


@pytest.mark.parametrize("owner", ["amazon", "cloudflare", "google", "microsoft", "oracle"])
def test_cidr_list__published_cloud_ranges(make_feed, owner):
    path = f"feeds/ipranges/2026-08-07/{owner}/ipv4_merged.txt"
    parsed = parse_cidr_list(make_feed("cidr_list"), _read(path))
    _report(f"ranges of {owner}", parsed)
    assert parsed.used_count >= 0.99 * parsed.entry_count


def test_cidr_list__the_private_networks_of_rfc1918_are_refused(make_feed):
    feed = make_feed("cidr_list", parser={"json_path": "list"})
    parsed = parse_cidr_list(feed, _read("feeds/misp_warninglists/rfc1918/list.json"))
    _report("rfc1918", parsed)
    assert (parsed.used_count, parsed.refused) == (0, {"private": 3})


def test_asn_list__bad_asn_list_and_x4bnet(make_feed):
    feed = make_feed("asn_list", parser={"format": "csv", "column": "ASN"})
    parsed = parse_asn_list(feed, _read("feeds/bad_asn_list/bad-asn-list.csv"))
    _report("bad ASN list", parsed)
    assert parsed.used_count > 700
    listed = parse_asn_list(
        make_feed("asn_list"),
        _read("feeds/x4bnet_lists_vpn/2026-08-14/input/datacenter/ASN.txt.gz"),
    )
    _report("x4bnet ASN list", listed)
    assert listed.used_count > 0.95 * listed.entry_count > 500


def test_domain_list__disposable_and_university_domains(make_feed):
    path = "feeds/disposable_email/2026-08-18/disposable_email_blocklist.conf.gz"
    parsed = parse_domain_list(make_feed("domain_list"), _read(path))
    _report("disposable e-mail", parsed)
    assert parsed.used_count == parsed.entry_count > 5_000
    feed = make_feed("domain_list", parser={"format": "json", "json_path": "list"})
    parsed = parse_domain_list(
        feed, _read("feeds/misp_warninglists/university_domains/list.json.gz")
    )
    _report("universities", parsed)
    assert parsed.used_count > 0.99 * parsed.entry_count > 10_000


def test_stix21__amnesty_and_oasis_bundles(make_feed):
    feed, known_at = make_feed("stix21"), datetime(2026, 8, 1, tzinfo=UTC)
    stored = (DATA / "feeds/stix2_amnesty/cytrox.stix2.gz").read_bytes()
    name = "cytrox.stix2.gz" if stored[:2] == b"\x1f\x8b" else "cytrox.stix2"
    parsed = parse_stix21(feed, {name: stored}, known_at)
    _report("Amnesty International, Cytrox", parsed)
    assert (parsed.entry_count, parsed.used_count) == (343, 336)
    parsed = parse_stix21(feed, _read("feeds/stix21_oasis_examples/apt1.json"), known_at)
    _report("OASIS, APT1", parsed)
    assert parsed.refused == {"hash_only": 3, "unsupported_and": 2}
    assert parsed.used_count == 7


def test_lookup_table__finds_the_network_of_known_addresses(make_feed):
    files = _read("reference/ip_location_db/asn-ipv4.csv.gz")
    parsed = parse_lookup_table(make_feed("ip2asn"), files)
    _report("ip2asn, IPv4", parsed)
    digits = to_hex(to_number("8.8.8.8"))
    rows = parsed.lookup.to_pydict()
    found = [
        label for start, end, label in zip(*rows.values(), strict=True) if start <= digits <= end
    ]
    assert found == ["15169"]
    assert parsed.used_count > 0.999 * parsed.entry_count > 300_000
