"""The fuzz targets: what each feeds on and what it promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

Run = Callable[[bytes], Counter[str]]

# Modules with targets; a new one is one more name here.
MODULES = ("adapter_targets", "landing_targets")

_targets: dict[str, Target] = {}


@dataclass(frozen=True)
class Target:
    """One parser: seeds to mutate, and a run that counts, or raises if a promise is broken."""

    name: str
    seeds: Callable[[], list[bytes]]
    run: Run
    is_json: bool  # whether mutations may also change the JSON on a line


def target(name: str, seeds: Callable[[], list[bytes]], is_json: bool) -> Callable[[Run], Run]:
    """Register the decorated function as the target `name`."""

    def register(run: Run) -> Run:
        if name in _targets:
            raise ValueError(f"two fuzz targets have the name {name!r}")
        _targets[name] = Target(name, seeds, run, is_json)
        return run

    return register


def load_targets() -> dict[str, Target]:
    """Return all targets by name, in the order of their names."""
    for module in MODULES:
        import_module(f".{module}", __package__)
    return dict(sorted(_targets.items()))
