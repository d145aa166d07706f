"""Knobs of an attacker: one short name for what is spread over its parts.

Every knob changes the written-out attacker and nothing else; what a knob does can always be
written by hand.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from stillwatch.errors import ConfigError
from stillwatch.worlds.model import STRICT

Raw = dict[str, Any]
_DEFAULT_PIVOT_HOURS = 24.0


@dataclass(frozen=True, config=STRICT)
class Knobs:
    """What can be turned; none leaves the attacker as its block describes it.

    `mixing` is the share of unrelated customers' requests among all. `accounts` are dealt to the
    pools as before. `failover_hours` lie between the start of the ban and the second pool's first
    request. `organisations` share the pool in equal parts.
    """

    accounts: int | None = None
    per_day: float | None = None
    mixing: float | None = None
    template_families: int | None = None
    paraphrase: float | None = None
    variants: int | None = None
    payment_reuse: float | None = None
    instruments: int | None = None
    exits: int | None = None
    signup_path: dict[str, float] | None = None
    platforms: dict[str, float] | None = None
    start: str | None = None
    ramp_days: int | None = None
    ban_at: str | None = None
    failover_hours: float | None = None
    pivot_share: float | None = None
    pivot_hours: float | None = None
    replay: float | None = None
    organisations: tuple[str, ...] | None = None


def turn_knobs(attacker: Raw, origin: str) -> None:
    """Take `knobs` out of a written-out attacker and change its parts accordingly."""
    name = attacker.get("name")
    try:
        knobs = TypeAdapter(Knobs).validate_python(attacker.pop("knobs"))
    except ValidationError as error:
        problems = "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())
        known = ", ".join(field.name for field in fields(Knobs))
        raise ConfigError(f"{origin}: {name}.knobs: {problems} (there are {known})") from error
    if knobs.mixing is not None and not 0 <= knobs.mixing < 1:
        raise ConfigError(f"{origin}: {name}.knobs.mixing: {knobs.mixing} is not in 0 to 1")
    _turn_pools(attacker, knobs, f"{origin}: {name}")
    _turn_contents(attacker, knobs, f"{origin}: {name}")
    _set(attacker, "traffic", per_day=knobs.per_day, ramp_days=knobs.ramp_days)
    _set(attacker, "traffic", first_at=knobs.start)
    _set(attacker, "network", exits=knobs.exits)
    _set(
        attacker,
        "identity",
        payment_reuse=knobs.payment_reuse,
        instruments=knobs.instruments,
        signup_path=knobs.signup_path,
    )
    if knobs.payment_reuse and not attacker["identity"].get("instruments"):
        raise ConfigError(f"{origin}: {name}.knobs.payment_reuse needs `instruments` to share")


def _turn_pools(attacker: Raw, knobs: Knobs, origin: str) -> None:
    pools: list[Raw] = attacker.get("pools", [])
    if knobs.accounts is not None:
        whole = sum(pool["accounts"] for pool in pools) or 1
        for pool in pools:
            pool["accounts"] = max(1, round(pool["accounts"] * knobs.accounts / whole))
    if knobs.platforms is not None:
        for pool in pools:
            pool["platforms"] = dict(knobs.platforms)
    if knobs.ban_at is not None:
        _need_pool(pools, 1, "ban_at", origin)
        pools[0]["ban"] = (pools[0].get("ban") or {}) | {"at": knobs.ban_at}
    if knobs.failover_hours is not None:
        _need_pool(pools, 2, "failover_hours", origin)
        banned_at = (pools[0].get("ban") or {}).get("at")
        if not isinstance(banned_at, str):
            raise ConfigError(f"{origin}: failover_hours needs a ban at a time like start+4d13h")
        pools[1]["serves_from"] = _add_hours(banned_at, knobs.failover_hours, origin)


def _turn_contents(attacker: Raw, knobs: Knobs, origin: str) -> None:
    contents: list[Raw] = attacker.get("contents", [])
    taken = [content for content in contents if content.get("extraction")]
    unrelated = [content for content in contents if not content.get("extraction")]
    if knobs.mixing is not None:
        if knobs.mixing > 0 and not unrelated:
            raise ConfigError(f"{origin}: mixing needs a content without `extraction: true`")
        _share_out(taken, 1.0 - knobs.mixing)
        _share_out(unrelated, knobs.mixing)
    for content in taken:
        _set_here(
            content,
            template_families=knobs.template_families,
            paraphrase=knobs.paraphrase,
            variants=knobs.variants,
            replay=knobs.replay,
        )
        if knobs.pivot_share is not None:
            hours = knobs.pivot_hours or _DEFAULT_PIVOT_HOURS
            content["pivot"] = {"share": knobs.pivot_share, "hours": hours}
    if knobs.organisations:
        parts = len(knobs.organisations)
        split = [
            content | {"organisation": name, "share": content.get("share", 1.0) / parts}
            for content in taken
            for name in knobs.organisations
        ]
        attacker["contents"] = split + unrelated


def _share_out(contents: list[Raw], total: float) -> None:
    whole = sum(content.get("share", 1.0) for content in contents)
    for content in contents:
        content["share"] = content.get("share", 1.0) / whole * total


def _need_pool(pools: list[Raw], count: int, knob: str, origin: str) -> None:
    if len(pools) < count:
        raise ConfigError(f"{origin}: {knob} needs {count} pools, this attacker has {len(pools)}")


def _add_hours(moment: str, hours: float, origin: str) -> str:
    """Return `start+5d7h` for `start+4d13h` and 18."""
    anchor, plus, rest = moment.partition("+")
    if "-" in moment or not anchor.isidentifier():
        raise ConfigError(f"{origin}: failover_hours needs a ban at a time like start+4d13h")
    amounts = {part[-1]: int(part[:-1]) for part in _split_amounts(rest)} if plus else {}
    minutes = amounts.get("d", 0) * 1440 + amounts.get("h", 0) * 60 + amounts.get("m", 0)
    return f"{anchor}+{minutes + round(hours * 60)}m"


def _split_amounts(rest: str) -> list[str]:
    parts, digits = [], ""
    for sign in rest:
        digits += sign
        if sign in "dhm":
            parts.append(digits)
            digits = ""
    return parts


def _set(attacker: Raw, part: str, **values: Any) -> None:
    if any(value is not None for value in values.values()):
        attacker[part] = dict(attacker.get(part) or {})
        _set_here(attacker[part], **values)


def _set_here(raw: Raw, **values: Any) -> None:
    raw |= {key: value for key, value in values.items() if value is not None}
