"""Lists of addresses, networks and ranges."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, summarize_address_range

from stillwatch.feeds.addresses import RefusedError, parse_network
from stillwatch.feeds.entries import read_entries
from stillwatch.feeds.parsed import Indicator, ParsedFeed
from stillwatch.feeds.registry import Feed

_ENDPOINT = re.compile(r"^(?:[a-z0-9]+://)?(?:\[([0-9A-Fa-f:]+)\]|([0-9.]+)):[0-9]{1,5}/?$")


def parse_cidr_list(feed: Feed, files: Mapping[str, bytes]) -> ParsedFeed:
    """Return one indicator per address or network; each refused entry is counted by reason.

    A range `start-end` counts as the networks that it consists of.
    """
    parsed = ParsedFeed()
    excluded = {item.value for item in feed.exclude}
    for entry in read_entries(files, feed.parser):
        text = cut_port(entry) if feed.parser.has_port else entry
        for part in _split_range(text):
            try:
                indicator = make_address_indicator(feed, part)
            except RefusedError as error:
                parsed.refuse(error.reason, entry)
                continue
            if indicator.value in excluded:
                parsed.refuse("excluded", entry)
            else:
                parsed.use(indicator, part)
    return parsed


def make_address_indicator(feed: Feed, text: str) -> Indicator:
    """Return the indicator of one address or CIDR, or raise RefusedError."""
    bounds = feed.bounds
    span = parse_network(text, bounds.widest_prefix_v4, bounds.widest_prefix_v6)
    kind = "ipv4_cidr" if span.version == 4 else "ipv6_cidr"
    return Indicator(kind, span.text, labels=feed.labels, start=span.start, end=span.end)


def cut_port(text: str) -> str:
    """Return the address of an endpoint; a text that is none is returned as it is.

    >>> cut_port("socks5://45.83.64.7:1080"), cut_port("[2a00:1450::1]:443")
    ('45.83.64.7', '2a00:1450::1')
    """
    found = _ENDPOINT.match(text.strip())
    return (found[1] or found[2]) if found else text


def _split_range(text: str) -> Iterator[str]:
    """Yield the networks of a range; what is no range is yielded as it is."""
    first, dash, last = text.partition("-")
    if not dash:
        yield text
        return
    try:
        start, end = ip_address(first.strip()), ip_address(last.strip())
        networks = summarize_address_range(start, end)
        yield from (str(network) for network in list(networks))
    except (TypeError, ValueError):
        yield text  # refused as an invalid address
