"""The presets of disclosed campaigns show the published figures, measured in what they draw.

Figures are those of the public statements (the numbers F01-F42 stand in the presets). They are
measured without texts and without the honest accounts, which do not change what attackers draw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from math import sqrt

import numpy as np
import pytest

from stillwatch.worlds.groups import scale_world
from stillwatch.worlds.model import Cohort, Content, Traffic, World
from stillwatch.worlds.population import Population, get_release, make_population
from stillwatch.worlds.presets import load_world
from stillwatch.worlds.traffic import Events, TrafficModel

DAY = 86400.0
_NOBODY = Cohort("nobody", 1, (Content("everyday"),), Traffic(per_day=0.0))


@dataclass(frozen=True)
class Disclosed:
    """What was published of a campaign: accounts, days and the rate per account and day."""

    preset: str
    accounts: int
    days: int
    rate: float
    scale: float
    platforms: int = 1


# relay F04, cleaner F07, steady F02, trio F01, surge F06, quarter F05, trial F08, prompts F10
DISCLOSED = (
    Disclosed("relay_5_per_day", 5_380, 10, 300_000 / 5_380 / 10, 0.05, platforms=2),
    Disclosed("cleaner_282_per_day", 273, 10, 770_609 / 273 / 10, 0.05),
    Disclosed("steady_26_per_day", 25_000, 45, 28.8e6 / 25_000 / 45, 0.002, platforms=2),
    Disclosed("trio_690_per_account", 24_000, 30, 16.55e6 / 24_000 / 30, 0.003, platforms=2),
    Disclosed("surge_864000_per_day", 6_000, 14, 12.1e6 / 6_000 / 14, 0.002, platforms=2),
    Disclosed("quarter_23_million", 5_380, 92, 23e6 / 5_380 / 92, 0.001, platforms=2),
    Disclosed("trial_13_per_day", 1_500, 20, 400_000 / 1_500 / 20, 0.05),
    Disclosed("prompts_100000", 1_000, 20, 100_000 / 1_000 / 20, 0.1),
)


@dataclass(frozen=True)
class Drawn:
    world: World
    population: Population
    days: tuple[Events, ...]

    def stack(self, column: str) -> np.ndarray:
        return np.concatenate([getattr(day, column) for day in self.days])

    def is_extraction(self) -> np.ndarray:
        contents = self.days[0].contents
        flags = np.array([content.extraction for _, content in contents])
        return flags[self.stack("content")]

    def get_roles(self) -> np.ndarray:
        groups = self.population.groups
        roles = np.array([groups[account.group].role for account in self.population.accounts])
        return roles[self.stack("account")]

    def count_members(self) -> int:
        groups = self.population.groups
        return sum(
            groups[account.group].campaign is not None for account in self.population.accounts
        )


@cache
def draw(preset: str, scale: float, seed: int = 5) -> Drawn:
    world = replace(scale_world(load_world(preset), scale), cohorts=(_NOBODY,))
    population = make_population(world, seed)
    model = TrafficModel(world, population, seed)
    return Drawn(world, population, tuple(model.draw_day(day) for day in world.dates))


@pytest.mark.parametrize("case", DISCLOSED, ids=lambda case: case.preset)
def test_preset__has_the_disclosed_size(case: Disclosed) -> None:
    world = load_world(case.preset)
    stated = sum(pool.accounts for attacker in world.attackers for pool in attacker.pools)
    assert (stated, world.days) == (case.accounts, case.days)
    platforms = {
        name for attacker in world.attackers for pool in attacker.pools for name in pool.platforms
    }
    assert len(platforms) == case.platforms


@pytest.mark.parametrize("case", DISCLOSED, ids=lambda case: case.preset)
def test_preset__asks_as_often_per_account_and_day_as_disclosed(case: Disclosed) -> None:
    drawn = draw(case.preset, case.scale)
    count = len(drawn.stack("second"))
    measured = count / drawn.count_members() / case.days
    noise = 4 * sqrt(count) / count  # four standard deviations of a Poisson count
    assert measured == pytest.approx(case.rate, rel=0.03 + noise)


def test_spike__is_four_per_user_in_two_days_and_next_to_nothing_before() -> None:
    drawn = draw("spike_4_per_user", 0.1)
    spikers = sum(a.accounts for a in drawn.population.groups if a.role == "spikers")
    days = drawn.stack("second") // DAY - drawn.world.start.timestamp() // DAY
    ours = drawn.get_roles() == "spikers"
    spike = (ours & (days >= 23) & (days < 25)).sum() / spikers
    before = (ours & (days < 23)).sum() / spikers / 23
    assert spike == pytest.approx(4.0, rel=0.1)  # F09: 16,000 requests of 4,000 users
    assert before < 0.03
    assert (days > 27).sum() == 0  # disrupted on the 28th day


def test_spike__has_fifteen_thousand_related_users_of_whom_most_ask() -> None:
    world = load_world("spike_4_per_user")
    assert sum(pool.accounts for each in world.attackers for pool in each.pools) == 15_000  # F09
    drawn = draw("spike_4_per_user", 0.1)
    assert len(np.unique(drawn.stack("account"))) > 0.75 * drawn.count_members()


def test_techniques__are_over_twelve_thousand_before_the_winners_are_scaled() -> None:
    drawn = draw("techniques_12000", 1.0)
    variants = np.array(
        [-1 if c.variants is None else c.variants for _, c in drawn.days[0].contents]
    )
    drawn_from = variants[drawn.stack("content")]
    days = drawn.stack("second") // DAY - drawn.world.start.timestamp() // DAY
    assert (drawn_from == 0).sum() > 12_000  # F29
    assert days[drawn_from == 0].max() < days[drawn_from == 8].min()
    tried, scaled = (drawn_from == 0).sum() / 3, (drawn_from == 8).sum() / 5
    assert scaled / tried == pytest.approx(1.6, rel=0.05)


def test_cleaner__asks_an_older_model_from_the_seventh_day_on() -> None:
    drawn = draw("cleaner_282_per_day", 0.05)
    models = np.array([content.model or "" for _, content in drawn.days[0].contents])
    asked = models[drawn.stack("content")]
    days = drawn.stack("second") // DAY - drawn.world.start.timestamp() // DAY
    assert set(asked[days < 6]) == {"meridian-4", ""}  # F34
    assert set(asked[days >= 6]) == {"meridian-3.5", ""}


def test_burst__peaks_at_857_per_account_and_day() -> None:
    drawn = draw("burst_857_per_day", 0.004)
    per_day = np.array([len(day) for day in drawn.days]) / drawn.count_members()
    assert per_day[5:8] == pytest.approx([857.0] * 3, rel=0.04)  # F03
    assert np.mean(per_day[[0, 1, 2, 3, 4, 8, 9]]) == pytest.approx(1.64e6 / 3_500, rel=0.04)
    hours = np.bincount((drawn.stack("second") % DAY // 3600).astype(int), minlength=24)
    assert hours.min() > 0.6 * hours.mean()  # no night


def test_trio__divides_its_volume_as_disclosed() -> None:
    world = load_world("trio_690_per_account")
    volumes = {
        attacker.name: sum(pool.accounts for pool in attacker.pools)
        * attacker.traffic.per_day
        * world.days
        for attacker in world.attackers
    }
    assert volumes["reasoning"] == pytest.approx(0.15e6, rel=0.02)  # F01
    assert volumes["screens"] == pytest.approx(3.4e6, rel=0.02)
    assert volumes["coding"] == pytest.approx(13e6, rel=0.02)


@pytest.mark.parametrize(
    ("preset", "scale", "share"),
    [
        ("mixed_20000", 0.01, 0.10),
        ("relay_5_per_day", 0.05, 0.30),
        ("shared_pool_three", 0.01, 0.50),
        ("reseller_shell", 1.0, 0.15),
        ("failover_two_pools", 0.02, 0.40),
    ],
)
def test_preset__mixes_extraction_with_other_traffic_as_stated(
    preset: str, scale: float, share: float
) -> None:
    flags = draw(preset, scale).is_extraction()
    noise = 4 * sqrt(share * (1 - share) / len(flags))
    assert flags.mean() == pytest.approx(share, abs=0.01 + noise)


@pytest.mark.parametrize(("preset", "scale"), [("pivot_in_24_hours", 0.1)])
def test_preset__moves_half_of_its_extraction_within_a_day_of_the_release(
    preset: str, scale: float
) -> None:
    drawn = draw(preset, scale)
    release = get_release(drawn.world)
    assert release is not None
    hours = (drawn.stack("second") - release) / 3600
    newest, ours = drawn.stack("newest_model"), drawn.is_extraction()
    assert not newest[hours < 0].any()
    assert newest[ours & (hours >= 24)].mean() == pytest.approx(0.5, abs=0.03)  # F26
    assert newest[ours & (hours >= 18) & (hours < 24)].mean() > 0.35


@pytest.mark.parametrize(
    ("preset", "scale", "first", "second", "hours"),
    [
        ("failover_two_pools", 0.02, "pool_1", "pool_2", 42.0),
        ("pathways_after_block", 0.01, "api", "cloud", 1.0),
    ],
)
def test_preset__fails_over_after_the_stated_hours(
    preset: str, scale: float, first: str, second: str, hours: float
) -> None:
    drawn = draw(preset, scale)
    roles, seconds = drawn.get_roles(), drawn.stack("second")
    (ban,) = {group.ban for group in drawn.population.groups if group.ban}
    banned = ban.at.timestamp()
    delay = (seconds[roles == second].min() - banned) / 3600
    assert hours <= delay < hours + 3
    later = seconds > banned + 3 * DAY
    assert (roles[later] == second).all()
    before = seconds < banned
    assert (roles[before] == first).all()


def test_purchase_off_the_platform__leaves_no_account_and_no_request() -> None:
    drawn = draw("off_platform_purchase", 1.0)
    assert drawn.count_members() == 0
    assert len(drawn.stack("second")) == 0


def test_other_seeds__give_other_events_of_the_same_size() -> None:
    one, two = draw("trial_13_per_day", 0.05), draw("trial_13_per_day", 0.05, seed=6)
    again = draw.__wrapped__("trial_13_per_day", 0.05)
    assert np.array_equal(one.stack("second"), again.stack("second"))
    assert not np.array_equal(one.stack("second")[:50], two.stack("second")[:50])
    assert len(two.stack("second")) == pytest.approx(len(one.stack("second")), rel=0.05)
