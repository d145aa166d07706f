"""Where a redirect may lead: to the same or a safer scheme, and never into a network of ours."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection

import httpx

from stillwatch.feeds.addresses import find_special, to_number

Resolve = Callable[[str, int], list[str]]

# Classes of address that a redirect may lead to if the configured host is itself of that class.
_OWN_NETWORKS = frozenset({"private", "loopback"})
_METADATA = frozenset(  # of clouds, on private addresses
    to_number(address) for address in ("fd00:ec2::254", "100.100.100.200")
)
_SCHEMES = {("http", "http"), ("http", "https"), ("https", "https")}
_PORTS = {"http": 80, "https": 443}


class RedirectRefusedError(Exception):
    """A redirect is not followed; the text says why."""


def get_origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Return what a browser calls the origin: scheme, host and port."""
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme)


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, without a zone; OSError or UnicodeError if it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]).split("%", 1)[0] for *_, address in found]


def follow(target: httpx.URL, location: str) -> httpx.URL:
    """Return where an answer's `Location` leads, if its scheme may be followed.

    >>> follow(httpx.URL("http://lists.example.com/x"), "https://lists.example.com/y")
    URL('https://lists.example.com/y')
    """
    try:
        upcoming = target.join(location)
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise RedirectRefusedError(f"{target} to {location!r}: {error}") from error
    if not location or not upcoming.host or (upcoming.port or 0) > 65_535:
        raise RedirectRefusedError(f"{target} to {location!r}: no address")
    if (target.scheme, upcoming.scheme) not in _SCHEMES:
        raise RedirectRefusedError(
            f"{target} to {location!r}: only http to http or https, and https to https, is followed"
        )
    if upcoming.userinfo:
        raise RedirectRefusedError(f"{target} to {upcoming.host}: a user name in the address")
    return upcoming


def classify(addresses: Collection[str]) -> frozenset[str]:
    """Return the special classes that some addresses belong to.

    >>> sorted(classify(["10.0.0.5", "1.1.1.1", "127.0.0.1"]))
    ['loopback', 'private']
    """
    reasons = (_find_special(address) for address in addresses)
    return frozenset(reason for reason in reasons if reason is not None)


def check_addresses(host: str, addresses: Collection[str], own: Collection[str]) -> None:
    """Refuse a host with an address inside a network, but for the classes of the configured host.

    Link-local addresses, where clouds keep their metadata, are refused whoever asks.
    """
    for address in addresses:
        reason = _find_special(address)
        is_ours = reason in _OWN_NETWORKS and reason in own
        if reason is None or (is_ours and to_number(address) not in _METADATA):
            continue
        raise RedirectRefusedError(
            f"a redirect to {host} ({address}) leads into a private network ({reason}): "
            "if that is meant, put the final address into `url`"
        )


def _find_special(address: str) -> str | None:
    number = to_number(address)
    return find_special(number, number)
