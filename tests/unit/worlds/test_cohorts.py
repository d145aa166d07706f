"""What makes an honest cohort look suspicious is there, in its accounts and in what they do."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest

from stillwatch.worlds.population import Account, Population, make_population
from stillwatch.worlds.presets import parse_world
from stillwatch.worlds.traffic import TrafficModel

HEAD = """
name: mine
description: made for a test
extends: two_platforms
seed: 1
first_day: 2026-11-02
days: 7
"""


def _populate(*blocks: str) -> tuple[Population, TrafficModel, list]:
    uses = ", ".join(f"{{use: {block}}}" for block in blocks)
    world = parse_world(f"{HEAD}cohorts: [{uses}]", "test.yml")
    population = make_population(world, 3)
    return population, TrafficModel(world, population, 3), list(world.dates)


def _members(population: Population, name: str) -> list[Account]:
    (index,) = [n for n, group in enumerate(population.groups) if group.name == name]
    return population.select(index)


def _count(events, accounts: list[Account]) -> int:
    numbers = {account.number for account in accounts}
    return sum(number in numbers for number in events.account.tolist())


def test_classroom__opens_within_hours_behind_one_address():
    population, _, _ = _populate("classroom")
    accounts = population.accounts
    opened = [account.created_at for account in accounts]
    assert max(opened) - min(opened) < 4 * 3600
    assert len({account.exits[0].address for account in accounts}) == 1


def test_corporate_card__is_one_instrument_for_forty_accounts():
    population, _, _ = _populate("corporate_card")
    assert len({a.registry["payment_instrument"] for a in population.accounts}) == 1
    assert len({exit_.address for a in population.accounts for exit_ in a.exits}) > 40


def test_shared_accountant__pays_for_two_companies_with_one_card():
    population, _, _ = _populate("shared_accountant")
    accounts = population.accounts
    assert len({account.organization_id for account in accounts}) == 2
    assert len({account.registry["payment_instrument"] for account in accounts}) == 1


def test_shared_key_runners__are_one_key_behind_forty_addresses():
    population, _, _ = _populate("shared_key_runners")
    (account,) = population.accounts
    assert len(account.api_keys) == 1
    assert len({exit_.address for exit_ in account.exits}) >= 35
    shown = {account.get_client(0.0, chance / 1e6).user_agent for chance in range(8)}
    assert len(shown) >= 4


def test_pii_proxy__sends_no_session_and_one_client():
    population, _, _ = _populate("pii_proxy")
    assert not any(account.sends_sessions for account in population.accounts)
    assert len({account.fingerprints[0] for account in population.accounts}) == 1


def test_key_migration__falls_silent_and_goes_on_elsewhere_in_one_company():
    population, model, days = _populate("key_migration")
    old, new = (_members(population, f"key_migration_{part}") for part in ("old", "new"))
    assert {a.organization_id for a in old} == {a.organization_id for a in new}
    assert {a.exits for a in old} == {a.exits for a in new}
    before, after = model.draw_day(days[2]), model.draw_day(days[4])
    assert (_count(before, new), _count(after, old)) == (0, 0)
    assert 0.6 < _count(after, new) / _count(before, old) < 1.6


def test_provider_failover__moves_a_day_to_the_other_platform_and_back():
    population, model, days = _populate("provider_failover")
    first, second = (_members(population, f"provider_failover_{n}") for n in ("first", "second"))
    usual, outage, later = (model.draw_day(days[n]) for n in (2, 3, 4))
    assert _count(outage, first) == 0
    assert _count(outage, second) > 5 * _count(usual, second)
    assert _count(later, first) > 0.6 * _count(usual, first)
    assert {account.source.platform for account in second} == {"aws_bedrock"}


def test_foreign_vpn_egress__shows_another_country_than_the_one_that_pays():
    population, _, _ = _populate("foreign_vpn_egress")
    assert {a.registry["billing_country"] for a in population.accounts} == {"US"}
    assert {exit_.country for a in population.accounts for exit_ in a.exits} == {"SG"}


def test_rag_backfill__is_a_new_account_at_full_rate_that_stops_again():
    population, model, days = _populate("rag_backfill")
    counts = [len(model.draw_day(day)) for day in days]
    assert counts[:2] == [0, 0]
    assert counts[3] > 3000
    assert counts[6] == 0
    opened = datetime(2026, 11, 4, 5, tzinfo=UTC).timestamp()
    assert all(opened <= a.created_at < opened + 3600 for a in population.accounts)


def test_drift_monitor__asks_round_the_clock_at_one_rate():
    _, model, days = _populate("drift_monitor")
    drawn = [model.draw_day(day) for day in days]
    counts = [len(events) for events in drawn]
    assert np.std(counts) < 0.15 * np.mean(counts)
    hours = Counter(int(second % 86400 // 3600) for events in drawn for second in events.second)
    assert len(hours) == 24


@pytest.mark.parametrize("name", ["release_day_benchmarkers", "sdk_release_day"])
def test_release_cohorts__appear_with_the_release_and_go_again(name):
    _, model, days = _populate(name)
    counts = [len(model.draw_day(day)) for day in days]
    assert counts[:4] == [0, 0, 0, 0]
    assert max(counts[4:6]) > 100
