"""The accounts of a world: what the registry knows of them, and how they behave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, islice
from typing import Any

import numpy as np

from stillwatch.worlds import clients, people, places, traces
from stillwatch.worlds.draws import draw_key, draw_place
from stillwatch.worlds.groups import Group, list_groups
from stillwatch.worlds.model import CLOUDS, Platform, Source, World
from stillwatch.worlds.names import name_account, name_aws_account
from stillwatch.worlds.registry import Cards, draw_cloud_registry, draw_registry
from stillwatch.worlds.texts import Voice

DAY_SECONDS = 86400.0
_MAX_FORMER_RATE = 40.0
_HUMAN_HOURS = tuple(traces.get_hour_shares("human").tolist())
_STREAM = 1  # of the seed: one for accounts, others for traffic and deliveries


@dataclass(frozen=True)
class Former:
    """What was different before an account was sold, `until` in seconds since 1970."""

    until: float
    rate: float
    exits: tuple[places.Exit, ...]
    client: clients.Fingerprint


@dataclass(frozen=True)
class Account:
    """One account. Times are seconds since 1970 in UTC."""

    number: int
    group: int
    source: Source
    account_id: str
    organization_id: str | None
    aws_account: str | None
    created_at: float
    active_from: float
    closed_at: float | None
    banned_at: float | None
    ban_reason: str | None
    registry: dict[str, Any]
    rate: float
    utc_offset: float
    language: str
    region: str
    exits: tuple[places.Exit, ...]
    fingerprints: tuple[clients.Fingerprint, clients.Fingerprint]
    upgrade_at: float
    model: str
    migrate_at: float
    api_keys: tuple[str, ...]
    workspace_id: str | None
    sends_sessions: bool
    habit: int
    voice: Voice
    former: Former | None = None
    other_clients: tuple[clients.Fingerprint, ...] = ()

    def get_exits(self, second: float) -> tuple[places.Exit, ...]:
        """Return the addresses that the account uses at that time."""
        return self.former.exits if self.former and second < self.former.until else self.exits

    def get_client(self, second: float, chance: float) -> clients.Fingerprint:
        """Return the client that the account uses at that time; `chance` chooses among several."""
        if self.former and second < self.former.until:
            return self.former.client
        if self.other_clients:
            place = int(chance * 1e6) % (len(self.other_clients) + 1)
            if place:
                return self.other_clients[place - 1]
        return self.fingerprints[1 if second >= self.upgrade_at else 0]


@dataclass(frozen=True)
class Population:
    """All accounts, and the groups that they belong to by index."""

    groups: tuple[Group, ...]
    accounts: tuple[Account, ...]

    def select(self, group: int) -> list[Account]:
        """Return the accounts of one group."""
        return [account for account in self.accounts if account.group == group]


@dataclass
class _Shared:
    """What the accounts of one group have in common."""

    organisations: list[people.Organisation]
    exits: dict[int, tuple[places.Exit, ...]]
    cards: Cards
    client: tuple[str, int, int] | None


def make_population(world: World, seed: int) -> Population:
    """Return every account of the world; their numbers say nothing about their groups."""
    groups = tuple(list_groups(world))
    order = np.random.default_rng([seed, _STREAM]).permutation(sum(g.accounts for g in groups))
    accounts = _make_accounts(world, groups, seed, iter(order.tolist()))
    return Population(groups, tuple(sorted(accounts, key=lambda account: account.number)))


def make_parts(world: World, seed: int, size: int) -> Iterator[Population]:
    """Yield the same accounts in parts of at most `size`, group after group.

    Each part numbers its own accounts from 0. Only one part is held at a time.
    """
    groups = tuple(list_groups(world))
    accounts = _make_accounts(world, groups, seed, (n % size for n in count()))
    while part := tuple(islice(accounts, size)):
        yield Population(groups, part)


def _make_accounts(
    world: World, groups: tuple[Group, ...], seed: int, numbers: Iterator[int]
) -> Iterator[Account]:
    for index, group in enumerate(groups):
        rng = np.random.default_rng([seed, _STREAM, index])
        # pools of one campaign share exits, bins and client: drawn from the campaign's own stream
        family = group.family.encode()
        shared = np.random.default_rng([seed, _STREAM, *family])
        maker = _Maker(world, group, index, rng, shared)
        for place in range(group.accounts):
            yield maker.make(next(numbers), place)


class _Maker:
    def __init__(
        self,
        world: World,
        group: Group,
        index: int,
        rng: np.random.Generator,
        shared: np.random.Generator,
    ) -> None:
        self._world, self._group, self._index, self._rng = world, group, index, rng
        self._platforms = _deal(group.platforms, group.accounts, rng)
        self._shared = self._make_shared(shared)

    def _make_shared(self, rng: np.random.Generator) -> _Shared:
        identity, network = self._group.identity, self._group.network
        drawing = rng if self._group.company else self._rng  # a company's cohorts are one party
        organisations = [people.draw_organisation(drawing) for _ in range(identity.organisations)]
        exits: dict[int, tuple[places.Exit, ...]] = {}
        if network.kind != "home":
            for number in range(max(1, identity.organisations)):
                exits[number] = self._draw_shared_exits(rng)
        bins = {
            payment: people.draw_bin_pool(rng, payment, identity.bins)
            for payment in identity.payment
            if identity.bins
        }
        one = None
        if self._group.clients.one_version:
            family = clients.draw_family(rng, self._group.clients.families)
            one = (family, int(rng.integers(1, 3)), int(rng.integers(4)))
        instruments = tuple(f"pm_{people.draw_hex(rng, 20)}" for _ in range(identity.instruments))
        return _Shared(organisations, exits, Cards(bins, instruments), one)

    def _draw_shared_exits(self, rng: np.random.Generator) -> tuple[places.Exit, ...]:
        network = self._group.network
        count = max(1, network.exits)
        codes = network.countries or ("US",)
        picks = [codes[int(rng.integers(len(codes)))] for _ in range(count)]
        match network.kind:
            case "hosting":
                return tuple(places.draw_hosting_exit(rng, code) for code in picks)
            case "vpn":
                return tuple(places.draw_vpn_exit(rng, code) for code in picks)
            case _:
                return tuple(
                    places.draw_hosting_exit(rng, code)
                    if rng.random() < network.hosting_ratio
                    else places.draw_access_exit(rng, code)
                    for code in picks
                )

    def make(self, number: int, place: int) -> Account:
        """Return the group's account at `place`, numbered `number` in the world."""
        rng, group, world = self._rng, self._group, self._world
        platform = self._platforms[place]
        source = next(each for each in world.sources if each.home_platform == platform)
        country = places.draw_country(rng, group.identity.countries)
        desk = place % max(1, len(self._shared.organisations))
        organisation = self._shared.organisations[desk] if self._shared.organisations else None
        exits = self._draw_exits(country.code, desk)
        created_at = self._draw_signup(country.utc_offset)
        closed_at, banned_at, reason = self._draw_end(platform, created_at)
        aws = f"{int(rng.integers(10**11, 10**12))}" if platform == "aws_bedrock" else None
        account_id = _draw_arn(rng, aws) if aws else f"acct_{people.draw_hex(rng, 20)}"
        old, new, upgrade_at = self._draw_client()
        model, migrate_at = self._draw_model()
        organization_id = aws or (organisation.organization_id if organisation else None)
        registry = (
            draw_cloud_registry(rng, country)
            if platform in CLOUDS
            else draw_registry(
                rng, group.identity, self._shared.cards, country, organisation, exits[0], old
            )
        )
        shown_id = name_account(account_id, organization_id, platform, source.platform)
        if source.platform == "aws_bedrock" and platform != "aws_bedrock":
            aws = name_aws_account(organization_id or account_id)
            organization_id = organization_id and aws
        serves = group.serves_from.timestamp() if group.serves_from else created_at
        return Account(
            number=number,
            group=self._index,
            source=source,
            account_id=shown_id,
            organization_id=organization_id,
            aws_account=aws,
            created_at=created_at,
            active_from=max(created_at + float(rng.uniform(120, 2400)), serves),
            closed_at=closed_at,
            banned_at=banned_at,
            ban_reason=reason,
            registry=registry,
            rate=self._draw_rate(),
            utc_offset=country.utc_offset,
            language=(
                draw_key(rng, group.identity.languages)
                if group.identity.languages
                else country.language
            ),
            region=places.CLOUD_REGIONS[int(rng.integers(len(places.CLOUD_REGIONS)))],
            exits=exits,
            fingerprints=(old, new),
            upgrade_at=upgrade_at,
            model=model,
            migrate_at=migrate_at,
            api_keys=self._draw_keys(),
            workspace_id=f"ws_{people.draw_hex(rng, 10)}" if organisation else None,
            sends_sessions=bool(rng.random() < group.clients.sessions),
            habit=int(rng.integers(1 << 30)),
            voice=Voice(int(rng.integers(1 << 40))),
            former=self._draw_former(country.code),
            other_clients=self._draw_other_clients(),
        )

    def _draw_keys(self) -> tuple[str, ...]:
        rng = self._rng
        count = self._group.identity.keys or 1 + int(rng.random() < 0.2)
        return tuple(f"key_{people.draw_hex(rng, 14)}" for _ in range(count))

    def _draw_other_clients(self) -> tuple[clients.Fingerprint, ...]:
        rng, wanted = self._rng, self._group.clients
        others = []
        for _ in range(wanted.per_account - 1):
            family = clients.draw_family(rng, wanted.families)
            version = int(rng.integers(len(clients.CATALOGUE[family].user_agents)))
            system = int(rng.integers(4))
            others.append(clients.get_fingerprint(family, version, system, wanted.disguised_as))
        return tuple(others)

    def _draw_former(self, country: str) -> Former | None:
        rng, bought = self._rng, self._group.bought
        if bought is None:
            return None
        family = clients.draw_family(rng, {})
        rate = bought.per_day * float(np.exp(traces.get_rate_sigma() * rng.normal()))
        return Former(
            until=bought.at.timestamp(),
            rate=min(rate, _MAX_FORMER_RATE),
            exits=tuple(places.draw_access_exit(rng, country) for _ in range(2)),
            client=clients.get_fingerprint(family, 1, int(rng.integers(4)), None),
        )

    def _draw_exits(self, country: str, desk: int) -> tuple[places.Exit, ...]:
        rng, network = self._rng, self._group.network
        if network.kind == "home":
            count = 1 + int(rng.integers(3))
            exits = [places.draw_access_exit(rng, country) for _ in range(count)]
            if rng.random() < network.vpn_ratio:
                exits[-1] = places.draw_vpn_exit(rng)
            return tuple(exits)
        shared = self._shared.exits[desk]
        if network.kind in {"office", "campus"} and rng.random() < 0.35:
            return (*shared, places.draw_access_exit(rng, shared[0].country))
        if network.kind == "residential_proxy":
            start = int(rng.integers(len(shared)))  # the first one is where it signed up
            return shared[start:] + shared[:start]
        return shared

    def _draw_signup(self, utc_offset: float) -> float:
        rng, signup = self._rng, self._group.signup
        if signup.shape == "window":
            first = signup.first_at or self._world.start
            return first.timestamp() + float(rng.random()) * signup.hours * 3600
        young = rng.random() < signup.young_ratio
        if young:  # more of them are new than nearly ninety days old
            days = max(signup.min_days, 90.0 * float(rng.random()) ** 1.5)
        else:
            days = float(np.exp(rng.uniform(np.log(90.0), np.log(max(91.0, signup.max_days)))))
        moment = self._world.end.timestamp() - days * DAY_SECONDS
        hour = draw_place(rng, _HUMAN_HOURS) - utc_offset
        start = moment // DAY_SECONDS * DAY_SECONDS
        moment = start + (float(hour) % 24 + float(rng.random())) * 3600
        return float(min(moment, self._world.end.timestamp() - 3600))

    def _draw_end(
        self, platform: Platform, created_at: float
    ) -> tuple[float | None, float | None, str | None]:
        rng, group = self._rng, self._group
        if group.ban is not None:
            delay = group.ban.cloud_delay_hours if platform in CLOUDS else 0.0
            hours = delay + float(rng.random()) * group.ban.over_hours
            return None, group.ban.at.timestamp() + hours * 3600, "policy_violation"
        first = max(created_at + DAY_SECONDS, self._world.start.timestamp() - 20 * DAY_SECONDS)
        moment = first + float(rng.random()) * (self._world.end.timestamp() - first)
        fate = rng.random()
        if moment <= created_at:
            return None, None, None
        if fate < group.banned_ratio:
            reasons = {"policy_violation": 0.5, "payment_dispute": 0.3, "spam": 0.2}
            return None, moment, draw_key(rng, reasons)
        if fate < group.banned_ratio + group.closed_ratio:
            return moment, None, None
        return None, None, None

    def _draw_client(self) -> tuple[clients.Fingerprint, clients.Fingerprint, float]:
        rng, group = self._rng, self._group
        never = float("inf")
        if self._shared.client is not None:
            family, version, system = self._shared.client
            print_ = clients.get_fingerprint(family, version, system, group.clients.disguised_as)
            return print_, print_, never
        family = clients.draw_family(rng, group.clients.families)
        versions = len(clients.CATALOGUE[family].user_agents)
        system = int(rng.integers(4))
        release = self._world.sdk_release_at
        disguise = group.clients.disguised_as
        if release is None or not family.startswith("sdk_"):
            version = int(rng.integers(versions))
            print_ = clients.get_fingerprint(family, version, system, disguise)
            return print_, print_, never
        version = int(rng.integers(versions - 1))
        old = clients.get_fingerprint(family, version, system, disguise)
        new = clients.get_fingerprint(family, versions - 1, system, disguise)
        delay = float(rng.exponential(3 * DAY_SECONDS)) if rng.random() < 0.6 else never
        return old, new, release.timestamp() + delay

    def _draw_model(self) -> tuple[str, float]:
        rng, world = self._rng, self._world
        weights = {model.name: model.weight for model in world.models if model.weight > 0}
        base = draw_key(rng, weights)
        release = get_release(world)
        migration = self._group.migration
        if release is None or rng.random() < migration.never:
            return base, float("inf")
        days = float(np.exp(np.log(max(migration.median_days, 1e-3)) + 0.9 * rng.normal()))
        return base, release + days * DAY_SECONDS

    def _draw_rate(self) -> float:
        traffic = self._group.traffic
        sigma = traces.get_rate_sigma() if traffic.sigma is None else traffic.sigma
        rate = traffic.per_day * float(np.exp(sigma * self._rng.normal()))
        return min(max(rate, traffic.floor), traffic.cap)


def get_release(world: World) -> float | None:
    """Return when the model that comes out during the world is released, in seconds."""
    inside = [each.released_at for each in world.models if each.released_at >= world.start]
    return max(inside).timestamp() if inside else None


def to_instant(seconds: float) -> datetime:
    """Return the aware instant of seconds since 1970."""
    return datetime.fromtimestamp(int(seconds), tz=UTC)


def _deal(platforms: dict[Platform, float], count: int, rng: np.random.Generator) -> list[Platform]:
    names = list(platforms)
    shares = np.array([platforms[name] for name in names])
    bounds = np.round(np.cumsum(shares / shares.sum()) * count).astype(int)
    dealt = [names[int(np.searchsorted(bounds, place, side="right"))] for place in range(count)]
    return [dealt[int(index)] for index in rng.permutation(count)]


def _draw_arn(rng: np.random.Generator, aws_account: str) -> str:
    roles = ("app-backend", "bedrock-invoke", "llm-service", "lambda-exec", "batch-worker", "api")
    role = roles[int(rng.integers(len(roles)))]
    if rng.random() < 0.3:
        return f"arn:aws:iam::{aws_account}:user/{role}-{people.draw_hex(rng, 4)}"
    session = f"i-0{people.draw_hex(rng, 16)}"
    return f"arn:aws:sts::{aws_account}:assumed-role/{role}-{people.draw_hex(rng, 4)}/{session}"
