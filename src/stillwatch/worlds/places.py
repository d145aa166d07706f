"""Addresses, countries and time zones of simulated accounts.

The ranges are real public ones, so that real feeds can match them; the hosts in them are drawn.
Access ranges belong to large internet providers and are on no list of hosting or VPN ranges.
Hosting and VPN ranges are on both the X4BNet and the MISP list of August 2026.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import cache

import numpy as np

from stillwatch.worlds.draws import draw_key


@dataclass(frozen=True)
class Country:
    """A country with its share of honest accounts, its clock, language and access ranges."""

    code: str
    weight: float
    utc_offset: float
    language: str
    calling_code: str
    ranges: tuple[str, ...]


COUNTRIES: dict[str, Country] = {
    row[0]: Country(row[0], row[1], row[2], row[3], row[4], tuple(row[5].split()))
    for row in (
        ("US", 30.0, -6.0, "en", "1", "76.139.0.0/16 72.123.0.0/16 76.166.0.0/16 206.243.0.0/16"),
        ("GB", 7.0, 0.0, "en", "44", "31.53.0.0/16 92.28.0.0/16 90.245.0.0/16"),
        ("IN", 9.0, 5.5, "en", "91", "49.37.0.0/16 223.232.0.0/16 115.254.0.0/16 27.6.0.0/16"),
        ("CA", 4.0, -5.0, "en", "1", "74.13.0.0/16 70.75.0.0/16 99.241.0.0/16 23.16.0.0/16"),
        ("AU", 3.0, 10.0, "en", "61", "101.188.0.0/16 114.78.0.0/16 27.33.0.0/16"),
        ("DE", 6.0, 1.0, "de", "49", "37.81.0.0/16 82.83.0.0/16 2.246.0.0/16"),
        ("CH", 1.2, 1.0, "de", "41", "178.198.0.0/16 51.154.0.0/16"),
        ("FR", 4.5, 1.0, "fr", "33", "92.156.0.0/16 109.28.0.0/16 89.93.0.0/16"),
        ("ES", 3.0, 1.0, "es", "34", "176.87.0.0/16 84.77.0.0/16 81.61.0.0/16"),
        ("MX", 2.5, -6.0, "es", "52", "177.228.0.0/16 187.160.0.0/16"),
        ("AR", 1.5, -3.0, "es", "54", "24.232.0.0/16 201.179.0.0/16 181.44.0.0/16"),
        ("CO", 1.2, -5.0, "es", "57", "181.131.0.0/16 190.253.0.0/16"),
        ("BR", 4.5, -3.0, "pt", "55", "179.93.0.0/16 191.86.0.0/16 179.139.0.0/16 189.22.0.0/16"),
        ("PT", 0.8, 0.0, "pt", "351", "94.63.0.0/16 84.90.0.0/16"),
        ("IT", 2.5, 1.0, "it", "39", "2.118.0.0/16 31.159.0.0/16"),
        ("JP", 5.5, 9.0, "ja", "81", "126.49.0.0/16 124.97.0.0/16 106.154.0.0/16"),
        ("TW", 1.8, 8.0, "zh", "886", "61.227.0.0/16 27.51.0.0/16 111.81.0.0/16"),
        ("SG", 2.0, 8.0, "en", "65", "116.87.0.0/16 121.6.0.0/16"),
        ("HK", 1.0, 8.0, "zh", "852", "223.19.0.0/16 138.19.0.0/16 121.202.0.0/16"),
        ("NL", 2.0, 1.0, "en", "31", "77.166.0.0/16 84.25.0.0/16"),
        ("SE", 1.2, 1.0, "en", "46", "78.71.0.0/16 83.189.0.0/16"),
        ("PL", 1.5, 1.0, "en", "48", "83.12.0.0/16 37.30.0.0/16"),
        ("KR", 1.6, 9.0, "en", "82", "121.159.0.0/16 223.54.0.0/16 58.238.0.0/16"),
        ("ID", 1.4, 7.0, "en", "62", "39.231.0.0/16 36.87.0.0/16"),
        ("TR", 0.9, 3.0, "en", "90", "95.6.0.0/16 176.216.0.0/16"),
        ("ZA", 0.7, 2.0, "en", "27", "165.144.0.0/16 197.245.0.0/16"),
        ("AE", 0.6, 4.0, "en", "971", "37.245.0.0/16 91.72.0.0/16"),
    )
}

_HONEST_MIX = {code: country.weight for code, country in COUNTRIES.items()}

IPV6_RANGES: dict[str, str] = {
    "US": "2600:1700::/28",
    "DE": "2003:c0::/27",
    "FR": "2a01:cb00::/28",
    "JP": "2400:4050::/32",
    "IN": "2409:4060::/28",
    "BR": "2804:14c::/32",
}

HOSTING_RANGES: dict[str, tuple[str, ...]] = {
    "US": ("144.202.0.0/17", "23.91.96.0/21", "155.94.152.0/21", "107.173.88.0/21"),
    "DE": ("142.132.128.0/17", "217.216.72.0/21"),
    "SG": ("203.123.80.0/20",),
}

VPN_RANGES: dict[str, tuple[str, ...]] = {
    "US": ("45.74.6.0/24", "172.102.206.0/23", "109.70.64.0/22"),
    "NL": ("85.198.42.0/23",),
    "DE": ("85.202.81.0/24", "86.48.9.0/24"),
    "RO": ("185.216.32.0/22",),
    "CH": ("74.118.124.0/22",),
    "GB": ("82.26.237.0/24",),
}

CLOUD_REGIONS = ("us-east-1", "us-west-2", "eu-central-1", "ap-northeast-1", "ap-southeast-1")


@dataclass(frozen=True)
class Exit:
    """An address as a gateway sees it, with the country it resolves to."""

    address: str
    country: str


def draw_country(rng: np.random.Generator, weights: dict[str, float]) -> Country:
    """Return a country by weight; no weights means the world's honest mix."""
    return COUNTRIES[draw_key(rng, weights or _HONEST_MIX)]


def draw_access_exit(rng: np.random.Generator, country: str) -> Exit:
    """Return an address of a home or mobile line in a country; one in seven is IPv6."""
    if country in IPV6_RANGES and rng.random() < 0.15:
        return Exit(_draw_ipv6(rng, IPV6_RANGES[country]), country)
    return Exit(_draw_ipv4(rng, COUNTRIES[country].ranges), country)


def draw_hosting_exit(rng: np.random.Generator, country: str | None = None) -> Exit:
    """Return an address of a hosting company."""
    return _draw_listed(rng, HOSTING_RANGES, country)


def draw_vpn_exit(rng: np.random.Generator, country: str | None = None) -> Exit:
    """Return an address of a VPN provider's exit."""
    return _draw_listed(rng, VPN_RANGES, country)


def _draw_listed(
    rng: np.random.Generator, ranges: dict[str, tuple[str, ...]], country: str | None
) -> Exit:
    code = country if country in ranges else list(ranges)[int(rng.integers(len(ranges)))]
    return Exit(_draw_ipv4(rng, ranges[code]), code)


def _draw_ipv4(rng: np.random.Generator, ranges: tuple[str, ...]) -> str:
    first, size = _read_range(ranges[int(rng.integers(len(ranges)))])
    return str(ipaddress.IPv4Address(first + 1 + int(rng.integers(size - 2))))


@cache
def _read_range(text: str) -> tuple[int, int]:
    """Return the first address of an IPv4 range as a number, and how many there are."""
    network = ipaddress.IPv4Network(text)
    return int(network.network_address), network.num_addresses


def _draw_ipv6(rng: np.random.Generator, prefix: str) -> str:
    network = ipaddress.IPv6Network(prefix)
    subnet = int(rng.integers(1, 1 << (64 - network.prefixlen)))
    host = int(rng.integers(1, 1 << 62))
    return str(ipaddress.IPv6Address(int(network.network_address) + (subnet << 64) + host))
