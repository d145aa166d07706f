"""Lists of addresses and networks."""

from __future__ import annotations

from collections.abc import Mapping

from stillwatch.feeds.addresses import RefusedError, parse_network
from stillwatch.feeds.entries import read_entries
from stillwatch.feeds.parsed import Indicator, ParsedFeed
from stillwatch.feeds.registry import Feed


def parse_cidr_list(feed: Feed, files: Mapping[str, bytes]) -> ParsedFeed:
    """Return one indicator per address or network; each refused entry is counted by reason."""
    parsed = ParsedFeed()
    excluded = {item.value for item in feed.exclude}
    for entry in read_entries(files, feed.parser):
        try:
            indicator = make_address_indicator(feed, entry)
        except RefusedError as error:
            parsed.refuse(error.reason, entry)
            continue
        if indicator.value in excluded:
            parsed.refuse("excluded", entry)
        else:
            parsed.use(indicator, entry)
    return parsed


def make_address_indicator(feed: Feed, text: str) -> Indicator:
    """Return the indicator of one address or CIDR, or raise RefusedError."""
    bounds = feed.bounds
    span = parse_network(text, bounds.widest_prefix_v4, bounds.widest_prefix_v6)
    kind = "ipv4_cidr" if span.version == 4 else "ipv6_cidr"
    return Indicator(kind, span.text, labels=feed.labels, start=span.start, end=span.end)
