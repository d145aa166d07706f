"""What an attacker's block promises is in the landed lines and in the truth about them."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest

from stillwatch.worlds.groups import list_groups
from stillwatch.worlds.model import World
from stillwatch.worlds.population import make_population
from stillwatch.worlds.presets import parse_world
from stillwatch.worlds.simulate import write
from stillwatch.worlds.traffic import TrafficModel

SOLD = datetime(2026, 11, 4, tzinfo=UTC)
WORLD = """
name: gallery
description: a few attackers of each delicate kind, small
extends: two_platforms
seed: 9
first_day: 2026-11-01
days: 5
delivery: {late_ratio: 0.0}
cohorts:
  - {use: ordinary_people, times: 0.02}
attackers:
  - {use: technique_searcher, knobs: {accounts: 6}}
  - {use: artifact_replayer, knobs: {accounts: 8}}
  - {use: shared_pool, knobs: {accounts: 20}}
  - {use: bought_accounts, knobs: {accounts: 12}}
  - {use: off_platform}
"""


@dataclass
class Gallery:
    root: Path

    def read_truth(self, table: str) -> list[dict[str, Any]]:
        return list(pq.read_table(self.root / "truth" / f"{table}.parquet").to_pylist())

    @cached_property
    def exchanges(self) -> dict[str, dict[str, Any]]:
        """Every native line by its id, with the truth about it."""
        labels = {row["exchange_id"]: row for row in self.read_truth("exchanges")}
        for row in self.read_truth("exchange_details"):
            labels[row["exchange_id"]] |= row
        rows = {}
        for path in sorted(self.root.glob("landing/usage/native_api/dt=*/*.gz")):
            for line in gzip.decompress(path.read_bytes()).splitlines():
                row = orjson.loads(line)
                rows[row["exchange_id"]] = row | {"truth": labels[row["exchange_id"]]}
        return rows

    @cached_property
    def campaigns(self) -> dict[str, dict[str, Any]]:
        listed = json.loads((self.root / "truth" / "campaigns.json").read_text("utf-8"))
        return {row["campaign"]: row for row in listed}

    def select(self, cohort: str) -> list[dict[str, Any]]:
        return [row for row in self.exchanges.values() if row["truth"]["cohort"] == cohort]


def _write(root: Path, seed: int | None = None) -> Gallery:
    write(parse_world(WORLD, "test.yml"), root / "landing", root / "truth", seed)
    return Gallery(root)


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return _write(tmp_path_factory.mktemp("gallery"))


def _digest(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_gallery__is_the_same_for_one_seed_and_another_for_another(gallery, tmp_path):
    first = _digest(gallery.root)
    assert _digest(_write(tmp_path / "again").root) == first
    other = _digest(_write(tmp_path / "other", seed=10).root)
    assert other.keys() == first.keys()
    usage = [name for name in first if name.startswith("landing/usage") and name.endswith(".gz")]
    assert len(usage) == 10
    assert all(other[name] != first[name] for name in usage)


def test_technique_search__tries_each_wording_once_and_scales_a_few_of_them(gallery):
    rows = gallery.select("technique_searcher.pool_1")
    tried = [row for row in rows if row["event_at"] < "2026-11-04"]
    scaled = [row for row in rows if row["event_at"] >= "2026-11-04"]
    variants = [row["truth"]["variant"] for row in tried]
    assert len(set(variants)) == len(variants) > 1000
    assert len({row["prompt"].partition("Problem:")[0] for row in tried}) > 0.98 * len(tried)
    winners = Counter(row["truth"]["variant"] for row in scaled)
    assert set(winners) == set(range(8)) <= set(variants)
    assert len({row["prompt"].partition("Problem:")[0] for row in scaled}) == 8
    assert min(winners.values()) > 50
    first_try = {row["truth"]["variant"]: row["prompt"].partition("Problem:")[0] for row in tried}
    assert {row["prompt"].partition("Problem:")[0] for row in scaled} == {
        first_try[variant] for variant in winners
    }
    refused = [np.mean([row["status"] == "refused" for row in part]) for part in (tried, scaled)]
    assert refused[0] > 0.65
    assert refused[1] < 0.1


def test_artifact_replay__hands_in_what_another_account_was_given(gallery):
    rows = gallery.select("artifact_replayer.pool_1")
    given = {artifact: row for row in rows for artifact in row.get("artifacts_issued", [])}
    replayed = [row for row in rows if row["truth"].get("artifact_from")]
    decoders = [row for row in rows if row["truth"]["technique"] != "reasoning_elicitation"]
    assert 0.2 < len(replayed) / len(rows) < 0.35  # 0.35 of the traffic, 0.8 of it replays
    assert len(decoders) > len(replayed)
    for row in replayed:
        (artifact,) = row["artifacts_submitted"]
        source = given[artifact]
        assert source["account_id"] == row["truth"]["artifact_from"] != row["account_id"]
        assert source["session_id"] != row["session_id"]
        assert source["event_at"] <= row["event_at"]
        assert row["model"] == "meridian-4-mini"
        assert row["message_count"] >= 3
    assert {given[row["artifacts_submitted"][0]]["model"] for row in replayed} - {"meridian-4-mini"}


def test_shared_pool__says_for_whom_each_request_was(gallery):
    campaign = gallery.campaigns["shared_pool"]
    counts = campaign["organisations"]
    assert set(counts) == {"Vantage Hollow AI", "Gravenmoor AI", "Thistledown Systems"}
    assert sum(counts.values()) == campaign["extraction_count"]
    assert counts["Vantage Hollow AI"] / campaign["exchange_count"] == pytest.approx(0.25, abs=0.03)
    by_account: dict[str, set[str]] = {}
    for row in gallery.select("shared_pool.pool_1"):
        if organisation := row["truth"].get("organisation"):
            by_account.setdefault(row["account_id"], set()).add(organisation)
            assert row["truth"]["is_extraction"]
    assert sum(len(parties) == 3 for parties in by_account.values()) > 0.9 * len(by_account)


def test_bought_accounts__are_honest_until_they_are_sold(gallery):
    rows = gallery.select("bought_accounts.pool_1")
    before = [row for row in rows if datetime.fromisoformat(row["event_at"]) < SOLD]
    after = [row for row in rows if datetime.fromisoformat(row["event_at"]) >= SOLD]
    assert {row["truth"]["campaign"] for row in before} == {None}
    assert not any(row["truth"]["is_extraction"] for row in before)
    assert {row["truth"]["campaign"] for row in after} == {"bought_accounts"}
    assert np.mean([row["truth"]["is_extraction"] for row in after]) > 0.85
    assert len(after) / 2 > 3 * len(before) / 3
    for account in {row["account_id"] for row in before}:
        homes = {row["client_ip"] for row in before if row["account_id"] == account}
        proxies = {row["client_ip"] for row in after if row["account_id"] == account}
        assert len(homes) <= 2
        assert not homes & proxies


def test_off_platform__is_listed_as_not_observable_and_landed_nowhere(gallery):
    campaign = gallery.campaigns["off_platform"]
    assert campaign["is_observable"] is False
    assert "broker" in campaign["off_platform"]
    assert (campaign["account_count"], campaign["exchange_count"]) == (0, 0)
    assert not any(row["campaign"] == "off_platform" for row in gallery.read_truth("accounts"))


def test_truth__counts_techniques_and_capabilities_of_every_campaign(gallery):
    for name, campaign in gallery.campaigns.items():
        if name == "off_platform":
            continue
        assert sum(campaign["capabilities"].values()) == campaign["extraction_count"] > 0
        assert sum(campaign["techniques"].values()) == campaign["extraction_count"]


def _draw(attacker: str, days: int) -> tuple[World, list[int]]:
    text = WORLD.partition("attackers:")[0].replace("days: 5", f"days: {days}")
    world = parse_world(f"{text}attackers: [{attacker}]", "test.yml")
    population = make_population(world, 4)
    model = TrafficModel(world, population, 4)
    ours = {a.number for a in population.accounts if population.groups[a.group].campaign}
    drawn = [model.draw_day(day) for day in world.dates]
    return world, [sum(n in ours for n in events.account.tolist()) for events in drawn]


def test_slow_poisoner__grows_by_equal_steps():
    _, counts = _draw("{use: slow_poisoner, knobs: {ramp_days: 10}}", 12)
    steps = np.polyfit(np.arange(10), counts[:10], 1)
    assert steps[0] == pytest.approx(counts[10] / 10, rel=0.15)
    assert counts[0] < 0.15 * counts[10]
    assert counts[11] == pytest.approx(counts[10], rel=0.1)


@pytest.mark.parametrize("mixing", [0.0, 0.5, 0.98])
def test_camouflage__mixes_as_much_as_the_knob_says(mixing):
    text = WORLD.partition("attackers:")[0]
    attacker = f"attackers: [{{use: camouflage, knobs: {{mixing: {mixing}}}}}]"
    world = parse_world(text + attacker, "test.yml")
    population = make_population(world, 4)
    events = TrafficModel(world, population, 4).draw_day(date(2026, 11, 3))
    groups = list_groups(world)
    ours = [
        content.extraction
        for group, content in (events.contents[n] for n in events.content.tolist())
        if groups[group].campaign
    ]
    assert len(ours) > 3000
    assert np.mean(ours) == pytest.approx(1.0 - mixing, abs=0.02)


def test_naive__pays_with_one_card_from_one_address():
    text = WORLD.partition("attackers:")[0]
    world = parse_world(f"{text}attackers: [{{use: naive}}]", "test.yml")
    population = make_population(world, 4)
    ours = [a for a in population.accounts if population.groups[a.group].campaign]
    assert len({account.registry["payment_instrument"] for account in ours}) == 1
    assert len({exit_ for account in ours for exit_ in account.exits}) == 1


def test_cloud_route__is_on_the_platform_that_logs_no_address():
    text = WORLD.partition("attackers:")[0]
    world = parse_world(f"{text}attackers: [{{use: cloud_route}}]", "test.yml")
    population = make_population(world, 4)
    ours = [a for a in population.accounts if population.groups[a.group].campaign]
    assert {account.source.platform for account in ours} == {"aws_bedrock"}
    assert not any(account.registry.get("signup_ip") for account in ours)


def test_shared_seats__show_many_addresses_and_clients_on_each_account():
    text = WORLD.partition("attackers:")[0]
    world = parse_world(f"{text}attackers: [{{use: shared_seats}}]", "test.yml")
    population = make_population(world, 4)
    ours = [a for a in population.accounts if population.groups[a.group].campaign]
    for account in ours:
        assert len({exit_.address for exit_ in account.exits}) > 40
        clients = {account.get_client(0.0, chance / 1e6) for chance in range(9)}
        assert len({client.ja4 for client in clients}) >= 2
    assert len({account.registry["payment_instrument"] for account in ours}) <= 3
