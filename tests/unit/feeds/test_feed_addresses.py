import itertools
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.feeds.addresses import (
    SPECIAL_SPANS,
    V4_OFFSET,
    RefusedError,
    find_special,
    parse_network,
    to_hex,
    to_number,
    to_text,
)
from stillwatch.feeds.ranges import are_disjoint, find_overlap, flatten_ranges


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("45.83.64.0/22", "45.83.64.0/22"),
        ("45.83.64.77/22", "45.83.64.0/22"),  # host bits are cut off
        ("45.83.64.77", "45.83.64.77/32"),
        ("2A00:1450::/32", "2a00:1450::/32"),
        ("2a00:1450::1", "2a00:1450::1/128"),
    ],
)
def test_parse_network__canonicalises(text, canonical):
    assert parse_network(text, 8, 19).text == canonical


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0.0.0.0/0", "too_wide"),
        ("::/0", "too_wide"),
        ("45.0.0.0/7", "too_wide"),
        ("2a00::/18", "too_wide"),
        ("10.1.2.3", "private"),
        ("172.16.0.0/12", "private"),
        ("192.168.1.0/24", "private"),
        ("100.64.0.1", "private"),
        ("127.0.0.1", "loopback"),
        ("169.254.169.254", "link_local"),
        ("224.0.0.1", "multicast"),
        ("255.255.255.255", "reserved"),
        ("198.51.100.7", "documentation"),
        ("2001:db8::1", "documentation"),
        ("fe80::1", "link_local"),
        ("fd00::1", "private"),
        ("::1", "reserved"),
        ("198.0.0.0/8", "covers_reserved"),
        ("143.404.146.87", "invalid_address"),
        ("1.2.3.4/33", "invalid_address"),
        ("1.2.3", "invalid_address"),
        ("hello", "invalid_address"),
        ("2a00::1%eth0", "invalid_address"),
        ("16909060", "invalid_address"),
        ("1.2.3.4:8080", "invalid_address"),
        ("１.2.3.4", "invalid_address"),
        ("010.0.0.1", "leading_zero"),
        ("45.083.64.0/22", "leading_zero"),
        ("::ffff:1.2.3.4", "ipv4_mapped"),
        ("::ffff:9270:3d68", "ipv4_mapped"),
    ],
)
def test_parse_network__refuses_with_a_reason(text, reason):
    with pytest.raises(RefusedError) as raised:
        parse_network(text, 8, 19)
    assert raised.value.reason == reason


def test_to_hex__puts_ipv4_into_the_mapped_block():
    assert to_hex(to_number("1.2.3.4")) == "00000000000000000000ffff01020304"
    assert to_hex(to_number("2a00::1")) == "2a000000000000000000000000000001"
    assert to_text(to_number("1.2.3.4")) == "1.2.3.4"
    assert to_text(to_number("2a00::1")) == "2a00::1"


def test_special_spans__are_disjoint_and_leave_public_addresses_alone():
    assert all(a[1] < b[0] for a, b in itertools.pairwise(SPECIAL_SPANS))
    for text in ("1.1.1.1", "8.8.8.8", "223.255.255.255", "2000::", "2606:4700::1", "2001:200::"):
        assert find_special(to_number(text), to_number(text)) is None


_REFUSED_BESIDES = (
    "192.0.0.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.175.48.0/24",
)


@given(st.integers(min_value=0, max_value=2**32 - 1))
def test_find_special__agrees_with_the_standard_library_on_private_ipv4(value):
    """Where Python's own table calls an IPv4 address private or multicast, so do we."""
    address = ip_address(value)
    if any(address in ip_network(block) for block in _REFUSED_BESIDES):
        return  # deprecated relays, protocol assignments, AS112: we refuse more
    number = V4_OFFSET + value
    expected = address.is_private or address.is_multicast or address.is_reserved
    expected = expected or address in ip_network("100.64.0.0/10")
    assert (find_special(number, number) is not None) == expected


_RANGES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 20), st.sampled_from("abcd")), max_size=12
).map(lambda items: [(start, start + size, label) for start, size, label in items])


@given(_RANGES)
def test_flatten_ranges__agrees_with_asking_every_address(ranges):
    flat = flatten_ranges(ranges)
    assert are_disjoint(flat)
    for address in range(82):
        covering = [item for item in ranges if item[0] <= address <= item[1]]
        best = min(covering, key=lambda item: (item[1] - item[0], item[2]))[2] if covering else None
        found = [item[2] for item in flat if item[0] <= address <= item[1]]
        assert found == ([best] if best else [])


@given(_RANGES)
def test_flatten_ranges__does_not_depend_on_the_order(ranges):
    assert flatten_ranges(ranges) == flatten_ranges(ranges[::-1])


@given(_RANGES, _RANGES)
def test_find_overlap__agrees_with_asking_every_pair(ranges, protected):
    spans = [(start, end) for start, end, _ in flatten_ranges(protected)]
    hit = find_overlap(ranges, spans)
    expected = any(a[0] <= end and start <= a[1] for a in ranges for start, end in spans)
    assert (hit is not None) == expected
    if hit is not None:
        (start, end, _), address = hit
        assert start <= address <= end
        assert any(first <= address <= last for first, last in spans)
