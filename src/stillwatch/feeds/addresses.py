"""Addresses as 128-bit numbers, and the ranges that no honest feed lists.

An IPv4 address is the number of its IPv4-mapped IPv6 form, so that one table holds both families
and sorts as the hexadecimal digits of `canonical.RANGES` do.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

V4_OFFSET = 0xFFFF_0000_0000

# IANA special-purpose registries (RFC 6890 and updates, read 2026-06), as disjoint blocks. Only
# addresses inside 2000::/3 are given out in IPv6; everything else is reserved.
SPECIAL_BLOCKS: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "reserved"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "private"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link_local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", "reserved"),  # AS112: answers misdirected lookups
    ("192.52.193.0/24", "reserved"),  # multicast tunnelling
    ("192.88.99.0/24", "reserved"),
    ("192.168.0.0/16", "private"),
    ("192.175.48.0/24", "reserved"),  # AS112
    ("198.18.0.0/15", "reserved"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("::/8", "reserved"),
    ("100::/8", "reserved"),
    ("200::/7", "reserved"),
    ("400::/6", "reserved"),
    ("800::/5", "reserved"),
    ("1000::/4", "reserved"),
    ("2001::/23", "reserved"),  # protocol assignments, Teredo among them: nobody's own address
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "reserved"),  # 6to4, likewise
    ("2620:4f:8000::/48", "reserved"),  # AS112
    ("3fff::/20", "documentation"),
    ("4000::/2", "reserved"),
    ("8000::/2", "reserved"),
    ("c000::/3", "reserved"),
    ("e000::/4", "reserved"),
    ("f000::/5", "reserved"),
    ("f800::/6", "reserved"),
    ("fc00::/7", "private"),
    ("fe00::/9", "reserved"),
    ("fe80::/10", "link_local"),
    ("fec0::/10", "reserved"),
    ("ff00::/8", "multicast"),
)

# Resolvers that half of the world's clients ask: a feed that lists one is wrong or poisoned, as
# has happened to public feeds more than once. Always protected, besides the configured lists.
WELL_KNOWN_RESOLVERS: tuple[str, ...] = (
    "1.0.0.1",  # Cloudflare
    "1.1.1.1",
    "2606:4700:4700::1001",
    "2606:4700:4700::1111",
    "8.8.4.4",  # Google
    "8.8.8.8",
    "2001:4860:4860::8844",
    "2001:4860:4860::8888",
    "9.9.9.9",  # Quad9
    "149.112.112.112",
    "2620:fe::9",
    "2620:fe::fe",
    "208.67.220.220",  # Cisco OpenDNS
    "208.67.222.222",
    "2620:119:35::35",
    "2620:119:53::53",
    "64.6.64.6",  # Vercara
    "64.6.65.6",
    "77.88.8.1",  # Yandex
    "77.88.8.8",
    "94.140.14.14",  # AdGuard
    "94.140.15.15",
    "185.228.168.9",  # CleanBrowsing
    "185.228.169.9",
)
# Domains at which half of the world has its mail, or from which it loads its pages. Listing one
# would suspect everybody. Compared as a whole: `pages.github.com` is another domain.
_DOMAINS_OF_EVERYBODY = """
amazon.com amazonaws.com aol.com apple.com azure.com bing.com cloudflare.com cloudfront.net
facebook.com fastmail.com github.com gitlab.com gmail.com gmx.de gmx.net google.com
googleapis.com googlemail.com googleusercontent.com gstatic.com hotmail.com icloud.com
instagram.com linkedin.com live.com mail.ru mac.com me.com microsoft.com microsoftonline.com
msn.com naver.com office.com office365.com outlook.com proton.me protonmail.com qq.com
t-online.de tutanota.com web.de whatsapp.com wikipedia.org windows.net x.com yahoo.co.jp
yahoo.com yandex.com yandex.ru youtube.com zoho.com 126.com 163.com
"""
WELL_KNOWN_DOMAINS = frozenset(_DOMAINS_OF_EVERYBODY.split())
WELL_KNOWN_RESOLVERS_ID = "well_known_resolvers"

_LEADING_ZERO = re.compile(r"^[0-9.]*(?:^|\.)0[0-9]")


class RefusedError(ValueError):
    """One entry of a feed cannot be used; `reason` is the code that it is counted under."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Span:
    """A range of addresses as numbers, both ends included, with the canonical text of its CIDR."""

    start: int
    end: int
    text: str
    version: int


def to_number(address: str) -> int:
    """Return the 128-bit number of an address.

    >>> hex(to_number("1.2.3.4"))
    '0xffff01020304'
    """
    parsed = ip_address(address)
    return int(parsed) + (V4_OFFSET if parsed.version == 4 else 0)


def to_hex(number: int) -> str:
    """Return the 32 hexadecimal digits of an address number."""
    return f"{number:032x}"


def to_text(number: int) -> str:
    """Return an address number as a person writes it."""
    if V4_OFFSET <= number <= V4_OFFSET + 0xFFFF_FFFF:
        return str(ip_address(number - V4_OFFSET))
    return str(ip_address(number.to_bytes(16, "big")))


def parse_network(text: str, widest_v4: int, widest_v6: int, allow_special: bool = False) -> Span:
    """Return the range of an address or CIDR; raise RefusedError where it must not be used.

    Host bits are cut off: 1.2.3.4/24 means 1.2.3.0/24.

    >>> parse_network("8.8.8.0/24", 8, 19).text
    '8.8.8.0/24'
    >>> parse_network("9.9.9.9", 8, 19).text
    '9.9.9.9/32'
    """
    if _LEADING_ZERO.match(text):
        raise RefusedError("leading_zero")
    try:
        network: IPv4Network | IPv6Network = ip_network(text, strict=False)
    except ValueError as error:
        raise RefusedError("invalid_address") from error
    if "%" in text:  # a zone is a fact of one machine
        raise RefusedError("invalid_address")
    if isinstance(network, IPv6Network):
        if network.network_address.ipv4_mapped is not None and network.prefixlen >= 96:
            raise RefusedError("ipv4_mapped")
        if network.prefixlen < widest_v6:
            raise RefusedError("too_wide")
        offset = 0
    else:
        if network.prefixlen < widest_v4:
            raise RefusedError("too_wide")
        offset = V4_OFFSET
    start = int(network.network_address) + offset
    span = Span(start, start + network.num_addresses - 1, str(network), network.version)
    reason = find_special(span.start, span.end)
    if reason is not None and not allow_special:
        raise RefusedError(reason)
    return span


def find_special(start: int, end: int) -> str | None:
    """Return why a range must not be listed, or None: it touches addresses of special purpose."""
    index = bisect_right(_SPECIAL_STARTS, end) - 1
    if index < 0 or SPECIAL_SPANS[index][1] < start:
        return None
    first, last, reason = SPECIAL_SPANS[index]
    return reason if first <= start and end <= last else "covers_reserved"


def _list_special() -> list[tuple[int, int, str]]:
    spans = []
    for text, reason in SPECIAL_BLOCKS:
        network = ip_network(text)
        start = int(network.network_address) + (V4_OFFSET if network.version == 4 else 0)
        end = start + network.num_addresses - 1
        if text == "::/8":  # the IPv4-mapped block inside it holds the IPv4 addresses
            spans.append((0, V4_OFFSET - 1, reason))
            start = V4_OFFSET + (1 << 32)
        spans.append((start, end, reason))
    return sorted(spans)


SPECIAL_SPANS: list[tuple[int, int, str]] = _list_special()
_SPECIAL_STARTS = [start for start, _, _ in SPECIAL_SPANS]
