"""When accounts ask, and for what: the exchanges of one UTC day as columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import numpy as np
import numpy.typing as npt

from stillwatch.worlds import traces
from stillwatch.worlds.groups import Group
from stillwatch.worlds.model import Content, Traffic, World
from stillwatch.worlds.population import DAY_SECONDS, Account, Population, get_release

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_STREAM = 2
_MAX_GAP_SECONDS = 3600.0
_MAX_TOKENS = 190_000

OK, REFUSED, RATE_LIMITED, BLOCKED, ERROR = range(5)
STATUS_NAMES = ("ok", "refused", "rate_limited", "blocked", "error")
_ERROR_RATIO = 0.007
_BLOCKED_RATIO = 0.0015  # content filters stop anybody now and then


@dataclass(frozen=True)
class Events:
    """The exchanges of one day, column by column and in order of time."""

    account: Ints  # number of the account
    second: Floats  # since 1970, UTC
    session: Ints  # unique within the day
    content: Ints  # index into `contents`
    status: Ints
    newest_model: npt.NDArray[np.bool_]
    input_tokens: Ints
    output_tokens: Ints
    reasoning_tokens: Ints
    latency_ms: Ints
    chance: Floats  # one uniform number per exchange, for choices made while writing
    cached_ratio: Floats  # share of the input that a prefix cache knows, where there is one
    contents: tuple[tuple[int, Content], ...]  # group index and content

    def __len__(self) -> int:
        return len(self.second)


class TrafficModel:
    """Draws the days of one world, or of the `part` of its accounts that `population` holds."""

    def __init__(
        self, world: World, population: Population, seed: int, part: int | None = None
    ) -> None:
        self._world, self._population, self._seed = world, population, seed
        self._part = () if part is None else (part,)
        self._members = [population.select(index) for index in range(len(population.groups))]
        self._contents = tuple(
            (index, content)
            for index, group in enumerate(population.groups)
            for content in group.all_contents
        )
        self._release = get_release(world)
        accounts = population.accounts
        self._migrate_at = np.array([each.migrate_at for each in accounts], dtype=np.float64)
        self._banned_at = np.array([each.banned_at or np.inf for each in accounts], dtype=float)

    def draw_day(self, day: date) -> Events:
        """Return all exchanges of a day."""
        number = (day - self._world.first_day).days
        parts = []
        offset = 0
        sessions = 0
        for index, group in enumerate(self._population.groups):
            rng = np.random.default_rng([self._seed, _STREAM, number, index, *self._part])
            factor = _get_factor(group.traffic, number, self._world)
            drawn = _draw_times(rng, group.traffic, self._members[index], day, factor)
            account, second, session = _keep_active(rng, group, self._members[index], *drawn)
            content = _choose_contents(rng, group, second)
            served = content >= 0
            account, second, session = account[served], second[served], session[served]
            parts.append((account, second, session + sessions, content[served] + offset))
            sessions += int(session.max(initial=-1)) + 1
            offset += len(group.all_contents)
        account, second, session, content = (
            np.concatenate([part[n] for part in parts]) for n in range(4)
        )
        order = np.argsort(second, kind="stable")
        rng = np.random.default_rng([self._seed, _STREAM, number, 10**6, *self._part])
        return self._describe(
            rng, account[order].astype(np.int64), second[order], session[order], content[order]
        )

    def _describe(
        self, rng: np.random.Generator, account: Ints, second: Floats, session: Ints, content: Ints
    ) -> Events:
        size = len(second)
        newest = self._migrate_at[account] <= second
        banned_at = self._banned_at[account]
        status = np.zeros(size, dtype=np.int64)
        columns = {name: np.zeros(size) for name in ("input", "output", "reasoning")}
        for index, (_, what) in enumerate(self._contents):
            here = np.flatnonzero(content == index)
            if not len(here):
                continue
            _draw_tokens(rng, what, here, columns)
            status[here] = _draw_status(rng, what, len(here))
            if what.pivot is not None and self._release is not None:
                hours = (second[here] - self._release) / 3600
                reached = np.clip(hours / what.pivot.hours, 0.0, 1.0) * what.pivot.share
                newest[here] = rng.random(len(here)) < reached
        status[second >= banned_at] = BLOCKED
        failed = status != OK
        columns["output"][failed] = 0
        columns["reasoning"][failed] = 0
        latency = 280 + columns["output"] * 11 * np.exp(0.25 * rng.normal(size=size))
        latency[failed] = 60 + 200 * rng.random(int(failed.sum()))
        return Events(
            account=account,
            second=second,
            session=session,
            content=content,
            status=status,
            newest_model=newest,
            input_tokens=columns["input"].astype(np.int64),
            output_tokens=columns["output"].astype(np.int64),
            reasoning_tokens=columns["reasoning"].astype(np.int64),
            latency_ms=latency.astype(np.int64),
            chance=rng.random(size),
            cached_ratio=traces.draw_cached_ratios(rng, size),
            contents=self._contents,
        )


def _get_factor(traffic: Traffic, number: int, world: World) -> float:
    """Return how much of its full rate a group shows on the world's day `number`."""
    factor = 1.0
    if traffic.ramp_days:
        first = traffic.first_at or world.start
        began = max(0, (first.date() - world.first_day).days)
        factor = min(1.0, max(0.0, (number - began + 1) / traffic.ramp_days))
    for phase in traffic.phases:
        if phase.from_day <= number < phase.from_day + phase.days:
            factor *= phase.factor
    return factor


def _choose_contents(rng: np.random.Generator, group: Group, second: Floats) -> Ints:
    """Return the index of what each request asks for; -1 where nothing is on offer then."""
    contents = group.all_contents
    shares = np.array([content.share for content in contents])
    windows = [_get_window(group, content) for content in contents]
    if not any(first or last for first, last in windows):
        return rng.choice(len(shares), size=len(second), p=shares / shares.sum())
    first = np.array([each[0].timestamp() if each[0] else -np.inf for each in windows])
    last = np.array([each[1].timestamp() if each[1] else np.inf for each in windows])
    open_ = (second[:, None] >= first) & (second[:, None] < last)
    bounds = np.cumsum(shares * open_, axis=1)
    total = bounds[:, -1]
    point = rng.random(len(second)) * total
    chosen = (bounds <= point[:, None]).sum(axis=1)
    return np.where(total > 0, np.minimum(chosen, len(shares) - 1), -1)


def _get_window(group: Group, content: Content) -> tuple[datetime | None, datetime | None]:
    if group.bought is None:
        return content.first_at, content.last_at
    sold = group.bought.at
    if content in group.bought.contents:
        return content.first_at, min(sold, content.last_at or sold)
    return max(sold, content.first_at or sold), content.last_at


def _draw_times(
    rng: np.random.Generator, traffic: Traffic, members: list[Account], day: date, factor: float
) -> tuple[Ints, Floats, Ints]:
    """Return account (place in the group), second and session of everything that may happen."""
    midnight = datetime.combine(day, time(), tzinfo=UTC).timestamp()
    rates = np.array([_get_rate(account, midnight) for account in members])
    if factor != 1.0:
        rates = rates * factor
    if day.weekday() >= 5:
        rates = rates * traffic.weekend
    if traffic.day_noise > 0:
        shape = 1.0 / traffic.day_noise**2
        rates = rates * rng.gamma(shape, 1.0 / shape, size=len(rates))
    counts = rng.poisson(rates)
    if traffic.hard_cap is not None:
        counts = np.minimum(counts, traffic.hard_cap)
    owner = np.repeat(np.arange(len(members)), counts)
    if not len(owner):
        return owner, np.zeros(0), owner
    sessions = np.maximum(1, np.round(counts / traffic.session_calls)).astype(np.int64)
    first = np.concatenate([[0], np.cumsum(sessions)[:-1]])
    session = np.sort(first[owner] + (rng.random(len(owner)) * sessions[owner]).astype(np.int64))
    count = int(sessions.sum())
    session_owner = np.repeat(np.arange(len(members)), sessions)
    offsets = np.array([account.utc_offset for account in members])[session_owner]
    local = rng.choice(24, size=count, p=traces.get_hour_shares(traffic.shape))
    start = ((local - offsets) % 24 + rng.random(count)) * 3600 % DAY_SECONDS
    gaps = _draw_gaps(rng, traffic, len(session))
    opens = np.concatenate([[True], session[1:] != session[:-1]])
    gaps[opens] = 0.0
    run = np.cumsum(gaps)
    within = run - np.maximum.accumulate(np.where(opens, run, -np.inf))
    length = np.zeros(count)
    np.maximum.at(length, session, within)
    within *= np.minimum(1.0, 0.9 * DAY_SECONDS / np.maximum(length, 1.0))[session]
    length = np.minimum(length, 0.9 * DAY_SECONDS)
    start = np.minimum(start, DAY_SECONDS - 1.0 - length)
    return session_owner[session], midnight + start[session] + within, session


def _get_rate(account: Account, midnight: float) -> float:
    sold = account.former is not None and midnight < account.former.until
    return account.former.rate if account.former and sold else account.rate


def _draw_gaps(rng: np.random.Generator, traffic: Traffic, size: int) -> Floats:
    if traffic.burst == "even":
        return np.asarray(rng.exponential(traffic.gap_seconds, size))
    if traffic.burst == "agent":
        return traces.draw_figure("agent_gap_seconds", rng, size)
    cv = np.clip(traces.draw_figure(f"{traffic.burst}_burst_cv", rng, size), 0.3, 3.0)
    shape = 1.0 / cv**2
    gaps = rng.gamma(shape, traffic.gap_seconds / shape)
    return np.asarray(np.minimum(gaps + 1.0, _MAX_GAP_SECONDS))


def _keep_active(
    rng: np.random.Generator,
    group: Group,
    members: list[Account],
    owner: Ints,
    second: Floats,
    session: Ints,
) -> tuple[Ints, Floats, Ints]:
    """Return what falls into the accounts' lives; a banned account still knocks for a while."""
    never = np.inf
    start = np.array([account.active_from for account in members])[owner]
    closed = np.array([account.closed_at or never for account in members])[owner]
    banned = np.array([account.banned_at or never for account in members])[owner]
    keep = (second >= start) & (second < closed)
    if group.traffic.first_at is not None:
        keep &= second >= group.traffic.first_at.timestamp()
    if group.traffic.last_at is not None:
        keep &= second < group.traffic.last_at.timestamp()
    hours = group.ban.blocked_hours if group.ban is not None else 3.0
    since = np.where(np.isfinite(banned), (second - np.minimum(banned, 1e12)) / 3600, -1.0)
    keep &= (since < 0) | (rng.random(len(second)) < np.exp(-since * 3 / hours))
    keep &= since < hours
    numbers = np.array([account.number for account in members], dtype=np.int64)
    return numbers[owner[keep]], second[keep], session[keep]


def _draw_tokens(
    rng: np.random.Generator, what: Content, here: Ints, columns: dict[str, Floats]
) -> None:
    into, out = traces.draw_lengths(what.tokens, rng, len(here))
    if len(what.max_tokens) == 1 and what.max_tokens[0] is not None:
        out = np.minimum(out, what.max_tokens[0])
    columns["input"][here] = np.clip(into, 1, _MAX_TOKENS)
    columns["output"][here] = np.clip(out, 1, _MAX_TOKENS)
    if what.thinking > 0:
        ratio = traces.draw_figure("reason_ratio", rng, len(here)).clip(0.0, 0.99)
        thinks = rng.random(len(here)) < what.thinking
        columns["reasoning"][here] = np.where(thinks, np.clip(out, 1, _MAX_TOKENS) * ratio, 0)


def _draw_status(rng: np.random.Generator, what: Content, size: int) -> Ints:
    bounds = np.cumsum([what.refused, what.rate_limited, _ERROR_RATIO, _BLOCKED_RATIO])
    kinds = np.array([REFUSED, RATE_LIMITED, ERROR, BLOCKED, OK])
    return kinds[np.searchsorted(bounds, rng.random(size), side="right")]
