"""Identities: nobody real, and the traits that a YAML file asks for."""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import replace

import numpy as np

from stillwatch.worlds import people, places
from stillwatch.worlds.model import Identity
from stillwatch.worlds.population import make_population
from stillwatch.worlds.presets import load_world


def test_emails__lie_below_example_but_for_disposable_ones():
    rng = np.random.default_rng(1)
    for kind in ("personal", "corporate", "campus", "scripted"):
        for _ in range(50):
            assert people.draw_email(rng, kind, "FL99", None).endswith(".example")
    assert not people.draw_email(rng, "disposable", "aa99", None).endswith(".example")


def test_cards__start_with_nine_and_pools_limit_them():
    rng = np.random.default_rng(2)
    pool = people.draw_bin_pool(rng, "virtual_card", 3)
    drawn = {people.draw_card_bin(rng, "virtual_card", pool) for _ in range(200)}
    assert drawn == set(pool)
    assert len(pool) == 3
    everyone = people.CARD_BINS + people.VIRTUAL_BINS + people.PREPAID_BINS
    assert len(set(everyone)) == len(everyone)
    assert all(len(each) == 6 and each.startswith("9") for each in everyone)


def test_shared_instrument__is_one_card_for_the_whole_team():
    world = load_world("tiny")
    team = replace(
        world.cohorts[0],
        platforms={"native": 1.0},
        identity=Identity(organisations=1, shared_instrument=True, payment={"card": 1.0}),
    )
    population = make_population(replace(world, cohorts=(team,), attackers=()), 1)
    cards = {account.registry["payment_instrument"] for account in population.accounts}
    bins = {account.registry["payment_bin"] for account in population.accounts}
    assert len(cards) == len(bins) == 1
    assert len({account.organization_id for account in population.accounts}) == 1


def test_pools_of_one_campaign__share_exits_bins_and_client():
    world = load_world("tiny")
    population = make_population(world, 1)
    pools: dict[str, list] = {"pool_1": [], "pool_2": []}
    for account in population.accounts:
        role = population.groups[account.group].role
        if role in pools and account.source.platform == "native":
            pools[role].append(account)
    exits = [{each for account in pool for each in account.exits} for pool in pools.values()]
    prints = [{account.fingerprints[0] for account in pool} for pool in pools.values()]
    bins = {a.registry["payment_bin"] for pool in pools.values() for a in pool}
    assert exits[0] == exits[1]
    assert prints[0] == prints[1]
    assert len(prints[0]) == 1
    assert len(bins) <= 2


def test_disguised_client__shows_another_user_agent_than_its_tls():
    world = load_world("tiny")
    population = make_population(world, 1)
    attackers = [a for a in population.accounts if population.groups[a.group].campaign]
    assert {a.fingerprints[0].user_agent.split("/")[0] for a in attackers} == {"codeharbor-cli"}
    assert {a.fingerprints[0].ja4.split("_")[0] for a in attackers} == {"t13d1312h2"}


def test_classroom__sits_behind_one_address_with_education_accounts():
    world = load_world("demo")
    room = next(cohort for cohort in world.cohorts if cohort.name == "classroom")
    population = make_population(replace(world, cohorts=(room,), attackers=()), 4)
    first = Counter(account.exits[0].address for account in population.accounts)
    assert len(first) == 1
    assert {a.registry["signup_path"] for a in population.accounts} == {"education"}
    opened = [account.created_at for account in population.accounts]
    assert max(opened) - min(opened) < 6 * 3600


def test_ranges__are_public_and_keep_homes_apart_from_hosting():
    homes = [ipaddress.ip_network(r) for c in places.COUNTRIES.values() for r in c.ranges]
    listed = [
        ipaddress.ip_network(prefix)
        for ranges in (*places.HOSTING_RANGES.values(), *places.VPN_RANGES.values())
        for prefix in ranges
    ]
    assert all(network.is_global for network in homes + listed)
    assert not [(a, b) for a in homes for b in listed if a.overlaps(b)]
    rng = np.random.default_rng(3)
    drawn = [places.draw_access_exit(rng, "US").address for _ in range(300)]
    assert 10 < sum(":" in address for address in drawn) < 100


def test_bedrock_accounts__carry_next_to_no_identity():
    population = make_population(load_world("demo"), 1)
    cloud = [a.registry for a in population.accounts if a.source.platform == "aws_bedrock"]
    assert {row["payment_type"] for row in cloud} == {"cloud_marketplace"}
    assert not [row for row in cloud if row.get("email") or row.get("signup_ip")]
    assert len(population.accounts) > 3600
    honest = [a for a in population.accounts if not population.groups[a.group].campaign]
    assert len(honest) >= 3000
