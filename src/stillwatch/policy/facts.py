"""What the law says on a day: which ownership rules hold, and whom the table of facts lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stillwatch.policy.names import normalise

LISTED = "listed"
IN_FORCE = "in_force"
SUSPENDED = "suspended"

_RULE_FACT = "ownership_50_percent"
_RULE_SENTENCE = re.compile(r"\bown\w*\b.*\b50\b|\b50\b.*\bown\w*\b", re.IGNORECASE | re.DOTALL)

# Which lists a rule speaks of where its row does not say (`applies_to`): by the issuer's name.
_FAMILY_OF_LIST = {
    "SDN": "ofac", "SSI": "ofac", "EL": "bis", "MEU": "bis", "UVL": "bis", "DPL": "bis",
}  # fmt: skip
_FAMILIES = ("ofac", "bis")
_FAMILY_WORDS = {
    "ofac": ("ofac", "sdn", "treasury", "specially designated"),
    "bis": ("bis", "entity_list", "entity list", "military end", "meu"),
}


@dataclass(frozen=True)
class Rule:
    """One rule on ownership by listed parties, as it stands on a day."""

    instrument: str
    status: str
    applies_to: tuple[str, ...]  # list codes; empty: by the issuer, else every list
    source: str

    def covers(self, list_code: str) -> bool:
        """Return whether being on a list matters to the rule.

        Where the row names no lists, a rule of one issuer does not speak of another issuer's list;
        a list whose issuer is not known is covered by every rule.
        """
        if self.applies_to:
            return list_code.upper() in {code.upper() for code in self.applies_to}
        mine, theirs = _find_family(self.instrument), _find_family(list_code)
        return mine is None or theirs is None or mine == theirs


@dataclass(frozen=True)
class FactListing:
    """One party that a policy fact lists."""

    entity_id: str
    list_code: str
    fact: str
    source: str


def find_in_effect(rows: Iterable[Mapping[str, Any]], day_end: datetime) -> list[Mapping[str, Any]]:
    """Return the facts in effect at the end of a day; of one instrument and fact the newest."""
    newest: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in rows:
        end = row["effective_until"]
        if row["effective_from"] >= day_end or (end is not None and end < day_end):
            continue
        key = (row["instrument"], row["fact"])
        held = newest.get(key)
        if held is None or held["effective_from"] < row["effective_from"]:
            newest[key] = row
    return [newest[key] for key in sorted(newest)]


def find_rules(facts: Iterable[Mapping[str, Any]]) -> list[Rule]:
    """Return the ownership rules among some facts.

    A rule's fact is `ownership_50_percent`, or a sentence that speaks of owning and of 50. Of one
    instrument the newest row counts.
    """
    newest: dict[str, Mapping[str, Any]] = {}
    for row in facts:
        is_rule = row["fact"] == _RULE_FACT or _RULE_SENTENCE.search(row["fact"])
        if row["status"] == LISTED or not is_rule:
            continue
        held = newest.get(row["instrument"])
        if held is None or held["effective_from"] < row["effective_from"]:
            newest[row["instrument"]] = row
    return [
        Rule(name, row["status"], tuple(row.get("applies_to") or ()), row["source"])
        for name, row in sorted(newest.items())
    ]


def find_listings(
    facts: Iterable[Mapping[str, Any]],
    entities: Sequence[Mapping[str, Any]],
    other_ids: Iterable[str] = (),
) -> tuple[list[FactListing], list[str]]:
    """Return whom the facts list, and the facts that name nobody of the table of entities.

    A fact of status `listed` names one entity: by its id, by its name, or by a sentence that
    begins with its name (`Quillstone Holding is on the demonstration list`). The instrument is the
    list. Names are compared as in matching, whole; the longest that fits counts. `other_ids` are
    those of parties that the ownership table names and the table of entities does not.
    """
    ids = {row["entity_id"] for row in entities} | set(other_ids)
    names = sorted(
        (
            (normalise(text).words, row["entity_id"])
            for row in entities
            for text in (row["name"], *row["aliases"])
        ),
        key=lambda item: (-len(item[0]), item),
    )
    listings, unknown = [], []
    for row in facts:
        if row["status"] != LISTED:
            continue
        entity = row["fact"] if row["fact"] in ids else _find_named(row["fact"], names)
        if entity is None:
            unknown.append(row["fact"])
            continue
        listings.append(FactListing(entity, row["instrument"], row["fact"], row["source"]))
    return listings, unknown


def _find_named(fact: str, names: list[tuple[tuple[str, ...], str]]) -> str | None:
    said = normalise(fact).words
    fitting = [(words, entity) for words, entity in names if said[: len(words)] == words]
    if not fitting:
        return None
    longest = len(fitting[0][0])
    found = {entity for words, entity in fitting if len(words) == longest}
    return found.pop() if len(found) == 1 else None


def _find_family(name: str) -> str | None:
    if name.upper() in _FAMILY_OF_LIST:
        return _FAMILY_OF_LIST[name.upper()]
    lowered = name.lower()
    return next(
        (family for family in _FAMILIES if any(word in lowered for word in _FAMILY_WORDS[family])),
        None,
    )
