"""Screening as of a day: what lists, what only may, which rule counted, what people decided."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pyarrow.parquet as pq
import pytest
import yaml

from stillwatch.feeds.refresh import refresh_day
from stillwatch.policy.facts import Rule, find_in_effect, find_listings, find_rules
from stillwatch.policy.reference import load_reference
from stillwatch.policy.screening import Inputs, screen, screen_day
from stillwatch.runs import end_of_day
from stillwatch.settings import Settings

SENTENCE = "Entities owned 50 percent or more by listed parties are treated as listed"


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fact(instrument, text, status, start="2020-01-01", end=None, applies_to=()):
    return {
        "instrument": instrument,
        "fact": text,
        "status": status,
        "effective_from": at(start),
        "effective_until": end and at(end),
        "source": "cited",
        "applies_to": list(applies_to),
    }


def entity(entity_id, name, country=None, aliases=()):
    return {"entity_id": entity_id, "name": name, "aliases": list(aliases), "country": country}


def owns(owner, owned, share):
    return {
        "owner_id": owner,
        "owned_id": owned,
        "share_percent": share,
        "valid_from": None,
        "valid_until": None,
        "source": "register",
    }


def party(key, name, countries=("CN",), party_type="entity"):
    code, entry = key.split(":")
    return {
        "party_key": key,
        "feed_id": "lists",
        "list_code": code,
        "list_name": code,
        "entry_id": entry,
        "party_type": party_type,
        "name": name,
        "aliases": [],
        "weak_aliases": [],
        "address_countries": list(countries),
        "source_url": None,
        "version": "v",
    }


def decide(match_id, decision, decided="2026-10-01", expires=None):
    return {
        "subject_type": "screening_match",
        "subject_id": match_id,
        "decision": decision,
        "actor": "j.roe",
        "decided_at": at(decided),
        "reason": "checked the register",
        "expires_at": expires and at(expires),
    }


def run(day="2026-11-01", minimum=0.8, **tables):
    names = ("entities", "ownership", "policy_facts", "decisions", "parties")
    inputs = Inputs(**{name: tables.get(name, ()) for name in names})
    return screen(inputs, end_of_day(date.fromisoformat(day)), minimum)


ENTITIES = [
    entity("e1", "Quillstone Optical", "CN"),
    entity("e2", "Quillstone Optical", "SG"),
    entity("e3", "Quilstone Optical", "CN"),
    entity("e4", "Bellwether", "US"),
]
PARTIES = [party("EL:1", "Quillstone Optical Co., Ltd.")]


def test_screen__only_an_exact_name_in_its_country_lists():
    result = run(entities=ENTITIES, parties=PARTIES)
    assert [row["entity_id"] for row in result.listings] == ["e1"]
    outcomes = {row["entity_id"]: row["outcome"] for row in result.matches}
    assert outcomes == {"e1": "listed", "e2": "possible", "e3": "possible"}
    assert all(
        row["explanation"].endswith("; a person decides")
        for row in result.matches
        if row["outcome"] == "possible"
    )


@pytest.mark.parametrize(
    ("decision", "day", "outcome"),
    [
        (decide("e2|EL:1", "confirm"), "2026-11-01", "confirmed"),
        (decide("e2|EL:1", "dismiss"), "2026-11-01", "dismissed"),
        (decide("e2|EL:1", "confirm"), "2026-09-30", "possible"),  # not yet made
        (decide("e2|EL:1", "dismiss", expires="2026-10-15"), "2026-11-01", "possible"),
        (decide("e2|EL:1", "escalate"), "2026-11-01", "possible"),
        (decide("e2|EL:9", "confirm"), "2026-11-01", "possible"),
    ],
)
def test_screen__a_persons_decision_settles_a_match_from_its_day_on(decision, day, outcome):
    result = run(day=day, entities=ENTITIES, parties=PARTIES, decisions=[decision])
    row = next(row for row in result.matches if row["entity_id"] == "e2")
    assert row["outcome"] == outcome
    listed = {row["entity_id"]: row["basis"] for row in result.listings}
    assert listed.get("e2") == ("decision" if outcome == "confirmed" else None)


def test_screen__a_dismissal_takes_a_certain_match_off_too():
    dismissal = decide("e1|EL:1", "dismiss")
    assert run(entities=ENTITIES, parties=PARTIES, decisions=[dismissal]).listings == []


@pytest.mark.parametrize("named", ["e1", "Quillstone Optical Ltd", "Quillstone Optical is listed"])
def test_screen__a_fact_lists_by_id_name_or_sentence(named):
    facts = [fact("demo_list", named, "listed")]
    result = run(entities=[ENTITIES[0], ENTITIES[3]], policy_facts=facts)
    assert [(row["entity_id"], row["list_code"]) for row in result.listings] == [
        ("e1", "demo_list")
    ]


def test_screen__a_fact_that_names_nobody_or_two_is_said_and_lists_nobody():
    facts = [fact("l", "Nobody Known", "listed"), fact("l", "Quillstone Optical", "listed")]
    result = run(entities=ENTITIES, policy_facts=facts)
    assert result.listings == []
    assert result.unknown_facts == ("Nobody Known", "Quillstone Optical")


def test_screen__each_rule_counts_the_lists_that_it_covers():
    result = run(
        entities=[entity("x", "X Party"), entity("y", "Y Party"), entity("a", "A Party")],
        ownership=[owns("x", "a", 30.0), owns("y", "a", 30.0), owns("a", "unnamed", 90.0)],
        policy_facts=[
            fact("SDN", "x", "listed"),
            fact("EL", "y", "listed"),
            fact("ofac_50_percent_rule", "ownership_50_percent", "in_force", applies_to=["SDN"]),
            fact("bis_affiliates_rule", SENTENCE, "suspended", applies_to=["EL", "SDN"]),
        ],
    )
    found = {(row["entity_id"], row["instrument"]): row for row in result.holdings}
    assert found["a", "ofac_50_percent_rule"]["owned_percent"] == 30
    assert not found["a", "ofac_50_percent_rule"]["is_owned"]
    assert found["a", "bis_affiliates_rule"]["owned_percent"] == 60
    assert found["unnamed", "bis_affiliates_rule"]["is_owned"]
    assert found["unnamed", "bis_affiliates_rule"]["multiplied_percent"] == 54
    assert result.unknown_ids == ("unnamed",)
    assert "30 percent by X Party (listed: SDN)" in found["a", "bis_affiliates_rule"]["explanation"]


def test_screen__lists_that_no_rule_covers_are_counted_as_such():
    result = run(
        entities=[entity("x", "X Party")],
        ownership=[owns("x", "a", 70.0)],
        policy_facts=[fact("some_list", "x", "listed")],
    )
    (row,) = result.holdings
    assert (row["instrument"], row["rule_status"]) == ("none recorded", "not_recorded")
    assert row["is_owned"]


@pytest.mark.parametrize(
    ("day", "status"),
    [
        ("2025-09-28", None),
        ("2025-09-29", "in_force"),
        ("2025-11-09", "in_force"),
        ("2025-11-10", "suspended"),
        ("2026-11-09", "suspended"),
        ("2026-11-10", None),
    ],
)
def test_find_rules__the_rule_in_force_on_the_day(day, status):
    facts = [
        fact("bis_affiliates_rule", SENTENCE, "in_force", "2025-09-29", "2025-11-10"),
        fact("bis_affiliates_rule", SENTENCE, "suspended", "2025-11-10", "2026-11-10"),
        fact("hr_8283", "Model extraction attack as defined", "reported_not_law"),
    ]
    rules = find_rules(find_in_effect(facts, end_of_day(date.fromisoformat(day))))
    assert [rule.status for rule in rules] == ([status] if status else [])


def test_find_rules__a_suspension_interrupts_an_open_ended_rule():
    facts = [
        fact("rule", "ownership_50_percent", "in_force", "2025-09-29"),
        fact("rule", "ownership_50_percent", "suspended", "2025-11-10", "2026-11-10"),
    ]
    for day, status in (("2025-11-09", "in_force"), ("2026-01-01", "suspended")):
        (rule,) = find_rules(find_in_effect(facts, end_of_day(date.fromisoformat(day))))
        assert rule.status == status
    (rule,) = find_rules(find_in_effect(facts, end_of_day(date(2026, 11, 10))))
    assert rule.status == "in_force"


@pytest.mark.parametrize(
    ("rule", "code", "covers"),
    [
        (Rule("bis_affiliates_rule", "in_force", (), ""), "EL", True),
        (Rule("bis_affiliates_rule", "in_force", (), ""), "SDN", False),
        (Rule("ofac_50_percent_rule", "in_force", (), ""), "SDN", True),
        (Rule("ofac_50_percent_rule", "in_force", (), ""), "EL", False),
        (Rule("ofac_50_percent_rule", "in_force", (), ""), "demo_list", True),
        (Rule("bis_affiliates_rule", "in_force", ("SDN",), ""), "sdn", True),
    ],
)
def test_rule__covers_the_lists_of_its_issuer_unless_its_row_says(rule, code, covers):
    assert rule.covers(code) is covers


def test_find_listings__the_longest_name_counts():
    entities = [entity("short", "Copperleaf"), entity("long", "Copperleaf Relay")]
    listings, _ = find_listings([fact("l", "Copperleaf Relay is listed", "listed")], entities)
    assert [item.entity_id for item in listings] == ["long"]


@pytest.fixture
def world(tmp_path):
    key = tmp_path / "key"
    key.write_text("ab" * 32)
    key.chmod(0o600)
    (tmp_path / "config").mkdir()
    settings = Settings(
        home=tmp_path / "var",
        landing_uri=str(tmp_path / "landing"),
        config=tmp_path / "config",
        key_file=key,
    )
    reference = tmp_path / "landing" / "reference"
    reference.mkdir(parents=True)
    (reference / "entities.csv").write_text(
        "entity_id,name,aliases,country\ne1,Quillstone,QSH|Quillstone Holding,CN\n"
    )
    feed = tmp_path / "landing" / "feeds" / "lists"
    for version, name in (("2026-10-30", "Quillstone Holding"), ("2026-11-02", "Other Party")):
        folder = feed / f"dt={version}T000000Z"
        folder.mkdir(parents=True)
        entries = [{"name": name, "aliases": [], "country": "China"}]
        (folder / "el.json").write_text(
            json.dumps({"list_id": "bis-entity-list", "entities": entries})
        )
    (feed / "feed.yml").write_text(
        yaml.safe_dump(
            {
                "kind": "csl",
                "labels": ["listed"],
                "source_reliability": "A",
                "information_credibility": 1,
                "marking": "TLP:CLEAR",
                "licence": "public domain",
                "ttl_days": 30,
            }
        )
    )

    def process(day):
        load_reference(settings, day)
        refresh_day(settings, day, pull=False)
        record = screen_day(settings, day)
        folder = settings.home / "screening" / f"dt={day}"
        return record, pq.read_table(folder / "screening_matches.parquet").to_pylist()

    return process


@pytest.mark.fault(6)
def test_screen_day__uses_the_list_of_the_day_forwards_backwards_and_again(world, tmp_path):
    days = [date(2026, 10, 29), date(2026, 11, 1), date(2026, 11, 2)]
    counts = [[row["outcome"] for row in world(day)[1]] for day in days]
    assert counts == [[], ["listed"], []]

    def read():
        folder = tmp_path / "var" / "screening"
        return {path: path.read_bytes() for path in folder.rglob("*.parquet")}

    before = read()
    for day in reversed(days):
        world(day)
    assert read() == before


def test_screen_day__says_which_lists_it_had(world):
    assert world(date(2026, 10, 29))[0]["lists"] == {}
    record, _ = world(date(2026, 11, 1))
    assert record["lists"] == {"lists": "2026-10-30T000000Z"}
    assert (record["entity_count"], record["listed_party_count"]) == (1, 1)
