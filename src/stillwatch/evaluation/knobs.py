"""Worlds that differ in a few values: overrides of a world's YAML by dotted path."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import yaml

from stillwatch.errors import ConfigError
from stillwatch.worlds.groups import scale_world
from stillwatch.worlds.model import World
from stillwatch.worlds.presets import list_presets, load_world, read_world

MIXING = "mixing"  # of an attacker: share of its requests that extract nothing


def load_world_with(name: str, overrides: Mapping[str, Any], scale: float | None = None) -> World:
    """Return the world of that name with some values changed, checked like any world file.

    It is scaled first (none given: as the world itself says), so that a changed number of accounts
    is the number of accounts. Worlds that ship are read once: reading takes as long as simulating
    a small one.
    """
    if name in list_presets():
        return _load_preset(name, yaml.safe_dump(dict(overrides), sort_keys=False), scale)
    return _load(name, overrides, scale)


@lru_cache(maxsize=256)
def _load_preset(name: str, overrides: str, scale: float | None) -> World:
    return _load(name, yaml.safe_load(overrides), scale)


def _load(name: str, overrides: Mapping[str, Any], scale: float | None) -> World:
    world = scale_world(load_world(name), scale)
    if not overrides:
        return world
    tree: dict[str, Any] = dataclasses.asdict(world)
    for path, value in overrides.items():
        set_value(tree, path, value, name)
    changed = ", ".join(overrides)
    return read_world(_write_lists(tree), f"world {name!r} with {changed}")


def set_value(tree: dict[str, Any], path: str, value: Any, origin: str) -> None:
    """Set one value in a world's tree; a step is a key, or in a list a name or a number.

    `attackers.<name>.mixing` is no value of its own where the world has none of that name: it
    scales the shares of the attacker's contents, so that this part of them extracts nothing.

    >>> tree = {"cohorts": ({"name": "a", "accounts": 3}, {"name": "b", "accounts": 4})}
    >>> set_value(tree, "cohorts.b.accounts", 9, "toy")
    >>> tree["cohorts"][1]["accounts"]
    9
    """
    *steps, last = path.split(".")
    holder: Any = tree
    for depth, step in enumerate(steps):
        holder = holder[_find(holder, step, ".".join(steps[: depth + 1]), origin)]
    if last == MIXING and steps[:1] == ["attackers"] and len(steps) == 2 and last not in holder:
        _mix(holder, value, path, origin)
        return
    if isinstance(holder, tuple):
        raise ConfigError(f"{origin}: {path} names a whole entry: name one of its values")
    holder[_find(holder, last, path, origin)] = value


def _write_lists(value: Any) -> Any:
    """Return a tree as YAML would read it: lists where a world has tuples."""
    match value:
        case dict():
            return {key: _write_lists(each) for key, each in value.items()}
        case list() | tuple():
            return [_write_lists(each) for each in value]
        case _:
            return value


def parse_setting(text: str, option: str) -> tuple[str, str]:
    """Return path and value of `PATH=VALUE`."""
    path, sign, value = text.partition("=")
    if not sign or not path or not value:
        raise ConfigError(f"{option} {text!r}: write PATH=VALUE, e.g. attackers.hydra.mixing=0.9")
    return path.strip(), value


def _find(holder: Any, step: str, path: str, origin: str) -> Any:
    """Return the key or the number under which a step lies."""
    if isinstance(holder, dict):
        if step in holder:
            return step
        choices = list(holder)
    elif isinstance(holder, list | tuple):
        if step.isdecimal() and int(step) < len(holder):
            return int(step)
        names = [_get_name(item) for item in holder]
        if step in names:
            return names.index(step)
        choices = [name for name in names if name] or [str(n) for n in range(len(holder))]
    else:
        choices = []
    listed = ", ".join(choices) or "nothing"
    raise ConfigError(f"world {origin!r} has no {path}: there is {listed}")


def _get_name(item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    return item.get("name", item.get("source_id"))


def _mix(attacker: dict[str, Any], value: Any, path: str, origin: str) -> None:
    """Scale the shares of an attacker's contents to 1 - value (extraction) and value (the rest)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ConfigError(f"{path}={value!r} is no share of cover traffic: give 0 up to below 1")
    contents = attacker["contents"]
    for is_extraction, share in ((True, 1.0 - value), (False, float(value))):
        group = [each for each in contents if bool(each["extraction"]) is is_extraction]
        total = sum(each["share"] for each in group)
        if share and not total:
            raise ConfigError(f"world {origin!r}: {path}={value} needs cover traffic to scale")
        for each in group:
            each["share"] = share * each["share"] / total if total else 0.0
