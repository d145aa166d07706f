"""Groups: the cohorts and pools of a world, each with all its parts; the world at another size."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime

from pydantic.dataclasses import dataclass

from stillwatch.worlds.model import (
    STRICT,
    Attacker,
    Ban,
    Bought,
    Clients,
    Cohort,
    Content,
    Identity,
    Migration,
    Network,
    Platform,
    Signup,
    Traffic,
    World,
)


@dataclass(frozen=True, config=STRICT)
class Group:
    """A cohort or a pool with all its parts: the unit that accounts and traffic are made for."""

    name: str
    role: str
    campaign: str | None
    organisation: str | None
    accounts: int
    platforms: dict[Platform, float]
    contents: tuple[Content, ...]
    traffic: Traffic
    identity: Identity
    signup: Signup
    network: Network
    clients: Clients
    migration: Migration
    ban: Ban | None = None
    serves_from: datetime | None = None
    bought: Bought | None = None
    banned_ratio: float = 0.0
    closed_ratio: float = 0.0
    allowlisted: str | None = None
    company: str = ""

    @property
    def family(self) -> str:
        """What the groups that share exits, card prefixes and client have in common."""
        return self.campaign or self.company or self.name

    @property
    def all_contents(self) -> tuple[Content, ...]:
        """Everything that its accounts ask for, under their first owners too."""
        return self.contents + (self.bought.contents if self.bought else ())


def list_groups(world: World) -> list[Group]:
    """Return every cohort and every pool of every attacker as a group, in the world's order."""
    groups = [
        Group(
            name=cohort.name,
            role="customer",
            campaign=None,
            organisation=None,
            accounts=cohort.accounts,
            platforms=cohort.platforms,
            contents=cohort.contents,
            traffic=cohort.traffic,
            identity=cohort.identity,
            signup=cohort.signup,
            network=cohort.network,
            clients=cohort.clients,
            migration=cohort.migration,
            banned_ratio=cohort.banned_ratio,
            closed_ratio=cohort.closed_ratio,
            allowlisted=cohort.allowlisted,
            company=cohort.company,
        )
        for cohort in world.cohorts
    ]
    for attacker in world.attackers:
        groups += [
            Group(
                name=f"{attacker.name}.{pool.name}",
                role=pool.name,
                campaign=attacker.name,
                organisation=attacker.organisation,
                accounts=pool.accounts,
                platforms=pool.platforms,
                contents=pool.contents or attacker.contents,
                traffic=attacker.traffic,
                identity=attacker.identity,
                signup=pool.signup,
                network=attacker.network,
                clients=attacker.clients,
                migration=Migration(),
                ban=pool.ban,
                bought=pool.bought,
                serves_from=pool.serves_from,
            )
            for pool in attacker.pools
        ]
    return groups


def scale_world(world: World, factor: float | None = None) -> World:
    """Return the world with `factor` times its stated accounts; none given: the world's own.

    Rates per account stay. Exits, shared instruments and organisations shrink with the accounts,
    so that as many accounts share each. A cohort keeps one account at least and a pool three.
    """
    factor = world.scale if factor is None else factor
    if factor == 1.0:
        return replace(world, scale=1.0)
    return replace(
        world,
        scale=factor,
        cohorts=tuple(_scale_cohort(cohort, factor) for cohort in world.cohorts),
        attackers=tuple(_scale_attacker(attacker, factor) for attacker in world.attackers),
    )


def _scale_cohort(cohort: Cohort, factor: float) -> Cohort:
    return replace(
        cohort,
        accounts=_scale_count(cohort.accounts, factor, 1),
        identity=_scale_identity(cohort.identity, factor),
        network=_scale_network(cohort.network, factor),
    )


def _scale_attacker(attacker: Attacker, factor: float) -> Attacker:
    return replace(
        attacker,
        identity=_scale_identity(attacker.identity, factor),
        network=_scale_network(attacker.network, factor),
        pools=tuple(
            replace(pool, accounts=_scale_count(pool.accounts, factor, 3))
            for pool in attacker.pools
        ),
    )


def _scale_identity(identity: Identity, factor: float) -> Identity:
    return replace(
        identity,
        instruments=_scale_count(identity.instruments, factor, 1),
        organisations=_scale_count(identity.organisations, factor, 1),
    )


def _scale_network(network: Network, factor: float) -> Network:
    return replace(network, exits=_scale_count(network.exits, factor, 1))


def _scale_count(count: int, factor: float, least: int) -> int:
    return max(min(count, least), math.floor(count * factor + 0.5))
