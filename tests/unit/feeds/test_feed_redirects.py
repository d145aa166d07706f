"""Where a redirect may lead: schemes, address classes, and who may be sent inside."""

import httpx
import pytest

from stillwatch.feeds.redirects import (
    RedirectRefusedError,
    check_addresses,
    classify,
    follow,
    get_origin,
)

pytestmark = pytest.mark.fault(37)


@pytest.mark.parametrize(
    ("start", "location", "end"),
    [
        ("https://a.example.com/x", "/y", "https://a.example.com/y"),
        ("https://a.example.com/x", "https://b.example.com/", "https://b.example.com/"),
        ("http://a.example.com/x", "https://a.example.com/x", "https://a.example.com/x"),
        ("http://a.example.com/x", "http://b.example.com/x", "http://b.example.com/x"),
        ("http://a.example.com/x", "//b.example.com/x", "http://b.example.com/x"),
    ],
)
def test_follow__the_same_or_a_safer_scheme(start, location, end):
    assert follow(httpx.URL(start), location) == httpx.URL(end)


@pytest.mark.parametrize(
    "location",
    [
        "http://a.example.com/x",
        "file:///etc/passwd",
        "ftp://a.example.com/",
        "data:text/plain,x",
        "javascript:alert(1)",
        "https://user:word@a.example.com/",
        "https://[::1/",
        "https://a.example.com:99999999/",
        "",
    ],
)
def test_follow__never_a_weaker_or_another_scheme(location):
    with pytest.raises(RedirectRefusedError):
        follow(httpx.URL("https://a.example.com/x"), location)


@pytest.mark.parametrize(
    ("address", "own", "is_allowed"),
    [
        ("45.80.0.1", [], True),
        ("10.0.0.5", [], False),
        ("10.0.0.5", ["private"], True),
        ("10.0.0.5", ["loopback"], False),
        ("127.0.0.1", ["loopback"], True),
        ("169.254.169.254", ["link_local", "private", "loopback"], False),
        ("fd00:ec2::254", ["private"], False),
        ("100.100.100.200", ["private"], False),
        ("::ffff:169.254.169.254", ["private"], False),
        ("0.0.0.0", ["reserved", "private"], False),
        ("224.0.0.1", ["multicast"], False),
    ],
)
def test_check_addresses__inside_only_for_those_who_are_there(address, own, is_allowed):
    try:
        check_addresses("host.example.com", [address], own)
    except RedirectRefusedError:
        assert not is_allowed
    else:
        assert is_allowed


def test_check_addresses__one_bad_address_of_many_is_enough():
    with pytest.raises(RedirectRefusedError, match=r"host\.example\.com \(10\.0\.0\.5\)"):
        check_addresses("host.example.com", ["45.80.0.1", "10.0.0.5"], [])


def test_classify__public_addresses_are_of_no_class():
    assert classify(["45.80.0.1"]) == frozenset()


def test_get_origin__fills_in_the_usual_port():
    assert get_origin(httpx.URL("https://a.example.com/x")) == ("https", "a.example.com", 443)
    assert get_origin(httpx.URL("http://a.example.com:8080/")) == ("http", "a.example.com", 8080)
