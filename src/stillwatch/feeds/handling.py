"""What of the feeds may leave the house, and to whom: the one rule that every export goes through.

Each indicator carries the marking, permitted use and licence that it came with. They are only ever
read strictly: what cannot be read, or was not stated, stays inside.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from stillwatch.errors import ConfigError
from stillwatch.feeds.registry import NO_LICENCE, PERMITTED_USES, Marking, get_strictest


class Audience(StrEnum):
    """Who is to read an export."""

    INTERNAL = "internal"
    PEERS = "peers"
    PUBLIC = "public"


# TLP 2.0: GREEN may go round a community, AMBER only to those who need it, CLEAR to everybody.
_DEFAULT_MAXIMUM = {
    Audience.INTERNAL: Marking.RED,
    Audience.PEERS: Marking.GREEN,
    Audience.PUBLIC: Marking.CLEAR,
}
_HIGHEST_MAXIMUM = _DEFAULT_MAXIMUM | {Audience.PEERS: Marking.AMBER}
_KEYED_TYPES = ("template_fingerprint",)
_NUMBER = re.compile(r"^-?[0-9]+$")
_FORBIDDING = re.compile(
    r"proprietary|confidential|internal use|all rights reserved|"
    r"(?:no|not for|without) (?:re-?)?(?:distribution|sharing)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Selection:
    """The rows that may leave, the marking of them as a whole, and what stays by reason.

    `read_count` is the count of the rows plus all that were withheld.
    """

    rows: tuple[Mapping[str, Any], ...]
    marking: Marking
    withheld: dict[str, int]
    read_count: int


def select_for_audience(
    rows: Iterable[Mapping[str, Any]],
    audience: Audience,
    at: datetime,
    maximum: Marking | None = None,
) -> Selection:
    """Return the indicators that an audience may have at an instant, up to a marking.

    Rows are those of `dim_indicators`, or have its columns; `has_ttl` may say in addition whether
    their feed states a time to live. The whole is marked as strictly as its strictest part, and
    never below CLEAR. Every row that stays is counted under the first rule that keeps it.
    """
    limit = get_maximum(audience, maximum)
    kept = []
    withheld: Counter[str] = Counter()
    for row in rows:
        reason = find_obstacle(row, audience, at, limit)
        if reason is None:
            kept.append(row)
        else:
            withheld[reason] += 1
    return Selection(
        rows=tuple(kept),
        marking=get_strictest([Marking.CLEAR, *(Marking(row["marking"]) for row in kept)]),
        withheld=dict(sorted(withheld.items())),
        read_count=len(kept) + withheld.total(),
    )


def get_maximum(audience: Audience, maximum: Marking | None) -> Marking:
    """Return the strictest marking that an export may hold; above its audience is an error.

    >>> get_maximum(Audience.PEERS, None)
    <Marking.GREEN: 'TLP:GREEN'>
    """
    highest = _HIGHEST_MAXIMUM[audience]
    if maximum is None:
        return _DEFAULT_MAXIMUM[audience]
    if get_strictest([maximum, highest]) is not highest:
        raise ConfigError(
            f"{maximum} is not for {audience}: the most that it may hold is {highest}"
        )
    return maximum


def find_obstacle(
    row: Mapping[str, Any], audience: Audience, at: datetime, maximum: Marking
) -> str | None:
    """Return why one indicator must not go to an audience, or None."""
    if row["valid_from"] > at:
        return "not_yet_valid"
    if row["valid_until"] <= at:
        return "expired"
    if row["marking"] not in tuple(Marking):
        return "unknown_marking"
    if audience is not Audience.INTERNAL:
        reason = _find_terms_obstacle(row, audience)
        if reason is not None:
            return reason
    if get_strictest([Marking(row["marking"]), maximum]) is not maximum:
        return "marked_above"
    return None


def _find_terms_obstacle(row: Mapping[str, Any], audience: Audience) -> str | None:
    licence = (row["licence"] or "").strip()
    if not licence or licence == NO_LICENCE:
        return "no_licence"
    if not row.get("has_ttl", True):
        return "no_ttl"
    if _FORBIDDING.search(licence):
        return "licence_forbids_sharing"
    uses = PERMITTED_USES
    if row["permitted_use"] not in uses or (
        uses.index(row["permitted_use"]) < uses.index(str(audience))
    ):
        return "use_not_permitted"
    if row["indicator_type"] in _KEYED_TYPES and _NUMBER.match(row["value"]):
        return "keyed_value"  # made with this deployment's key: it means nothing to anybody else
    return None
