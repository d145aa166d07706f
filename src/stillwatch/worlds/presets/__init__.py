"""World files that ship with the package, and the strict reader of such files."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from stillwatch.errors import ConfigError
from stillwatch.worlds.composition import compose
from stillwatch.worlds.model import PARQUET_FORMATS, PLATFORMS, Attacker, World


def list_presets() -> list[str]:
    """Return the names of the worlds that ship with the package."""
    folder = resources.files("stillwatch.worlds.presets")
    return sorted(item.name[:-4] for item in folder.iterdir() if item.name.endswith(".yml"))


def load_world(name: str) -> World:
    """Return a world that ships with the package, or the one in the YAML file of that path."""
    if name in list_presets():
        text = (
            resources.files("stillwatch.worlds.presets").joinpath(f"{name}.yml").read_text("utf-8")
        )
        return parse_world(text, f"preset {name!r}")
    path = Path(name)
    if path.suffix in {".yml", ".yaml"} and path.is_file():
        return parse_world(path.read_text("utf-8"), str(path))
    raise ConfigError(
        f"no world {name!r}: give one of {', '.join(list_presets())}, or the path of a .yml file"
    )


def parse_world(text: str, origin: str) -> World:
    """Return the world written in `text`; every problem is listed in one ConfigError."""
    try:
        raw: Any = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{origin} is not YAML: {error}") from error
    return read_world(raw, origin)


def read_world(raw: Any, origin: str) -> World:
    """Return the world that a mapping of YAML values describes, as `parse_world` does."""
    if not isinstance(raw, dict):
        raise ConfigError(f"{origin} holds no mapping: start from presets/tiny.yml")
    shared = raw.pop(
        "parts", None
    )  # a place for YAML anchors; its contents count where they are used
    if shared is not None and not isinstance(shared, dict):
        raise ConfigError(f"{origin}: `parts` must be a mapping of reusable pieces")
    raw = compose(raw, origin)
    try:
        world = TypeAdapter(World).validate_python(raw)
    except ValidationError as error:
        problems = "; ".join(
            f"unknown key {_spell(item['loc'])}"
            if item["type"] == "unexpected_keyword_argument"
            else f"{_spell(item['loc'])}: {item['msg']}"
            for item in error.errors()
        )
        raise ConfigError(f"{origin} is not a world: {problems}") from error
    problems = "; ".join(_find_problems(world))
    if problems:
        raise ConfigError(f"{origin} is not a world: {problems}")
    return world


def check_sources(world: World, origin: str) -> None:
    """Raise a ConfigError if a source cannot deliver its format in its kind of files."""
    problems = "; ".join(_find_source_problems(world))
    if problems:
        raise ConfigError(f"{origin}: {problems}")


def _spell(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)


def _find_problems(world: World) -> Iterable[str]:
    platforms = {source.home_platform for source in world.sources}
    names = [cohort.name for cohort in world.cohorts] + [each.name for each in world.attackers]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"the name {name!r} is used twice"
    yield from _find_source_problems(world)
    if world.days < 1:
        yield f"days: {world.days} is no period"
    if not any(model.weight > 0 for model in world.models):
        yield "models: none has a weight above zero"
    used = {(cohort.name, each) for cohort in world.cohorts for each in cohort.platforms}
    used |= {
        (who.name, each) for who in world.attackers for pool in who.pools for each in pool.platforms
    }
    for name, platform in sorted(used):
        if platform not in platforms:
            yield f"{name}: no source delivers the platform {platform!r}"
    for cohort in world.cohorts:
        if any(content.extraction for content in cohort.contents):
            yield f"{cohort.name}: honest cohorts have no extraction content"
    for attacker in world.attackers:
        yield from _find_attacker_problems(attacker, {model.name for model in world.models})
    for moment, origin in _list_moments(world):
        if moment is not None and moment.tzinfo is None:
            yield f"{origin}: {moment.isoformat()} has no time zone, write 2026-11-05T15:00:00Z"


def _find_attacker_problems(attacker: Attacker, models: set[str]) -> Iterable[str]:
    if attacker.off_platform:
        if attacker.pools:
            yield f"{attacker.name}: what is bought off the platform has no pools on it"
        return
    reuse = attacker.identity.payment_reuse
    if reuse and not attacker.identity.instruments:
        yield f"{attacker.name}.identity: payment_reuse needs `instruments` to share"
    for pool in attacker.pools:
        contents = pool.contents or attacker.contents
        if not any(content.extraction for content in contents):
            yield f"{attacker.name}: an attacker needs a content with `extraction: true`"
        for content in contents:
            if content.model is not None and content.model not in models:
                yield f"{attacker.name}: no model {content.model!r} among the world's models"
        if pool.bought and (attacker.traffic.first_at or pool.serves_from):
            yield (
                f"{attacker.name}.{pool.name}: traffic.first_at or serves_from would silence the "
                "first owners of bought accounts, say `bought.at` alone"
            )
        if pool.bought and any(content.extraction for content in pool.bought.contents):
            yield f"{attacker.name}.{pool.name}: first owners have no extraction content"


def _find_source_problems(world: World) -> Iterable[str]:
    for source in world.sources:
        if source.platform != PLATFORMS[source.format]:
            yield (
                f"{source.source_id}: logs of the format {source.format!r} come from the platform "
                f"{PLATFORMS[source.format]!r}, not {source.platform!r}"
            )
        if source.file_kind == "parquet" and source.format not in PARQUET_FORMATS:
            yield (
                f"{source.source_id}: {source.format} is not delivered as Parquet, "
                f"only {' and '.join(PARQUET_FORMATS)} are"
            )


def _list_moments(world: World) -> Iterable[tuple[Any, str]]:
    yield world.sdk_release_at, "sdk_release_at"
    for model in world.models:
        yield model.released_at, f"models.{model.name}.released_at"
    for cohort in world.cohorts:
        yield cohort.signup.first_at, f"{cohort.name}.signup.first_at"
        yield cohort.traffic.first_at, f"{cohort.name}.traffic.first_at"
        yield cohort.traffic.last_at, f"{cohort.name}.traffic.last_at"
        for content in cohort.contents:
            yield content.first_at, f"{cohort.name}.contents.first_at"
            yield content.last_at, f"{cohort.name}.contents.last_at"
    for attacker in world.attackers:
        for content in attacker.contents:
            yield content.first_at, f"{attacker.name}.contents.first_at"
            yield content.last_at, f"{attacker.name}.contents.last_at"
        yield attacker.traffic.first_at, f"{attacker.name}.traffic.first_at"
        yield attacker.traffic.last_at, f"{attacker.name}.traffic.last_at"
        for pool in attacker.pools:
            yield pool.signup.first_at, f"{attacker.name}.{pool.name}.signup.first_at"
            yield pool.serves_from, f"{attacker.name}.{pool.name}.serves_from"
            yield pool.ban and pool.ban.at, f"{attacker.name}.{pool.name}.ban.at"
            yield pool.bought and pool.bought.at, f"{attacker.name}.{pool.name}.bought.at"
