"""What an evaluation runs: worlds, seeds, ablations, sweeps and methods, as a strict YAML file."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import field
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from stillwatch.errors import ConfigError
from stillwatch.evaluation.ablations import Ablation
from stillwatch.evaluation.evasion import CostModel
from stillwatch.evaluation.knobs import load_world_with
from stillwatch.evaluation.left_out import choose_families
from stillwatch.worlds.model import Format, World, deliver_as

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_STRICT)
class PlannedWorld:
    """A world (preset or path of a .yml file) under the name it has in the results.

    `scale` multiplies its accounts (none given: as the world says) before `set` changes values,
    `days` ends it early, `seeds` replaces those of the plan, and `deliver_as` writes every source
    in one log format.
    A `fast` one is simulated in the fast mode and judged on its last day only, by Stillwatch alone.
    """

    world: str
    name: str = ""
    set: dict[str, Any] = field(default_factory=dict)
    scale: float | None = None
    days: int | None = None
    seeds: int | None = None
    deliver_as: Format | None = None
    fast: bool = False

    @property
    def label(self) -> str:
        """The name in the results."""
        return self.name or Path(self.world).stem


@dataclass(frozen=True, config=_STRICT)
class Ablations:
    """Which fields are taken out, in which of the worlds (by their names in the results).

    `families` are the families of evidence without which the last day is judged again, or `all`.
    """

    worlds: tuple[str, ...] = ()
    fields: tuple[Ablation, ...] = tuple(Ablation)
    seeds: int = 1
    families: tuple[str, ...] = ()


@dataclass(frozen=True, config=_STRICT)
class Sweep:
    """One knob of one attacker at several levels: the points of an evasion-cost curve."""

    world: str
    knob: str
    levels: tuple[float, ...]
    title: str = ""
    attacker: str = ""
    seeds: int = 1

    @property
    def label(self) -> str:
        """Name of the curve."""
        return self.title or self.knob

    @property
    def target(self) -> str:
        """The attacker whose accounts are counted."""
        steps = self.knob.split(".")
        return self.attacker or (steps[1] if steps[0] == "attackers" and len(steps) > 1 else "")


@dataclass(frozen=True, config=_STRICT)
class Plan:
    """Everything that decides what the figures will be, but for the code.

    `days` ends every longer world after so many days. `methods` are slugs of competitors, or `all`.
    """

    name: str
    worlds: tuple[PlannedWorld, ...]
    seeds: int = 1
    days: int | None = None
    methods: tuple[str, ...] = ("all",)
    ablations: Ablations = field(default_factory=Ablations)
    sweeps: tuple[Sweep, ...] = ()
    costs: CostModel = field(
        default_factory=lambda: CostModel(
            account_usd=1.0, exchange_usd=0.02, camouflage_cost_share=0.0
        )
    )


@dataclass(frozen=True, config=_STRICT)
class Cell:
    """One world with one seed, run once: the unit that is run, stored and resumed.

    Cells of one `group` differ in their seed only; `base` is the world as the plan names it.
    """

    name: str
    group: str
    base: str
    world: str
    seed: int
    overrides: dict[str, Any] = field(default_factory=dict)
    scale: float | None = None
    days: int | None = None
    deliver_as: Format | None = None
    ablation: Ablation | None = None
    left_out_families: tuple[str, ...] = ()
    sweep: str | None = None
    level: float | None = None
    fast: bool = False

    def load(self) -> World:
        """Return the world of the cell; its seed is given when it is written."""
        world = load_world_with(self.world, self.overrides, self.scale)
        return world if self.deliver_as is None else deliver_as(world, self.deliver_as)


def list_plans() -> list[str]:
    """Return the names of the plans that ship with the package."""
    folder = resources.files("stillwatch.evaluation.plans")
    return sorted(item.name[:-4] for item in folder.iterdir() if item.name.endswith(".yml"))


def load_plan(name: str) -> Plan:
    """Return a plan that ships with the package, or the one in the YAML file of that path."""
    path = Path(name)
    if name in list_plans():
        text = resources.files("stillwatch.evaluation.plans").joinpath(f"{name}.yml").read_text()
    elif path.suffix in {".yml", ".yaml"} and path.is_file():
        text = path.read_text("utf-8")
    else:
        raise ConfigError(
            f"no plan {name!r}: give one of {', '.join(list_plans())}, or the path of a .yml file"
        )
    try:
        plan = TypeAdapter(Plan).validate_python(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise ConfigError(f"{name} is not a plan: {error}") from error
    return check_plan(plan)


def check_plan(plan: Plan) -> Plan:
    """Return the plan if all that it names is there; every world is read."""
    labels = [world.label for world in plan.worlds]
    named = {*plan.ablations.worlds, *(sweep.world for sweep in plan.sweeps)}
    problems = [
        f"the world {name!r} is named twice" for name in {*labels} if labels.count(name) > 1
    ]
    problems += [f"no world {name!r} in the plan" for name in sorted(named - set(labels))]
    problems += [
        f"{world.label}: fields are taken out of landed logs, which a fast world does not have"
        for world in plan.worlds
        if world.fast and world.label in plan.ablations.worlds
    ]
    seeds = [plan.seeds, plan.ablations.seeds]
    seeds += [world.seeds for world in plan.worlds if world.seeds is not None]
    if not plan.worlds or min(seeds) < 1:
        problems.append("a plan needs a world and at least one seed")
    for days in (plan.days, *(world.days for world in plan.worlds)):
        if days is not None and days < 1:
            problems.append(f"days: {days} is no period")
    problems += [
        f"the world {world.label!r}: scale {world.scale} is not above zero"
        for world in plan.worlds
        if world.scale is not None and world.scale <= 0
    ]
    for sweep in plan.sweeps:
        if not sweep.target:
            problems.append(f"sweep {sweep.knob}: say which `attacker` is counted")
        if not sweep.levels or sweep.seeds < 1:
            problems.append(f"sweep {sweep.knob}: give levels and at least one seed")
    if problems:
        raise ConfigError(f"plan {plan.name!r}: {'; '.join(sorted(problems))}")
    for cell in list_cells(plan):
        world = cell.load()
        for sweep in plan.sweeps:
            attackers = [each.name for each in world.attackers]
            if cell.sweep == sweep.label and sweep.target not in attackers:
                raise ConfigError(f"sweep {sweep.knob}: no attacker {sweep.target!r} in the world")
    return plan


def list_cells(plan: Plan) -> list[Cell]:
    """Return every run of the plan: worlds by seed, then ablations, then levels of sweeps."""
    cells = []
    families = choose_families(plan.ablations.families)
    for world in plan.worlds:
        for number, seed in enumerate(_list_seeds(world, world.seeds or plan.seeds)):
            judged_again = world.label in plan.ablations.worlds and number < plan.ablations.seeds
            cell = _make_cell(plan, world, seed)
            left_out = families if judged_again else ()
            cells.append(dataclasses.replace(cell, left_out_families=left_out))
    for world in plan.worlds:
        for ablation in plan.ablations.fields if world.label in plan.ablations.worlds else ():
            for seed in _list_seeds(world, plan.ablations.seeds):
                cell = _make_cell(plan, world, seed, f" {ablation.label}")
                cells.append(dataclasses.replace(cell, ablation=ablation))
    by_label = {world.label: world for world in plan.worlds}
    for sweep in plan.sweeps:
        world = by_label[sweep.world]
        for level in sweep.levels:
            values = {**world.set, sweep.knob: level}
            changed = dataclasses.replace(world, name=world.label, set=values)
            for seed in _list_seeds(world, sweep.seeds):
                cell = _make_cell(plan, changed, seed, f" {sweep.knob}={level:g}")
                cells.append(dataclasses.replace(cell, sweep=sweep.label, level=level))
    return cells


def hash_json(value: Any) -> str:
    """Return the sha256 of a value as canonical JSON."""
    packed = orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return hashlib.sha256(packed).hexdigest()


def _make_cell(plan: Plan, world: PlannedWorld, seed: int, suffix: str = "") -> Cell:
    group = f"{world.label}{suffix}"
    name = f"{group} seed {seed}"
    return Cell(
        name=name,
        group=group,
        base=world.label,
        world=world.world,
        seed=seed,
        overrides=world.set,
        scale=world.scale,
        days=min((days for days in (plan.days, world.days) if days is not None), default=None),
        deliver_as=world.deliver_as,
        fast=world.fast,
    )


def _list_seeds(world: PlannedWorld, count: int) -> Iterator[int]:
    """Return the world's own seed and those that follow it."""
    first = load_world_with(world.world, {}).seed
    yield from range(first, first + count)
