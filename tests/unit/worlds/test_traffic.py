"""Who asks how often: the knobs of the YAML hold in what is drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from stillwatch.worlds.model import World
from stillwatch.worlds.population import make_population
from stillwatch.worlds.presets import load_world
from stillwatch.worlds.traffic import BLOCKED, TrafficModel

DAY = date(2026, 11, 6)


def _narrow(world: World, attacker: str) -> World:
    """Return the demo world with one attacker and one small cohort: quick to draw."""
    keep = tuple(each for each in world.attackers if each.name == attacker)
    small = replace(world.cohorts[0], accounts=5)
    return replace(world, cohorts=(small,), attackers=keep)


def _draw(world: World, days: list[date], seed: int = 3):
    population = make_population(world, seed)
    model = TrafficModel(world, population, seed)
    return population, [model.draw_day(day) for day in days]


def _count_by_attacker_account(population, events) -> Counter[int]:
    campaign = {a.number for a in population.accounts if population.groups[a.group].campaign}
    return Counter(number for number in events.account.tolist() if number in campaign)


def test_lowslow__never_exceeds_six_a_day():
    world = _narrow(load_world("demo"), "lowslow")
    population, drawn = _draw(world, [DAY, DAY + timedelta(days=1)])
    for events in drawn:
        counts = _count_by_attacker_account(population, events)
        assert max(counts.values()) == 6
        assert len(counts) > 140
        assert 3.8 < np.mean(list(counts.values())) < 5.2


def test_graders__ask_one_to_two_and_a_half_hundred_times_a_day_each():
    world = _narrow(load_world("demo"), "graders")
    population, (events,) = _draw(world, [DAY + timedelta(days=2)])
    counts = _count_by_attacker_account(population, events)
    assert 40 <= len(counts) <= 80
    assert min(counts.values()) >= 100
    assert max(counts.values()) <= 250


def test_graders__go_straight_to_the_maximum():
    world = _narrow(load_world("demo"), "graders")
    population, (first, later) = _draw(world, [date(2026, 11, 5), date(2026, 11, 9)])
    midnight = datetime(2026, 11, 6, tzinfo=UTC).timestamp()
    members = [a for a in population.accounts if population.groups[a.group].campaign]
    open_days = sum(max(0.0, midnight - a.active_from) / 86400 for a in members)
    asked_at_once = sum(_count_by_attacker_account(population, first).values()) / open_days
    asked_later = sum(_count_by_attacker_account(population, later).values()) / len(members)
    assert 0.85 < asked_at_once / asked_later < 1.15


def test_hydra__has_its_accounts_on_both_platforms_and_mixes_as_stated():
    world = _narrow(load_world("demo"), "hydra")
    population, (events,) = _draw(world, [DAY])
    members = [a for a in population.accounts if population.groups[a.group].campaign]
    assert len(members) >= 400
    platforms = Counter(account.source.platform for account in members)
    assert min(platforms["native"], platforms["aws_bedrock"]) > 80
    ours = [n for n in range(len(events)) if events.contents[events.content[n]][1].extraction]
    total = sum(_count_by_attacker_account(population, events).values())
    assert 0.32 < len(ours) / total < 0.38


def test_hydra__is_load_balanced_and_never_sleeps():
    world = _narrow(load_world("demo"), "hydra")
    population, (events,) = _draw(world, [DAY])
    counts = np.array(list(_count_by_attacker_account(population, events).values()))
    assert 0.7 < counts.var() / counts.mean() < 1.4
    hours = np.bincount((events.second % 86400 // 3600).astype(int), minlength=24)
    assert hours.min() > 0.7 * hours.mean()


def test_hydra__fails_over_within_two_days_of_the_ban():
    world = _narrow(load_world("demo"), "hydra")
    days = [date(2026, 11, day) for day in range(6, 11)]
    population, drawn = _draw(world, days)
    pool = {a.number: population.groups[a.group].role for a in population.accounts}
    banned = [a.banned_at for a in population.accounts if population.groups[a.group].ban]
    first_of_second = min(
        second
        for events in drawn
        for number, second in zip(events.account.tolist(), events.second.tolist(), strict=True)
        if pool[number] == "pool_2"
    )
    assert 0 < first_of_second - min(banned) < 48 * 3600
    last = Counter(pool[number] for number in drawn[-1].account.tolist())
    assert last["pool_1"] == 0
    assert last["pool_2"] > 1500


def test_second_pool__was_opened_one_to_five_days_before_it_serves():
    world = _narrow(load_world("demo"), "hydra")
    population = make_population(world, 3)
    pool = [a for a in population.accounts if population.groups[a.group].role == "pool_2"]
    assert 130 <= len(pool) <= 170
    ages = [(a.active_from - a.created_at) / 86400 for a in pool]
    assert min(ages) > 0.5
    assert max(ages) < 5.5


def test_banned_accounts__only_knock_for_a_while_and_are_blocked():
    world = load_world("tiny")
    population, (events,) = _draw(world, [date(2026, 11, 2)])
    for number, second, status in zip(
        events.account.tolist(), events.second.tolist(), events.status.tolist(), strict=True
    ):
        banned_at = population.accounts[number].banned_at
        if banned_at is not None and second >= banned_at:
            assert status == BLOCKED
            assert second < banned_at + 6 * 3600
    assert (events.status == BLOCKED).sum() > 0


def test_campaigns__move_to_the_new_model_faster_than_honest_accounts():
    world = load_world("demo")
    world = replace(
        world,
        cohorts=(replace(world.cohorts[0], accounts=600),),
        attackers=tuple(each for each in world.attackers if each.name == "hydra"),
    )
    days = [date(2026, 11, 4), date(2026, 11, 7), date(2026, 11, 12)]
    population, (before, soon, late) = _draw(world, days)

    def measure(events, extraction: bool) -> float:
        rows = [
            n
            for n, content in enumerate(events.content)
            if events.contents[content][1].extraction == extraction
            and (extraction or population.groups[events.contents[content][0]].campaign is None)
        ]
        return float(events.newest_model[rows].mean())

    assert not before.newest_model.any()
    assert measure(soon, extraction=True) > 0.75
    assert measure(soon, extraction=False) < 0.3
    assert measure(late, extraction=False) > 0.1


def test_honest_accounts__are_mostly_older_than_ninety_days_and_spread_widely():
    world = load_world("demo")
    world = replace(world, cohorts=world.cohorts[:2], attackers=())
    population, (events,) = _draw(world, [DAY])
    limit = world.end.timestamp() - 90 * 86400
    old = np.mean([account.created_at < limit for account in population.accounts])
    assert 0.6 < old < 0.74
    rates = np.array([account.rate for account in population.accounts])
    assert np.quantile(rates, 0.95) > 15 * np.median(rates)
    assert len({account.registry.get("billing_country") for account in population.accounts}) > 20
    assert len({account.language for account in population.accounts}) >= 6
    assert len(events) > 3000


def test_draw_day__does_not_depend_on_other_days():
    world = load_world("tiny")
    population = make_population(world, 1)
    alone = TrafficModel(world, population, 1).draw_day(date(2026, 11, 3))
    model = TrafficModel(world, population, 1)
    model.draw_day(date(2026, 11, 1))
    after = model.draw_day(date(2026, 11, 3))
    assert np.array_equal(alone.second, after.second)
    assert np.array_equal(alone.account, after.account)


@pytest.mark.parametrize("day", [date(2026, 11, 1), date(2026, 11, 2)])
def test_draw_day__keeps_events_inside_the_day_and_in_order(day):
    _, (events,) = _draw(load_world("tiny"), [day])
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    assert len(events) > 100
    assert events.second.min() >= midnight
    assert events.second.max() < midnight + 86400
    assert (np.diff(events.second) >= 0).all()
