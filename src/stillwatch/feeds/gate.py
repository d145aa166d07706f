"""The sanity gate: is a parsed version to be believed as a whole?

Single bad entries are refused by the parsers. What is judged here is the version: its size, its
change against the last good one, and whether it covers an address that must never be listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stillwatch.feeds.addresses import (
    WELL_KNOWN_RESOLVERS,
    WELL_KNOWN_RESOLVERS_ID,
    to_number,
    to_text,
)
from stillwatch.feeds.parsed import VersionRefusedError
from stillwatch.feeds.ranges import Range, find_overlap
from stillwatch.feeds.registry import Feed, FeedKind


@dataclass(frozen=True)
class ProtectedList:
    """Addresses that no feed may cover, as sorted disjoint ranges."""

    feed_id: str
    spans: Sequence[tuple[int, int]]


def get_well_known_resolvers() -> ProtectedList:
    """Return the protected list that is always there."""
    numbers = sorted(to_number(text) for text in WELL_KNOWN_RESOLVERS)
    return ProtectedList(WELL_KNOWN_RESOLVERS_ID, [(number, number) for number in numbers])


def is_checked_against_protected(feed: Feed) -> bool:
    """Return whether a feed lists addresses as indicators, so that a protected hit would count."""
    lists_addresses = feed.kind in (FeedKind.CIDR_LIST, FeedKind.STIX21, FeedKind.TAXII21)
    return lists_addresses and not feed.is_protected_list


def check_terms(feed: Feed) -> None:
    """Refuse a feed without licence or time to live: nobody could say what may be done with it."""
    if not feed.licence:
        raise VersionRefusedError("no_licence", f"feed {feed.id} has no `licence`")
    if feed.ttl_days is None:
        raise VersionRefusedError("no_ttl", f"feed {feed.id} has no `ttl_days`")


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
    for protected in protected_lists:
        if protected.feed_id == feed.id or protected.feed_id in feed.may_cover:
            continue
        hit = find_overlap(ranges, protected.spans)
        if hit is not None:
            (start, end, _), address = hit
            raise VersionRefusedError(
                "protected_overlap",
                f"{to_text(start)} to {to_text(end)} covers {to_text(address)} "
                f"of the protected list {protected.feed_id}",
            )
