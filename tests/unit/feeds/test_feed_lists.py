import gzip
import json

import pytest
import zstandard

from stillwatch.feeds.addresses import RefusedError
from stillwatch.feeds.asn_list import parse_asn_list
from stillwatch.feeds.cidr_list import parse_cidr_list
from stillwatch.feeds.domain_list import canonicalise_domain, parse_domain_list
from stillwatch.feeds.parsed import VersionRefusedError


def test_cidr_list__counts_every_entry_as_used_or_refused(make_feed):
    text = (
        "# a comment\n\n"
        "45.83.64.0/22   # with a note\r\n"
        "45.83.64.9/22\n"  # the same network, host bits set
        "2a00:1450::/32\n"
        "143.404.146.87\n010.0.0.1\n::ffff:1.2.3.4\n1.2.3.4/33\n0.0.0.0/0\n10.0.0.0/8\n"
    )
    parsed = parse_cidr_list(make_feed("cidr_list"), {"list.txt": text.encode()})
    assert [item.value for item in parsed.indicators.values()] == [
        "45.83.64.0/22",
        "2a00:1450::/32",
    ]
    assert parsed.refused == {
        "duplicate": 1,
        "invalid_address": 2,
        "leading_zero": 1,
        "ipv4_mapped": 1,
        "too_wide": 1,
        "private": 1,
    }
    assert parsed.entry_count == parsed.used_count + parsed.refused.total() == 9
    assert parsed.examples["leading_zero"] == ["010.0.0.1"]


def test_cidr_list__the_configured_bound_counts(make_feed):
    feed = make_feed("cidr_list", bounds={"widest_prefix_v4": 16})
    parsed = parse_cidr_list(feed, {"l.txt": b"45.80.0.0/15\n45.80.0.0/16\n"})
    assert list(parsed.indicators) == [("ipv4_cidr", "45.80.0.0/16")]


def test_cidr_list__excluded_entries_are_left_out_and_counted(make_feed):
    feed = make_feed("cidr_list", exclude=[{"value": "8.8.8.0/24", "reason": "a resolver"}])
    parsed = parse_cidr_list(feed, {"l.txt": b"8.8.8.0/24\n45.80.0.0/16\n"})
    assert list(parsed.indicators) == [("ipv4_cidr", "45.80.0.0/16")]
    assert parsed.refused == {"excluded": 1}


@pytest.mark.parametrize("name", ["l.txt", "l.txt.gz", "l.txt.zst"])
def test_cidr_list__reads_compressed_files(make_feed, name):
    content = b"45.80.0.0/16\n"
    if name.endswith(".gz"):
        content = gzip.compress(content)
    if name.endswith(".zst"):
        content = zstandard.compress(content)
    assert parse_cidr_list(make_feed("cidr_list"), {name: content}).used_count == 1


def test_cidr_list__reads_a_misp_warninglist(make_feed):
    document = {"name": "n", "type": "cidr", "list": ["45.80.0.0/16", "45.90.0.0/16", None, 7]}
    feed = make_feed("cidr_list", parser={"json_path": "list"})
    parsed = parse_cidr_list(feed, {"list.json": json.dumps(document).encode()})
    assert (parsed.used_count, parsed.refused) == (2, {"invalid_address": 2})


def test_cidr_list__reads_a_named_csv_column(make_feed):
    feed = make_feed("cidr_list", parser={"format": "csv", "column": "ipaddr"})
    text = "fingerprint, ipaddr, port\nAB, 45.80.1.1, 443\nCD, 2620:7:6003::141, 81\nEF\n"
    parsed = parse_cidr_list(feed, {"exits.csv": text.encode()})
    assert sorted(value for _, value in parsed.indicators) == [
        "2620:7:6003::141/128",
        "45.80.1.1/32",
    ]
    assert parsed.refused == {"invalid_address": 1}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("l.txt", b"<!DOCTYPE html><html><title>Log in</title></html>", "html_page"),
        ("l.txt", b"\n  <html>", "html_page"),
        ("l.txt", b"45.80.0.0/16\n\xff\xfe", "unreadable"),
        ("l.txt.gz", b"no gzip", "unreadable"),
        ("l.txt.gz", gzip.compress(b"45.80.0.0/16\n" * 50, mtime=0)[:-9], "unreadable"),
        ("l.txt.zst", b"no zstd", "unreadable"),
        ("l.json", b"{", "unreadable"),
        ("l.json", b"[" * 200_000, "unreadable"),
        ("l.json", b'{"other": []}', "unreadable"),
        ("l.json", b'{"list": "45.80.0.0/16"}', "unreadable"),
    ],
)
def test_cidr_list__a_file_that_is_no_list_refuses_the_version(make_feed, name, content, reason):
    feed = make_feed("cidr_list", parser={"json_path": "list"})
    with pytest.raises(VersionRefusedError) as raised:
        parse_cidr_list(feed, {name: content})
    assert raised.value.reason == reason
    assert name in raised.value.detail


def test_cidr_list__a_missing_csv_column_names_those_that_are_there(make_feed):
    feed = make_feed("cidr_list", parser={"format": "csv", "column": "address"})
    with pytest.raises(VersionRefusedError, match="no column 'address': ip, port"):
        parse_cidr_list(feed, {"x.csv": b"ip,port\n45.80.1.1,1\n"})


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("Mail.Example.COM", "mail.example.com"),
        (".example.com", "example.com"),
        ("*.example.com.", "example.com"),
        ("@example.com", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("аррӏе.com", "xn--80ak6aa92e.com"),  # Cyrillic throughout: never apple.com
        ("xn--80ak6aa92e.com", "xn--80ak6aa92e.com"),
        ("日本ドメインabc.jp", "xn--abc-qi4b8gof5e3728bdoc.jp"),
        ("a_b.example.com", "a_b.example.com"),
    ],
)
def test_canonicalise_domain__gives_the_ascii_name(text, canonical):
    assert canonicalise_domain(text) == canonical


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("com", "top_level_domain"),
        ("", "invalid_domain"),
        ("1.2.3.4", "invalid_domain"),
        ("a b.com", "invalid_domain"),
        ("http://example.com/", "invalid_domain"),
        ("-a.example.com", "invalid_domain"),
        ("a..example.com", "invalid_domain"),
        (f"{'a' * 64}.com", "invalid_domain"),
        ("a\u202e.com", "invalid_domain"),
        ("аpple.com", "mixed_scripts"),  # a Cyrillic first letter
        ("xn--pple-43d.com", "mixed_scripts"),  # the same, in ASCII
        ("shop.pаypal.com", "mixed_scripts"),
        ("xn--999999999.com", "invalid_domain"),
    ],
)
def test_canonicalise_domain__refuses_with_a_reason(text, reason):
    with pytest.raises(RefusedError) as raised:
        canonicalise_domain(text)
    assert raised.value.reason == reason


def test_domain_list__gives_the_configured_type_and_matches_by_the_domain(make_feed):
    feed = make_feed("domain_list", parser={"indicator_type": "email_domain"})
    parsed = parse_domain_list(feed, {"d.txt": b"One.example.com\none.example.com\ncom\n"})
    (indicator,) = parsed.indicators.values()
    assert (indicator.type, indicator.match_value) == ("email_domain", "one.example.com")
    assert parsed.refused == {"duplicate": 1, "top_level_domain": 1}
    assert parsed.canonicalised_count == 1


def test_asn_list__takes_the_usual_spellings_and_refuses_reserved_numbers(make_feed):
    text = "AS3356 # note\n3320\nasn 174\nAS0\nAS64500\nAS4200000001\nAS99999999999\nfoo\nAS3356\n"
    parsed = parse_asn_list(make_feed("asn_list"), {"a.txt": text.encode()})
    assert [item.match_value for item in parsed.indicators.values()] == ["3356", "3320", "174"]
    assert parsed.refused == {"reserved_asn": 3, "invalid_asn": 2, "duplicate": 1}
    assert parsed.entry_count == 9


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("45.83.64.0-45.83.64.255", ["45.83.64.0/24"]),
        ("45.83.64.1 - 45.83.64.3", ["45.83.64.1/32", "45.83.64.2/31"]),
        ("2a00:1450::-2a00:1450::f", ["2a00:1450::/124"]),
    ],
)
def test_cidr_list__a_range_counts_as_its_networks(make_feed, text, values):
    parsed = parse_cidr_list(make_feed("cidr_list"), {"l.txt": text.encode()})
    assert [value for _, value in parsed.indicators] == values
    assert parsed.entry_count == parsed.used_count == len(values)


def test_cidr_list__the_end_of_a_range_may_stand_in_a_column(make_feed):
    feed = make_feed("cidr_list", parser={"column": 0, "range_end_column": 1})
    parsed = parse_cidr_list(feed, {"l.csv": b"45.83.64.0,45.83.65.255,Made Up Hosting\n"})
    assert [value for _, value in parsed.indicators] == ["45.83.64.0/23"]


@pytest.mark.parametrize("text", ["45.83.64.9-45.83.64.1", "45.83.64.9-2a00::1", "a-b", "1.1.1.1-"])
def test_cidr_list__what_is_no_range_is_an_invalid_address(make_feed, text):
    parsed = parse_cidr_list(make_feed("cidr_list"), {"l.txt": text.encode()})
    assert (parsed.entry_count, parsed.refused) == (1, {"invalid_address": 1})


def test_cidr_list__a_range_over_everything_is_refused_as_too_wide(make_feed):
    parsed = parse_cidr_list(make_feed("cidr_list"), {"l.txt": b"0.0.0.0-255.255.255.255"})
    assert parsed.refused == {"too_wide": 1}


def test_cidr_list__ports_are_cut_only_where_the_feed_says_so(make_feed):
    text = (
        b"45.83.64.7:1080\nsocks5://45.83.64.8:1080\n[2a00:1450::1]:80\n45.83.64.7:3128\n45.83.64.9"
    )
    parsed = parse_cidr_list(make_feed("cidr_list", parser={"has_port": True}), {"l.txt": text})
    assert [value for _, value in parsed.indicators] == [
        "45.83.64.7/32",
        "45.83.64.8/32",
        "2a00:1450::1/128",
        "45.83.64.9/32",
    ]
    assert parsed.refused == {"duplicate": 1}
    plain = parse_cidr_list(make_feed("cidr_list"), {"l.txt": text})
    assert plain.refused == {"invalid_address": 4}
