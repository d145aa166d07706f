"""What a parser hands back: indicators, ranges and the count of every entry that was read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import pyarrow as pa

from stillwatch.feeds.registry import (
    Marking,
    get_narrowest_use,
    get_strictest,
)

_EXAMPLES_PER_REASON = 5
_EXAMPLE_LENGTH = 80


class VersionRefusedError(Exception):
    """A version of a feed is refused as a whole; `reason` is its code, the text names the cause."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Indicator:
    """One usable indicator; what it does not say of itself comes from the feed's entry."""

    type: str
    value: str
    match_value: str | None = None
    labels: tuple[str, ...] = ()
    confidence: int | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    marking: Marking | None = None
    permitted_use: str | None = None
    source_reliability: str | None = None
    information_credibility: int | None = None
    start: int | None = None  # of the address range, as a number
    end: int | None = None


@dataclass(frozen=True)
class ListedParty:
    """One party of a screening list; see `canonical.LISTED_PARTIES` for the columns."""

    list_code: str
    list_name: str
    entry_id: str
    party_type: str
    name: str
    aliases: tuple[str, ...] = ()
    weak_aliases: tuple[str, ...] = ()
    address_countries: tuple[str, ...] = ()
    programmes: tuple[str, ...] = ()
    federal_register_notice: str | None = None
    start_date: date | None = None
    end_date: date | None = None
    source_url: str | None = None


@dataclass
class ParsedFeed:
    """All entries of one version: used or refused by reason, never dropped silently."""

    entry_count: int = 0
    used_count: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    canonicalised_count: int = 0
    other_objects: Counter[str] = field(default_factory=Counter)  # context, by type or remark
    indicators: dict[tuple[str, str], Indicator] = field(default_factory=dict)
    parties: dict[str, ListedParty] = field(default_factory=dict)  # of csl, by party key
    lookup: pa.Table | None = None  # of ip2asn and ip2country: columns start_hex, end_hex, label

    def refuse(self, reason: str, entry: str) -> None:
        """Count one entry that cannot be used, keeping the first few as examples."""
        self.entry_count += 1
        self.refused[reason] += 1
        examples = self.examples.setdefault(reason, [])
        if len(examples) < _EXAMPLES_PER_REASON:
            examples.append(entry[:_EXAMPLE_LENGTH])

    def refuse_many(self, reason: str, count: int, examples: list[str]) -> None:
        """Count entries that cannot be used for one reason."""
        if count:
            self.entry_count += count
            self.refused[reason] += count
            self.examples[reason] = [text[:_EXAMPLE_LENGTH] for text in examples][
                :_EXAMPLES_PER_REASON
            ]

    def use(self, indicator: Indicator, entry: str) -> None:
        """Count one entry and keep its indicator.

        A second entry of one value is a duplicate. It adds no indicator, but the stricter handling
        and the longer validity of the two count from then on.
        """
        key = (indicator.type, indicator.value)
        held = self.indicators.get(key)
        if held is not None:
            self.refuse("duplicate", entry)
            self.indicators[key] = _merge(held, indicator)
            return
        self.entry_count += 1
        self.used_count += 1
        self.canonicalised_count += indicator.value != entry
        self.indicators[key] = indicator

    def use_party(self, party: ListedParty) -> None:
        """Count one entry and keep its party; a second entry of one list and id is a duplicate."""
        key = f"{party.list_code}:{party.entry_id}"
        if key in self.parties:
            self.refuse("duplicate", f"{key} {party.name}")
            return
        self.entry_count += 1
        self.used_count += 1
        self.parties[key] = party


def _merge(held: Indicator, other: Indicator) -> Indicator:
    """Return the first indicator under the terms of both; None means the feed's own terms."""
    markings = [item.marking for item in (held, other) if item.marking is not None]
    uses = [item.permitted_use for item in (held, other) if item.permitted_use is not None]
    begin, end = (held.valid_from, other.valid_from), (held.valid_until, other.valid_until)
    return replace(
        held,
        marking=get_strictest(markings) if markings else None,
        permitted_use=get_narrowest_use(uses) if uses else None,
        valid_from=min(begin[0], begin[1]) if begin[0] and begin[1] else None,
        valid_until=max(end[0], end[1]) if end[0] and end[1] else None,
    )
