"""Screens the parties that people have named: who is listed, who may be, who is owned by listed.

Everything is as known by the end of the run's day: the versions of the lists in use, the ownership
rows and the rules in effect, the decisions made. Only a policy fact, a person's decision, or a name
that agrees in all words and in its country makes a party `listed`; any other match is a question.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch import canonical
from stillwatch.log import get_logger
from stillwatch.policy.explanations import compare_countries, explain_holding, explain_match
from stillwatch.policy.facts import FactListing, Rule, find_in_effect, find_listings, find_rules
from stillwatch.policy.matching import Grade, Match, NameIndex, Origin, Party
from stillwatch.policy.ownership import Holding, apply_rule, list_holdings
from stillwatch.policy.schemas import SCREENING, TABLES
from stillwatch.runs import Paths, end_of_day, get_paths, read_json, replacing, write_json
from stillwatch.settings import Settings

_LOG = get_logger(__name__)

_VERSION = 1  # counts up when the same inputs give another answer
_PARTIES_FILE = "listed_parties.parquet"
_NO_RULE = Rule("none recorded", "not_recorded", (), "")
MATCH_SUBJECT = "screening_match"  # of a decision: confirm or dismiss one match


@dataclass(frozen=True)
class Inputs:
    """What a day's screening is made from, as rows."""

    entities: Sequence[Mapping[str, Any]]
    ownership: Sequence[Mapping[str, Any]]
    policy_facts: Sequence[Mapping[str, Any]]
    decisions: Sequence[Mapping[str, Any]]
    parties: Sequence[Mapping[str, Any]]  # canonical.LISTED_PARTIES, listed on the day


@dataclass(frozen=True)
class Screening:
    """The rows of the screening tables, and what could not be resolved."""

    listings: list[dict[str, Any]]
    matches: list[dict[str, Any]]
    rules: list[dict[str, Any]]
    holdings: list[dict[str, Any]]
    unknown_facts: tuple[str, ...]  # facts of status listed that name no known party
    unknown_ids: tuple[str, ...]  # parties of the ownership table without a row in entities


def screen(inputs: Inputs, day_end: datetime, minimum: float) -> Screening:
    """Return who is listed, who may be, and what listed parties hold, at the end of a day."""
    holdings = list_holdings(inputs.ownership, day_end)
    known = {row["entity_id"] for row in inputs.entities}
    held_ids = {name for item in holdings for name in (item.owner_id, item.owned_id)}
    facts = find_in_effect(inputs.policy_facts, day_end)
    fact_listings, unknown_facts = find_listings(facts, inputs.entities, held_ids)
    matches = _match(inputs, day_end, minimum)
    listings = _list_listed(fact_listings, matches)
    names = {row["entity_id"]: row["name"] for row in inputs.entities}
    rules = find_rules(facts)
    return Screening(
        listings=listings,
        matches=matches,
        rules=[
            {
                "instrument": rule.instrument,
                "rule_status": rule.status,
                "applies_to": list(rule.applies_to),
                "source": rule.source,
            }
            for rule in rules
        ],
        holdings=_list_owned(holdings, rules, listings, names),
        unknown_facts=tuple(sorted(unknown_facts)),
        unknown_ids=tuple(sorted(held_ids - known)),
    )


def _match(inputs: Inputs, day_end: datetime, minimum: float) -> list[dict[str, Any]]:
    by_key = {row["party_key"]: row for row in inputs.parties}
    index = NameIndex(
        Party(
            party_key=row["party_key"],
            party_type=row["party_type"],
            name=row["name"],
            aliases=tuple(row["aliases"]),
            weak_aliases=tuple(row["weak_aliases"]),
            countries=tuple(row["address_countries"]),
        )
        for row in by_key.values()
    )
    decided = _find_decisions(inputs.decisions, day_end)
    rows = []
    for entity in sorted(inputs.entities, key=lambda row: row["entity_id"]):
        best: dict[str, Match] = {}
        for text in (entity["name"], *entity["aliases"]):
            for match in index.find(text, minimum):
                held = best.get(match.party.party_key)
                if held is None or match.score > held.score:
                    best[match.party.party_key] = match
        for key, match in sorted(best.items()):
            rows.append(_describe(entity, match, by_key[key], decided))
    return rows


def _describe(
    entity: Mapping[str, Any],
    match: Match,
    listed: Mapping[str, Any],
    decided: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    match_id = f"{entity['entity_id']}|{match.party.party_key}"
    agreement = compare_countries(entity["country"], match.party.countries)
    explanation = explain_match(match, entity["country"], agreement)
    decision = decided.get(match_id)
    if decision is not None:
        outcome = "confirmed" if decision["decision"] == "confirm" else "dismissed"
        made = decision["decided_at"].date().isoformat()
        explanation += f"; {outcome} by {decision['actor']} on {made}: {decision['reason']}"
    else:
        outcome = "listed" if is_certain(match, agreement) else "possible"
        if outcome == "possible":
            explanation += "; a person decides"
    return {
        "entity_id": entity["entity_id"],
        "party_key": match.party.party_key,
        "match_id": match_id,
        "list_code": listed["list_code"],
        "list_name": listed["list_name"],
        "listed_party": match.party.name,
        "asked_name": match.asked_name,
        "listed_name": match.listed_name,
        "listed_name_kind": str(match.origin),
        "grade": str(match.grade),
        "score": match.score,
        "country_agreement": agreement,
        "outcome": outcome,
        "explanation": explanation,
        "feed_id": listed["feed_id"],
        "version": listed["version"],
        "source_url": listed["source_url"],
    }


def is_certain(match: Match, country_agreement: str) -> bool:
    """Return whether a match needs no person: a distinctive full name of an organisation, in place.

    An abbreviation, a name of another country or of none, and the name of a natural person never
    are: others bear them.
    """
    return (
        match.grade is Grade.EXACT
        and match.origin is not Origin.WEAK_ALIAS
        and match.is_distinctive
        and match.party.party_type != "individual"
        and country_agreement == "agree"
    )


def _find_decisions(
    rows: Iterable[Mapping[str, Any]], day_end: datetime
) -> dict[str, Mapping[str, Any]]:
    """Return the newest decision on each match that has been made and has not run out."""
    newest: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        end = row["expires_at"]
        if row["subject_type"] != MATCH_SUBJECT or row["decision"] not in ("confirm", "dismiss"):
            continue
        if row["decided_at"] >= day_end or (end is not None and end < day_end):
            continue
        held = newest.get(row["subject_id"])
        if held is None or held["decided_at"] < row["decided_at"]:
            newest[row["subject_id"]] = row
    return newest


def _list_listed(
    facts: Iterable[FactListing], matches: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for fact in facts:
        rows[fact.entity_id, fact.list_code] = {
            "entity_id": fact.entity_id,
            "list_code": fact.list_code,
            "basis": "fact",
            "explanation": f"{fact.fact} ({fact.source})",
        }
    bases = {"confirmed": "decision", "listed": "match"}
    for match in matches:
        key = (match["entity_id"], match["list_code"])
        if match["outcome"] in bases and key not in rows:
            rows[key] = {
                "entity_id": match["entity_id"],
                "list_code": match["list_code"],
                "basis": bases[match["outcome"]],
                "explanation": match["explanation"],
            }
    return [rows[key] for key in sorted(rows)]


def _list_owned(
    holdings: Sequence[Holding],
    rules: Sequence[Rule],
    listings: Sequence[Mapping[str, Any]],
    names: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Return what listed parties hold under each rule; each rule counts the lists that it covers.

    Lists that no rule covers are counted together as `none recorded`, so that a large share is
    shown even where it has no consequence in law.
    """
    codes = {row["list_code"] for row in listings}
    scopes = {rule: {code for code in codes if rule.covers(code)} for rule in rules}
    scopes[_NO_RULE] = codes - {code for covered in scopes.values() for code in covered}
    rows = []
    for rule, covered in scopes.items():
        listed = {
            row["entity_id"]: row["list_code"] for row in listings if row["list_code"] in covered
        }
        found = apply_rule(holdings, listed) if listed else {}
        counted = {entity for entity, owned in found.items() if owned.is_owned}
        rows += [
            {
                "entity_id": entity,
                "instrument": rule.instrument,
                "rule_status": rule.status,
                "owned_percent": owned.lower_percent,
                "owned_percent_upper": owned.upper_percent,
                "multiplied_percent": owned.multiplied_percent,
                "is_owned": owned.is_owned,
                "may_be_owned": owned.may_be_owned,
                "explanation": explain_holding(owned, listed, counted, names),
            }
            for entity, owned in found.items()
        ]
    return sorted(rows, key=lambda row: (row["entity_id"], row["instrument"]))


def screen_day(settings: Settings, day: date) -> dict[str, Any]:
    """Write the screening tables of `day` and their ledger record, and return the record.

    Unchanged inputs are not screened again. A list that has no usable version on the day is
    missing from the record's `lists`: nobody was compared with it.
    """
    paths = get_paths(settings)
    feeds = _find_lists(paths, day)
    folder = paths.screening / f"dt={day.isoformat()}"
    ledger = paths.ledger / "screening" / f"dt={day.isoformat()}.json"
    digest = _make_digest(paths, day, feeds, settings.screening_match_minimum)
    if ledger.exists() and all((folder / f"{name}.parquet").exists() for name in SCREENING):
        held: dict[str, Any] = read_json(ledger)
        if held.get("digest") == digest:
            return held
    inputs = Inputs(
        **{
            name: _read_reference(paths, day, name)
            for name in ("entities", "ownership", "policy_facts", "decisions")
        },
        parties=_read_parties(paths, feeds, day),
    )
    result = screen(inputs, end_of_day(day), settings.screening_match_minimum)
    tables = (result.listings, result.matches, result.rules, result.holdings)
    for name, rows in zip(SCREENING, tables, strict=True):
        with replacing(folder / f"{name}.parquet") as temporary:
            pq.write_table(pa.Table.from_pylist(rows, schema=SCREENING[name]), temporary)
    record = {
        "run_date": day.isoformat(),
        "digest": digest,
        "lists": feeds,
        "entity_count": len(inputs.entities),
        "listed_party_count": len(inputs.parties),
        "matches_by_outcome": dict(
            sorted(Counter(row["outcome"] for row in result.matches).items())
        ),
        "listed_count": len({row["entity_id"] for row in result.listings}),
        "owned_count": len({row["entity_id"] for row in result.holdings if row["is_owned"]}),
        "unknown_facts": list(result.unknown_facts),
        "unknown_ids": list(result.unknown_ids),
    }
    write_json(ledger, record)
    _LOG.info(
        "screening on %s: %d entities against %d listed parties of %d lists, matches %s",
        *(day, len(inputs.entities), len(inputs.parties), len(feeds)),
        record["matches_by_outcome"],
    )
    return record


def _find_lists(paths: Paths, day: date) -> dict[str, str]:
    """Return the version in use on the day of each feed that lists parties."""
    found = {}
    for file in sorted((paths.ledger / "feeds" / f"dt={day.isoformat()}").glob("*.json")):
        record = read_json(file)
        if record["kind"] == "csl" and record["version"] is not None:
            found[record["feed_id"]] = record["version"]
    return found


def _read_reference(paths: Paths, day: date, name: str) -> list[dict[str, Any]]:
    path = paths.reference / f"dt={day.isoformat()}" / f"{name}.parquet"
    if not path.exists():
        return []
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def _read_parties(paths: Paths, feeds: Mapping[str, str], day: date) -> list[dict[str, Any]]:
    """Return the parties listed on the day; one that several feeds give counts once."""
    rows: dict[str, dict[str, Any]] = {}
    day_end = end_of_day(day)
    for feed_id, version in feeds.items():
        table = pq.read_table(
            paths.feeds / feed_id / version / _PARTIES_FILE, schema=canonical.LISTED_PARTIES
        )
        for row in table.to_pylist():
            start, end = row["valid_from"], row["valid_until"]
            if (start is None or start < day_end) and (end is None or end >= day_end):
                rows.setdefault(row["party_key"], row)
    return [rows[key] for key in sorted(rows)]


def _make_digest(paths: Paths, day: date, feeds: Mapping[str, str], minimum: float) -> str:
    files: list[Path] = [
        paths.reference / f"dt={day.isoformat()}" / f"{table.name}.parquet" for table in TABLES
    ]
    basis = {
        "version": _VERSION,
        "minimum": minimum,
        "feeds": {
            feed_id: hashlib.sha256(
                (paths.feeds / feed_id / version / _PARTIES_FILE).read_bytes()
            ).hexdigest()
            for feed_id, version in feeds.items()
        },
        "reference": {
            path.stem: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
            if path.exists()
        },
    }
    return hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()
