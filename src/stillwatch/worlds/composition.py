"""From the short notation of world files to the full one.

A world file may start from a base (`extends: two_platforms`), include cohorts and attackers that
ship with the package by name (`use: classroom`) with overrides beside it, and give times relative
to the world (`start+2d13h`, `release+6h`), so that one block fits every world. An attacker may
have `knobs`, short names for what is spread over its parts, and be `like` a cohort.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources
from typing import Any

import yaml

from stillwatch.errors import ConfigError
from stillwatch.worlds.knobs import turn_knobs

Raw = dict[str, Any]

_TIME = re.compile(r"(start|end|release|sdk_release)(?:([+-])(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?)?")
_TIME_KEYS = {
    "released_at",
    "sdk_release_at",
    "first_at",
    "last_at",
    "serves_from",
    "at",
}
# A choice with weights is replaced as a whole: merged, old choices would stay in it.
_CHOICES = {
    "platforms",
    "families",
    "email",
    "payment",
    "signup_path",
    "plan",
    "kyc",
    "countries",
    "languages",
}
_BLOCK_KEYS = {"about", "parts", "cohorts", "attackers"}


def compose(raw: Raw, origin: str) -> Raw:
    """Return the world of `raw` with everything written out; `raw` is left as it is."""
    world = copy.deepcopy(raw)
    base = world.pop("extends", None)
    if base is not None:
        world = _read_block("presets/bases", base, origin) | world
        world.pop("about", None)
    for kind in ("cohorts", "attackers"):
        entries = world.get(kind)
        if isinstance(entries, list):
            world[kind] = [part for each in entries for part in _expand(each, kind, origin)]
    attackers = world.get("attackers")
    for attacker in attackers if isinstance(attackers, list) else []:
        if isinstance(attacker, dict) and "like" in attacker:
            _imitate(attacker, origin)
        if isinstance(attacker, dict) and "knobs" in attacker:
            turn_knobs(attacker, origin)
    return _settle_times(world, origin)


def list_blocks(kind: str) -> list[str]:
    """Return the names of the blocks of one kind, `cohorts` or `attackers`."""
    folder = resources.files("stillwatch.worlds").joinpath(kind)
    return sorted(item.name[:-4] for item in folder.iterdir() if item.name.endswith(".yml"))


def describe_block(kind: str, name: str) -> str:
    """Return what a block says about itself."""
    return str(_read_block(kind, name, name)["about"])


def _expand(entry: Any, kind: str, origin: str) -> Iterator[Any]:
    """Yield the cohorts or attackers that an entry stands for."""
    if not isinstance(entry, dict) or "use" not in entry:
        yield entry
        return
    overrides = {key: value for key, value in entry.items() if key not in {"use", "times"}}
    block = _read_block(kind, entry["use"], origin)
    unknown = sorted(set(block) - _BLOCK_KEYS)
    if unknown:
        raise ConfigError(f"{kind}/{entry['use']}.yml has unknown keys: {', '.join(unknown)}")
    members = block[kind]
    if len(members) > 1 and {"name", "accounts"} & set(overrides):
        raise ConfigError(
            f"{origin}: {entry['use']} is {len(members)} {kind}, which cannot all take the same "
            "name or number of accounts: give `times`, a factor for their accounts"
        )
    for member in members:
        merged = merge(copy.deepcopy(member), overrides)
        if "times" in entry and "accounts" in merged:
            merged["accounts"] = max(1, round(merged["accounts"] * entry["times"]))
        yield merged


def _imitate(attacker: Raw, origin: str) -> None:
    """Give an attacker the looks of a cohort block, where it says nothing else, and its requests.

    The cohort's requests are cover: `knobs.mixing` says how much of the traffic they make.
    """
    cohort = _read_block("cohorts", attacker.pop("like"), origin)["cohorts"][0]
    for part in ("identity", "network", "clients", "traffic"):
        attacker[part] = merge(copy.deepcopy(cohort.get(part, {})), attacker.get(part, {}))
    attacker["contents"] = [*attacker["contents"], *copy.deepcopy(cohort["contents"])]
    for pool in attacker["pools"]:
        pool.setdefault("signup", copy.deepcopy(cohort.get("signup", {})))
        pool.setdefault("platforms", dict(cohort.get("platforms", {"native": 1.0})))


def merge(under: Raw, over: Raw) -> Raw:
    """Return `under` with the values of `over`; parts are merged, lists and choices replaced.

    >>> merge({"traffic": {"per_day": 3, "cap": 9}}, {"traffic": {"per_day": 4}})
    {'traffic': {'per_day': 4, 'cap': 9}}
    """
    result = dict(under)
    for key, value in over.items():
        old = result.get(key)
        both = isinstance(value, dict) and isinstance(old, dict) and key not in _CHOICES
        result[key] = merge(old, value) if both and isinstance(old, dict) else value
    return result


def _read_block(folder: str, name: Any, origin: str) -> Raw:
    path = resources.files("stillwatch.worlds").joinpath(*folder.split("/"), f"{name}.yml")
    if not isinstance(name, str) or not re.fullmatch(r"\w+", name) or not path.is_file():
        known = ", ".join(list_blocks(folder)) if "/" not in folder else "two_platforms"
        raise ConfigError(f"{origin}: no {folder} block {name!r}, give one of {known}")
    raw: Any = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
    return dict(raw)


def _settle_times(world: Raw, origin: str) -> Raw:
    """Return the world with every relative time replaced by the instant that it means."""
    first, days = world.get("first_day"), world.get("days")
    if isinstance(first, str):
        try:
            first = date.fromisoformat(first)
        except ValueError:
            return world  # the reader says what is wrong with it
    if not isinstance(first, date) or not isinstance(days, int):
        return world
    start = datetime.combine(first, time(), tzinfo=UTC)
    anchors = {"start": start, "end": start + timedelta(days=days)}
    settle = _make_settler(anchors, origin)
    models = _walk(world.get("models", []), settle)
    if not isinstance(models, list):
        return world
    released = [
        each["released_at"]
        for each in models
        if isinstance(each, dict) and isinstance(each.get("released_at"), datetime)
    ]
    inside = [moment for moment in released if moment.tzinfo and moment >= start]
    if inside:
        anchors["release"] = max(inside)
    if world.get("sdk_release_at") is not None:
        world["sdk_release_at"] = settle(world["sdk_release_at"])
        if isinstance(world["sdk_release_at"], datetime):
            anchors["sdk_release"] = world["sdk_release_at"]
    return {key: _walk(value, settle) for key, value in (world | {"models": models}).items()}


def _walk(value: Any, settle: Callable[[Any], Any]) -> Any:
    match value:
        case dict():
            return {
                key: settle(each) if key in _TIME_KEYS else _walk(each, settle)
                for key, each in value.items()
            }
        case list():
            return [_walk(each, settle) for each in value]
        case _:
            return value


def _make_settler(anchors: dict[str, datetime], origin: str) -> Callable[[Any], Any]:
    def settle(value: Any) -> Any:
        found = _TIME.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            return value
        name, sign, *amounts = found.groups()
        if name not in anchors:
            raise ConfigError(
                f"{origin}: {value!r} needs a {name}, which this world does not have: "
                "give `sdk_release_at`, or a model that comes out on one of its days"
            )
        days, hours, minutes = (int(amount or 0) for amount in amounts)
        away = timedelta(days=days, hours=hours, minutes=minutes)
        return anchors[name] - away if sign == "-" else anchors[name] + away

    return settle
