"""World files in the short notation: bases, blocks, relative times, knobs and scale."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stillwatch.errors import ConfigError
from stillwatch.worlds.composition import compose, describe_block, list_blocks, merge
from stillwatch.worlds.groups import list_groups, scale_world
from stillwatch.worlds.model import World
from stillwatch.worlds.presets import list_presets, load_world, parse_world

HEAD = """
name: mine
description: made for a test
extends: two_platforms
seed: 1
first_day: 2026-11-01
days: 8
"""


def _parse(body: str) -> World:
    return parse_world(HEAD + body, "test.yml")


def test_merge__joins_parts_and_replaces_lists_and_choices():
    under = {"identity": {"email": {"personal": 1.0}, "seats": 3}, "contents": [1, 2]}
    over = {"identity": {"email": {"campus": 1.0}}, "contents": [3]}
    assert merge(under, over) == {
        "identity": {"email": {"campus": 1.0}, "seats": 3},
        "contents": [3],
    }


@pytest.mark.parametrize("name", list_blocks("cohorts"))
def test_cohort_block__makes_an_honest_world_alone(name):
    world = _parse(f"cohorts: [{{use: {name}}}]")
    assert world.cohorts
    assert not world.attackers
    assert len(describe_block("cohorts", name)) > 40


@pytest.mark.parametrize("name", list_blocks("attackers"))
def test_attacker_block__makes_one_campaign(name):
    world = _parse(f"cohorts: [{{use: classroom}}]\nattackers: [{{use: {name}}}]")
    assert [attacker.name for attacker in world.attackers] == [name]
    assert len(describe_block("attackers", name)) > 40


def test_every_block__is_in_the_world_of_its_kind():
    honest = {cohort.name for cohort in load_world("look_alikes").cohorts}
    for name in list_blocks("cohorts"):
        members = {cohort.name for cohort in _parse(f"cohorts: [{{use: {name}}}]").cohorts}
        assert members <= honest
    attackers = {attacker.name for attacker in load_world("attackers").attackers}
    assert attackers == set(list_blocks("attackers"))


def test_use__takes_overrides_and_may_come_twice_under_another_name():
    world = _parse(
        "cohorts: [{use: classroom}, {use: classroom, name: second, accounts: 9, "
        "traffic: {per_day: 2}}]"
    )
    first, second = world.cohorts
    assert (second.name, second.accounts, second.traffic.per_day) == ("second", 9, 2.0)
    assert second.traffic.shape == first.traffic.shape == "lectures"
    assert first.accounts == 70


def test_use__of_several_cohorts_takes_a_factor_but_no_name():
    world = _parse("cohorts: [{use: ordinary_people, times: 0.1}]")
    assert [cohort.accounts for cohort in world.cohorts] == [220, 30, 20]
    with pytest.raises(ConfigError, match="give `times`"):
        _parse("cohorts: [{use: ordinary_people, accounts: 9}]")


def test_use__names_the_blocks_there_are():
    with pytest.raises(ConfigError, match=r"no cohorts block 'opera', give one of .*classroom"):
        _parse("cohorts: [{use: opera}]")
    with pytest.raises(ConfigError, match=r"unknown key .*per_hour"):
        _parse("cohorts: [{use: classroom, traffic: {per_hour: 3}}]")


def test_times__count_from_the_start_the_end_and_the_releases():
    world = _parse(
        "cohorts: [{use: classroom, signup: {first_at: end-1d2h30m}, "
        "traffic: {first_at: release, last_at: sdk_release+90m}}]"
    )
    (cohort,) = world.cohorts
    assert cohort.signup.first_at == datetime(2026, 11, 7, 21, 30, tzinfo=UTC)
    assert cohort.traffic.first_at == datetime(2026, 11, 5, 15, tzinfo=UTC)
    assert cohort.traffic.last_at == datetime(2026, 11, 6, 10, 30, tzinfo=UTC)


def test_times__say_which_anchor_the_world_lacks():
    raw = {"first_day": "2026-11-01", "days": 2, "cohorts": [{"traffic": {"first_at": "release"}}]}
    with pytest.raises(ConfigError, match="'release' needs a release"):
        compose(raw, "test.yml")


def test_knobs__reach_the_parts_that_they_stand_for():
    world = _parse(
        """
cohorts: [{use: classroom}]
attackers:
  - use: handover
    knobs: {accounts: 32, per_day: 7, mixing: 0.75, paraphrase: 0.4, template_families: 2,
      payment_reuse: 0.5, instruments: 4, exits: 11, signup_path: {startup: 1.0},
      platforms: {native: 1.0}, start: start+12h, ramp_days: 3, ban_at: start+2d1h,
      failover_hours: 30, pivot_share: 0.6, replay: 0.2,
      organisations: [Vantage Hollow AI, Gravenmoor AI]}
"""
    )
    (attacker,) = world.attackers
    first, second = attacker.pools
    taken = [content for content in attacker.contents if content.extraction]
    assert (first.accounts, second.accounts) == (20, 12)
    assert first.ban
    assert first.ban.at == datetime(2026, 11, 3, 1, tzinfo=UTC)
    assert second.serves_from == datetime(2026, 11, 4, 7, tzinfo=UTC)
    assert {tuple(pool.platforms) for pool in attacker.pools} == {("native",)}
    assert sum(content.share for content in taken) == pytest.approx(0.25)
    assert sum(content.share for content in attacker.contents) == pytest.approx(1.0)
    assert [content.organisation for content in taken] == ["Vantage Hollow AI", "Gravenmoor AI"]
    for content in taken:
        assert (content.paraphrase, content.template_families, content.replay) == (0.4, 2, 0.2)
        assert content.pivot
        assert (content.pivot.share, content.pivot.hours) == (0.6, 24.0)
    assert (attacker.traffic.per_day, attacker.traffic.ramp_days) == (7.0, 3)
    assert attacker.traffic.first_at == datetime(2026, 11, 1, 12, tzinfo=UTC)
    assert (attacker.identity.payment_reuse, attacker.identity.instruments) == (0.5, 4)
    assert attacker.identity.signup_path == {"startup": 1.0}
    assert attacker.network.exits == 11


@pytest.mark.parametrize(
    ("block", "knobs", "problem"),
    [
        ("naive", "colour: 3", "colour"),
        ("handover", "mixing: 1.0", "not in 0 to 1"),
        ("naive", "mixing: 0.5", "needs a content without"),
        ("low_and_slow", "failover_hours: 3", "needs 2 pools"),
        ("low_and_slow", "payment_reuse: 0.4", "needs `instruments`"),
    ],
)
def test_knobs__say_what_is_wrong(block, knobs, problem):
    with pytest.raises(ConfigError, match=problem):
        _parse(f"cohorts: [{{use: classroom}}]\nattackers: [{{use: {block}, knobs: {{{knobs}}}}}]")


def test_like__gives_an_attacker_the_looks_and_the_requests_of_a_cohort():
    world = _parse("cohorts: [{use: evaluation_company}]\nattackers: [{use: copycat}]")
    (cohort,), (attacker,) = world.cohorts, world.attackers
    assert attacker.identity == cohort.identity
    assert attacker.network == cohort.network
    assert attacker.clients == cohort.clients
    assert attacker.traffic.shape == cohort.traffic.shape
    cover = [content for content in attacker.contents if not content.extraction]
    assert [content.grammar for content in cover] == ["rubric_evaluation"]


@pytest.mark.parametrize("name", list_presets())
def test_scale__changes_accounts_and_never_rates(name):
    world = load_world(name)
    small = scale_world(world, 0.1)
    assert small.scale == 0.1
    for before, after in zip(list_groups(world), list_groups(small), strict=True):
        assert after.traffic == before.traffic
        assert after.contents == before.contents
        assert 1 <= after.accounts <= max(3, before.accounts * 0.1 + 0.5)
        assert after.network.exits <= before.network.exits


def test_bought_accounts__cannot_be_silenced_before_they_are_sold():
    with pytest.raises(ConfigError, match=r"silence the first owners"):
        _parse(
            "cohorts: [{use: classroom}]\n"
            "attackers: [{use: bought_accounts, knobs: {start: start}}]"
        )
