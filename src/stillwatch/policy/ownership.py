"""Who is held by listed parties: the 50 percent rule with its cascade, and the share by numbers.

The legal test goes level by level: an entity held 50 percent or more in aggregate by listed parties
counts as listed for the next level (docs/decisions/0009-ownership-cascade.md). The multiplied share
is information only. What is not known is not guessed: a lower bound counts it as nothing, an upper
bound as all that is left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

RULE_PERCENT = 50.0  # OFAC FAQ 401; 90 FR 47201 (the same test for the Entity List)
_WHOLE = 100.0
_TOLERANCE = 1e-9  # percent; shares are given with two decimals
_MAXIMUM_ROUNDS = (
    20_000  # a cycle that hands on 99.9 percent needs 20,000 to settle to the tolerance
)


@dataclass(frozen=True)
class Holding:
    """What one owner holds of one entity: two bounds, equal where the share is known."""

    owner_id: str
    owned_id: str
    lower_percent: float
    upper_percent: float | None  # None: not known, so at most what the known shares leave
    sources: tuple[str, ...]

    @property
    def is_disputed(self) -> bool:
        """Whether sources name different shares."""
        return self.upper_percent is not None and self.upper_percent > self.lower_percent


@dataclass(frozen=True)
class Owned:
    """What listed parties hold of one entity."""

    entity_id: str
    lower_percent: float  # by listed parties and those that count as listed; unknown shares are 0
    upper_percent: float  # the same, unknown shares at most
    multiplied_percent: float  # by listed parties alone, shares multiplied through
    is_owned: bool  # the lower bound reaches the rule
    may_be_owned: bool  # the upper bound does
    holders: tuple[Holding, ...]  # owners that are or may be listed or count as listed
    known_percent: float  # all recorded shares together; over 100 is an error of the table


def list_holdings(rows: Iterable[Mapping[str, Any]], day_end: datetime) -> list[Holding]:
    """Return the holdings in effect at the end of a day, one per owner and entity.

    A later row of one source replaces its earlier one. Sources that name different shares give
    bounds; an unknown share beside a known one adds nothing. A holding of an entity in itself is
    left out: it changes nothing in who owns the rest.
    """
    newest: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for row in rows:
        start, end = row["valid_from"], row["valid_until"]
        if (start is not None and start >= day_end) or (end is not None and end < day_end):
            continue
        if row["owner_id"] == row["owned_id"]:
            continue
        key = (row["owner_id"], row["owned_id"], row["source"])
        held = newest.get(key)
        if held is None or _get_order(held) < _get_order(row):
            newest[key] = row
    by_pair: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for (owner, owned, _), row in sorted(newest.items()):
        by_pair[owner, owned].append(row)
    return [_merge(owner, owned, found) for (owner, owned), found in sorted(by_pair.items())]


def _get_order(row: Mapping[str, Any]) -> tuple[bool, str]:
    start = row["valid_from"]
    return (start is not None, "" if start is None else start.isoformat())


def _merge(owner: str, owned: str, rows: list[Mapping[str, Any]]) -> Holding:
    shares = [row["share_percent"] for row in rows if row["share_percent"] is not None]
    return Holding(
        owner_id=owner,
        owned_id=owned,
        lower_percent=min(shares, default=0.0),
        upper_percent=max(shares, default=None),
        sources=tuple(sorted({row["source"] for row in rows})),
    )


def apply_rule(holdings: Iterable[Holding], listed: Iterable[str]) -> dict[str, Owned]:
    """Return what listed parties hold of every entity of which they hold or may hold anything.

    Cycles need no care: the set of those that count as listed only grows, and ends.

    >>> chain = [Holding("a", "b", 50.0, 50.0, ()), Holding("b", "c", 50.0, 50.0, ())]
    >>> found = apply_rule(chain, ["a"])["c"]
    >>> found.is_owned, found.lower_percent, found.multiplied_percent
    (True, 50.0, 25.0)
    """
    by_owned: dict[str, list[Holding]] = defaultdict(list)
    for holding in holdings:
        by_owned[holding.owned_id].append(holding)
    seeds = frozenset(listed)
    surely = _cascade(by_owned, seeds, is_upper=False)
    perhaps = _cascade(by_owned, seeds, is_upper=True)
    multiplied = _multiply(by_owned, seeds)
    result = {}
    for entity, held in sorted(by_owned.items()):
        holders = tuple(holding for holding in held if holding.owner_id in perhaps)
        if not holders and entity not in multiplied:
            continue
        lower = _add_up(held, surely, is_upper=False)
        upper = _add_up(held, perhaps, is_upper=True)
        result[entity] = Owned(
            entity_id=entity,
            lower_percent=lower,
            upper_percent=max(lower, upper),
            multiplied_percent=multiplied.get(entity, 0.0),
            is_owned=_reaches(lower),
            may_be_owned=_reaches(max(lower, upper)),
            holders=holders,
            known_percent=sum(holding.lower_percent for holding in held),
        )
    return result


def _reaches(percent: float) -> bool:
    return percent >= RULE_PERCENT - _TOLERANCE


def _cascade(
    by_owned: Mapping[str, list[Holding]], seeds: frozenset[str], is_upper: bool
) -> frozenset[str]:
    """Return the listed parties and all that count as listed, by the lower or the upper bound."""
    by_owner: dict[str, list[str]] = defaultdict(list)
    for entity, held in by_owned.items():
        for holding in held:
            by_owner[holding.owner_id].append(entity)
    counted = set(seeds)
    waiting = sorted(seeds)
    while waiting:
        for entity in by_owner.get(waiting.pop(), ()):
            if entity not in counted and _reaches(_add_up(by_owned[entity], counted, is_upper)):
                counted.add(entity)
                waiting.append(entity)
    return frozenset(counted)


def _add_up(held: list[Holding], counted: Iterable[str], is_upper: bool) -> float:
    """Return the percent of one entity that counted owners hold, at least or at most.

    At most: disputed shares at their largest, and if a counted owner's share is unknown, all that
    the recorded shares of the others leave over.
    """
    members = counted if isinstance(counted, set | frozenset) else set(counted)
    ours = [holding for holding in held if holding.owner_id in members]
    if not is_upper:
        return min(_WHOLE, sum(holding.lower_percent for holding in ours))
    known = sum(holding.upper_percent or 0.0 for holding in ours)
    if any(holding.upper_percent is None for holding in ours):
        others = sum(holding.lower_percent for holding in held if holding.owner_id not in members)
        return max(min(known, _WHOLE), _WHOLE - min(others, _WHOLE))
    return min(_WHOLE, known)


def _multiply(by_owned: Mapping[str, list[Holding]], seeds: frozenset[str]) -> dict[str, float]:
    """Return the percent of each entity that goes back to listed parties, multiplied through.

    The share of an entity is the sum over its owners of their share times 1 if the owner is listed
    and times the owner's own share if not. With cycles this is a set of equations; counting up from
    nothing reaches its smallest solution, which gives a closed circle of owners nothing.
    """
    reached = _reach(by_owned, seeds)
    entities = sorted(reached | seeds)
    place = {entity: number for number, entity in enumerate(entities)}
    edges = [
        (place[holding.owner_id], place[entity], holding.lower_percent / _WHOLE)
        for entity in sorted(reached)
        for holding in by_owned[entity]
        if holding.owner_id in place
    ]
    if not edges:
        return {}
    owner = np.array([edge[0] for edge in edges])
    owned = np.array([edge[1] for edge in edges])
    share = np.array([edge[2] for edge in edges])
    is_listed = np.array([entity in seeds for entity in entities])
    held = np.zeros(len(entities))
    for _ in range(_MAXIMUM_ROUNDS):
        passed_on = np.where(is_listed, 1.0, held)[owner] * share
        following = np.minimum(np.bincount(owned, passed_on, len(entities)), 1.0)
        change = float(np.abs(following - held).max())
        held = following
        if change * _WHOLE < _TOLERANCE:
            break
    return {entity: round(float(held[place[entity]]) * _WHOLE, 6) for entity in sorted(reached)}


def _reach(by_owned: Mapping[str, list[Holding]], seeds: frozenset[str]) -> frozenset[str]:
    """Return every entity in which a listed party holds anything, through any number of others."""
    by_owner: dict[str, list[str]] = defaultdict(list)
    for entity, held in by_owned.items():
        for holding in held:
            if holding.lower_percent > 0:
                by_owner[holding.owner_id].append(entity)
    found: set[str] = set()
    waiting = sorted(seeds)
    while waiting:
        for entity in by_owner.get(waiting.pop(), ()):
            if entity not in found:
                found.add(entity)
                waiting.append(entity)
    return frozenset(found)
