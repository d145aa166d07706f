"""Addresses, user agents, e-mail addresses and phone numbers."""

from __future__ import annotations

import pytest

from stillwatch.keyed import Keyer
from stillwatch.sources.identity import (
    Identities,
    name_user_agent,
    parse_address,
    parse_email,
    parse_phone,
    write_grammar,
)

KEYER = Keyer(bytes(32))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("192.0.2.1:4432", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:0DB8:0:0::1", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_parse_address__gives_one_text_per_address(text: str, canonical: str) -> None:
    address = parse_address(text, KEYER)
    assert address is not None
    assert address.text == canonical
    assert len(address.hex) == 32


def test_parse_address__shares_the_net_token_within_24_and_48_bits() -> None:
    def net(text: str) -> str:
        address = parse_address(text, KEYER)
        assert address is not None
        return address.net_token

    assert net("192.0.2.1") == net("192.0.2.250") != net("192.0.3.1")
    assert net("2001:db8:1::1") == net("2001:db8:1:ffff::9") != net("2001:db8:2::1")


@pytest.mark.parametrize("text", ["", "host", "1.2.3", "1.2.3.4/24", "999.0.0.1", "01.2.3.4"])
def test_parse_address__knows_what_is_no_address(text: str) -> None:
    assert parse_address(text, KEYER) is None


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("python-requests/2.32.3", "Python Requests"),
        ("meridian-python/2.9.3 (CPython 3.12; Windows 11 x86_64)", "meridian-python"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox"),
        ("<script>alert(1)</script>", "Other"),
    ],
)
def test_name_user_agent__drops_the_version_and_anything_odd(text: str, family: str) -> None:
    assert name_user_agent(text) == family


@pytest.mark.parametrize(
    ("local", "grammar"),
    [("jane.doe1984", "L4-5.L2-3D4"), ("kx83jq0217", "L2-3D2L2-3D4"), ("李雷+a", "L2-3+L1")],
)
def test_write_grammar__keeps_runs_and_separators_only(local: str, grammar: str) -> None:
    assert write_grammar(local) == grammar


def test_parse_email__ignores_case_and_keeps_only_the_domain() -> None:
    one, other = (parse_email(text, KEYER) for text in ("A.B@Example.com", " a.b@example.COM. "))
    assert one == other
    assert one is not None
    assert one.domain == "example.com"
    for text in ("x", "@example.com", "a@localhost", "a@b c.com"):
        assert parse_email(text, KEYER) is None


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("+1 202 555 0100", "US"),
        ("0065-5555-0100", "SG"),
        ("+852 5555 0100", "HK"),
        ("5555 0100", None),
    ],
)
def test_parse_phone__knows_the_country_of_international_numbers(
    text: str, country: str | None
) -> None:
    phone = parse_phone(text, KEYER)
    assert phone is not None
    assert phone[1] == country
    assert "5550100" not in phone[0]


def test_parse_phone__knows_what_is_no_number() -> None:
    assert parse_phone("call me", KEYER) is None


def test_client__is_unknown_only_if_every_part_is() -> None:
    identities = Identities(KEYER)
    assert identities.client(None, None, None) is None
    assert identities.client("a", "b", None) != identities.client("a", None, "b")
    assert identities.client("a", None, None) == identities.client("a", None, None)
