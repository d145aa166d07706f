"""Lists of autonomous systems."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stillwatch.feeds.addresses import RefusedError
from stillwatch.feeds.entries import read_entries
from stillwatch.feeds.parsed import Indicator, ParsedFeed
from stillwatch.feeds.registry import Feed

_ASN = re.compile(r"^(?:ASN?\s*)?([0-9]{1,10})$", re.IGNORECASE)

# IANA's special-purpose AS numbers (RFC 7249 and updates): nobody's, or anybody's.
RESERVED_ASNS: tuple[tuple[int, int], ...] = (
    (0, 0),
    (23456, 23456),
    (64496, 131071),  # documentation, private use, reserved
    (4_200_000_000, 4_294_967_295),
)


def parse_asn_list(feed: Feed, files: Mapping[str, bytes]) -> ParsedFeed:
    """Return one indicator per AS number; each refused entry is counted by reason."""
    parsed = ParsedFeed()
    excluded = {item.value for item in feed.exclude}
    for entry in read_entries(files, feed.parser):
        try:
            number = canonicalise_asn(entry)
        except RefusedError as error:
            parsed.refuse(error.reason, entry)
            continue
        if number in excluded:
            parsed.refuse("excluded", entry)
        else:
            parsed.use(Indicator("asn", number, match_value=number, labels=feed.labels), entry)
    return parsed


def canonicalise_asn(text: str) -> str:
    """Return an AS number as decimal digits, or raise RefusedError.

    >>> canonicalise_asn("AS3356")
    '3356'
    """
    found = _ASN.match(text.strip())
    if found is None or int(found[1]) > 0xFFFF_FFFF:
        raise RefusedError("invalid_asn")
    number = int(found[1])
    if any(first <= number <= last for first, last in RESERVED_ASNS):
        raise RefusedError("reserved_asn")
    return str(number)
