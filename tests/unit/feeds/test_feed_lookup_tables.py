import itertools
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.feeds.addresses import to_hex, to_number
from stillwatch.feeds.lookup_tables import parse_lookup_table
from stillwatch.feeds.parsed import VersionRefusedError
from stillwatch.feeds.registry import Feed


def _parse(make_feed, text, kind="ip2asn", **fields):
    return parse_lookup_table(make_feed(kind, **fields), {"t.csv": text.encode()})


def _rows(parsed):
    return [tuple(row.values()) for row in parsed.lookup.to_pylist()]


def test_lookup_table__gives_sorted_ranges_of_both_families(make_feed):
    text = (
        '2a00:1450::,2a00:1450:ffff:ffff:ffff:ffff:ffff:ffff,15169,"Name, with comma"\n'
        "1.0.4.0,1.0.7.255,AS38803,Somebody\n"
        "1.0.0.0,1.0.0.255,13335,\n"
    )
    parsed = _parse(make_feed, text)
    assert _rows(parsed) == [
        (to_hex(to_number("1.0.0.0")), to_hex(to_number("1.0.0.255")), "13335"),
        (to_hex(to_number("1.0.4.0")), to_hex(to_number("1.0.7.255")), "38803"),
        (
            to_hex(to_number("2a00:1450::")),
            to_hex(to_number("2a00:1450:ffff:ffff:ffff:ffff:ffff:ffff")),
            "15169",
        ),
    ]
    assert (parsed.entry_count, parsed.used_count) == (3, 3)


def test_lookup_table__counts_each_refused_row_once_by_reason(make_feed):
    text = (
        "1.0.0.0,1.0.0.255,13335,ok\n"
        "1.0.0.0,1.0.0.255,13335,again\n"
        "143.404.146.87,1.0.0.9,1,x\n"
        "01.0.0.0,1.0.0.9,1,x\n"
        "::ffff:1.0.0.0,::ffff:1.0.0.9,1,x\n"
        "1.0.1.0,2a00::1,1,x\n"
        "1.0.1.9,1.0.1.0,1,x\n"
        "1.0.1.0,1.0.1.9,AS x,x\n"
        "1.0.1.0,1.0.1.9,64512,x\n"
        "10.0.0.0,10.0.0.255,3356,x\n"
        "192.0.0.0,192.0.3.255,3356,x\n"
        "1.0.2.0,1.0.2.9\n"
    )
    parsed = _parse(make_feed, text)
    assert parsed.refused == {
        "duplicate": 1,
        "invalid_address": 3,
        "mixed_families": 1,
        "end_before_start": 1,
        "invalid_asn": 1,
        "reserved_asn": 1,
        "special_purpose": 2,
        "wrong_column_count": 1,
    }
    assert parsed.entry_count == parsed.used_count + parsed.refused.total() == 12


def test_lookup_table__countries_are_two_letters(make_feed):
    text = "1.0.0.0,1.0.0.255,au\n1.0.1.0,1.0.1.255,AUS\n1.0.2.0,1.0.2.255,\n"
    parsed = _parse(make_feed, text, kind="ip2country")
    assert [label for _, _, label in _rows(parsed)] == ["AU"]
    assert parsed.refused == {"invalid_country": 2}


def test_lookup_table__other_columns_and_a_header_can_be_told(make_feed):
    hints = {"has_header": True, "start_column": 1, "end_column": 2, "label_column": 0}
    parsed = _parse(make_feed, "asn,from,to\n13335,1.0.0.0,1.0.0.255\n", parser=hints)
    assert [label for _, _, label in _rows(parsed)] == ["13335"]


@pytest.mark.parametrize("text", ["", " \n", "1.0.0.0,1.0.0.255\n", "<html><body>x</body></html>"])
def test_lookup_table__a_file_that_is_no_table_refuses_the_version(make_feed, text):
    with pytest.raises(VersionRefusedError):
        _parse(make_feed, text)


_ROWS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 12), st.integers(1, 9)), min_size=1, max_size=8
)


@given(_ROWS)
@settings(max_examples=60, deadline=None)
def test_lookup_table__overlapping_rows_resolve_to_the_most_specific(rows):
    base = int(ip_address("45.80.0.0"))
    table = sorted({(start, start + size, str(label)) for start, size, label in rows})
    text = "".join(
        f"{ip_address(base + start)},{ip_address(base + end)},{label}\n"
        for start, end, label in table
    )
    terms = {"labels": ["x"], "source_reliability": "B", "information_credibility": 2}
    feed = Feed.model_validate(terms | {"id": "f", "kind": "ip2asn", "marking": "TLP:CLEAR"})
    flat = _rows(parse_lookup_table(feed, {"t.csv": text.encode()}))
    assert all(a[1] < b[0] for a, b in itertools.pairwise(flat))
    for address in range(54):
        covering = [row for row in table if row[0] <= address <= row[1]]
        best = min(covering, key=lambda row: (row[1] - row[0], row[2]))[2] if covering else None
        digits = to_hex(to_number(str(ip_address(base + address))))
        assert [row[2] for row in flat if row[0] <= digits <= row[1]] == ([best] if best else [])
