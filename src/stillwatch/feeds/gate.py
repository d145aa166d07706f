"""The sanity gate: is a parsed version to be believed as a whole?

Single bad entries are refused by the parsers. What is judged here is the version: its size, its
change against the last good one, and whether it covers an address that must never be listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stillwatch.errors import ConfigError
from stillwatch.feeds.addresses import (
    V4_OFFSET,
    WELL_KNOWN_DOMAINS,
    WELL_KNOWN_RESOLVERS,
    WELL_KNOWN_RESOLVERS_ID,
    RefusedError,
    parse_network,
    to_number,
    to_text,
)
from stillwatch.feeds.domain_list import canonicalise_domain
from stillwatch.feeds.parsed import Indicator, VersionRefusedError
from stillwatch.feeds.ranges import Range, find_overlap, flatten_ranges
from stillwatch.feeds.registry import Feed, FeedKind, ProtectedValue

OWN_VALUES_ID = "protected"  # the key of feeds.yml
_SMALL_V4 = 1 << 8  # addresses of a /24
_SMALL_V6 = 1 << 80  # of a /48


@dataclass(frozen=True)
class ProtectedList:
    """Addresses that no feed may cover, as sorted disjoint ranges, and domains likewise.

    Of a list that protects networks, single addresses and networks up to a /24 or /48 may be
    listed: a rented host in a cloud can be hostile, a whole cloud is not.
    """

    feed_id: str
    spans: Sequence[tuple[int, int]]
    domains: frozenset[str] = frozenset()
    allows_small: bool = False


def read_own_values(values: Sequence[ProtectedValue]) -> ProtectedList:
    """Return the protected list of the values below `protected:`; a wrong one is a ConfigError."""
    ranges, domains = [], set()
    for item in values:
        try:
            if item.value.replace(".", "").replace("/", "").isdigit() or ":" in item.value:
                span = parse_network(item.value, 0, 0, allow_special=True)
                ranges.append((span.start, span.end, ""))
            else:
                domains.add(canonicalise_domain(item.value))
        except RefusedError as error:
            raise ConfigError(
                f"feeds.yml: protected value {item.value!r} is no address, network or domain "
                f"({error.reason})"
            ) from error
    spans = [(start, end) for start, end, _ in flatten_ranges(ranges)]
    return ProtectedList(OWN_VALUES_ID, spans, frozenset(domains))


def get_well_known_resolvers() -> ProtectedList:
    """Return the protected list that is always there: resolvers, and domains of everybody."""
    numbers = sorted(to_number(text) for text in WELL_KNOWN_RESOLVERS)
    spans = [(number, number) for number in numbers]
    return ProtectedList(WELL_KNOWN_RESOLVERS_ID, spans, WELL_KNOWN_DOMAINS)


def is_checked_against_protected(feed: Feed) -> bool:
    """Return whether a feed lists addresses or domains, so that a protected hit would count."""
    others = (FeedKind.ASN_LIST, FeedKind.BIN_LIST)
    return not (feed.kind.is_lookup or feed.kind in others or feed.is_protected_list)


def check_size(feed: Feed, used_count: int, previous_count: int | None) -> None:
    """Refuse a version that is empty, out of its bounds or changed beyond belief."""
    bounds = feed.bounds
    if used_count == 0:
        raise VersionRefusedError("empty", "no usable entry")
    if used_count < bounds.min_entries:
        raise VersionRefusedError(
            "too_few_entries", f"{used_count} usable entries, min_entries is {bounds.min_entries}"
        )
    if used_count > bounds.max_entries:
        raise VersionRefusedError(
            "too_many_entries", f"{used_count} usable entries, max_entries is {bounds.max_entries}"
        )
    if previous_count is None:
        return
    if used_count < previous_count * (1 - bounds.max_shrink_ratio):
        raise VersionRefusedError(
            "shrank",
            f"{used_count} usable entries after {previous_count}: more than "
            f"max_shrink_ratio {bounds.max_shrink_ratio} went",
        )
    if used_count > previous_count * bounds.max_growth_ratio:
        raise VersionRefusedError(
            "grew",
            f"{used_count} usable entries after {previous_count}: more than "
            f"max_growth_ratio {bounds.max_growth_ratio}",
        )


def check_protected(
    feed: Feed, ranges: Iterable[Range], protected_lists: Iterable[ProtectedList]
) -> None:
    """Refuse a version that covers a protected address."""
    if not is_checked_against_protected(feed):
        return
    ranges = list(ranges)
    wide = [item for item in ranges if not _is_small(item)]
    for protected in protected_lists:
        if protected.feed_id == feed.id or protected.feed_id in feed.may_cover:
            continue
        hit = find_overlap(wide if protected.allows_small else ranges, protected.spans)
        if hit is not None:
            (start, end, _), address = hit
            raise VersionRefusedError(
                "protected_overlap",
                f"{to_text(start)} to {to_text(end)} covers {to_text(address)} "
                f"of the protected list {protected.feed_id}",
            )


def check_protected_domains(
    feed: Feed, indicators: Iterable[Indicator], protected_lists: Iterable[ProtectedList]
) -> None:
    """Refuse a version that lists a protected domain."""
    if not is_checked_against_protected(feed):
        return
    listed = {item.value for item in indicators if item.type in ("domain", "email_domain")}
    for protected in protected_lists:
        hits = sorted(listed & protected.domains)
        if hits and protected.feed_id not in feed.may_cover:
            raise VersionRefusedError(
                "protected_overlap",
                f"{', '.join(hits[:3])} of the protected list {protected.feed_id}",
            )


def _is_small(item: Range) -> bool:
    start, end, _ = item
    is_v4 = V4_OFFSET <= start <= V4_OFFSET + 0xFFFF_FFFF
    return end - start < (_SMALL_V4 if is_v4 else _SMALL_V6)
