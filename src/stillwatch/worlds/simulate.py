"""Writing a world: landed inputs in one folder, the truth about them in another."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import yaml

from stillwatch.errors import ConfigError
from stillwatch.log import get_logger, track
from stillwatch.runs import end_of_day
from stillwatch.worlds.days import write_days
from stillwatch.worlds.groups import scale_world
from stillwatch.worlds.landing import Deliverer, LandedFile, write_lines
from stillwatch.worlds.model import FileKind, Format, World, deliver_as
from stillwatch.worlds.population import Population, make_population
from stillwatch.worlds.presets import check_sources, load_world
from stillwatch.worlds.records import render_account
from stillwatch.worlds.reference import write_reference
from stillwatch.worlds.truth import TRUTH_FILES, TruthWriter

_log = get_logger(__name__)
MAX_SCALE = 1000.0
FAST_FOLDER = "simulated"  # below the landing root: what the fast mode writes in place of logs
_HANDLING = "simulated by stillwatch, no real customer"


@dataclass(frozen=True)
class WorldSummary:
    """What was written, for the table at the end."""

    world: str
    seed: int
    landing: Path
    truth: Path
    account_count: int
    attacker_account_count: int
    exchange_count: dict[str, int]
    campaigns: tuple[str, ...]
    late_count: int
    duplicate_count: int
    broken_count: int
    file_count: int
    byte_count: int
    seconds: float


def write_world(
    world: str,
    landing: Path,
    truth: Path,
    seed: int | None,
    wanted: Format | None = None,
    file_kind: FileKind | None = None,
    scale: float | None = None,
) -> WorldSummary:
    """Write a world (preset name or YAML path) and return what was written.

    With `wanted` every source delivers the logs of that format, with `file_kind` in such files.
    `scale` multiplies the stated numbers of accounts; none given, the world says by how much.

    The same world and seed give byte-identical files. The truth must lie outside the landing
    root. An earlier simulated world in the landing root is replaced; other data is never touched.
    """
    loaded = load_sized(world, scale)
    if wanted is not None:
        loaded = deliver_as(loaded, wanted, file_kind)
    elif file_kind is not None:
        sources = tuple(replace(source, file_kind=file_kind) for source in loaded.sources)
        loaded = replace(loaded, sources=sources)
    check_sources(loaded, world)
    return write(loaded, landing, truth, seed)


def load_sized(world: str, scale: float | None = None) -> World:
    """Return a world (preset name or YAML path) with `scale` times its stated accounts."""
    if scale is not None and not 0 < scale <= MAX_SCALE:
        raise ConfigError(f"--scale {scale} lies outside 0 to {MAX_SCALE}: 1 is the stated size")
    return scale_world(load_world(world), scale)


def write(world: World, landing: Path, truth: Path, seed: int | None = None) -> WorldSummary:
    """Write a world that is already in memory; see `write_world`."""
    began = time.monotonic()
    check_folders(landing, truth)
    clear_earlier(world, landing, truth)
    seed = world.seed if seed is None else seed
    if seed < 0:
        raise ConfigError(f"--seed {seed} is below zero: give a whole number from 0 on")
    write_sources(world, landing)
    population = make_population(world, seed)
    deliverers = {
        source.source_id: Deliverer(landing, source, world.delivery, seed)
        for source in world.sources
    }
    files: list[LandedFile] = []
    with TruthWriter(truth, world, population, seed) as writer:
        written = track(write_days(world, population, seed), "simulating", total=world.days)
        for number, (lines, labels) in enumerate(written):
            day = world.dates[number]
            writer.add_day(day, labels)
            last = number == world.days - 1
            for source_id, deliverer in deliverers.items():
                files += deliverer.deliver(day, number, lines[source_id], last)
            files += _write_registries(world, population, landing, number)
            labels.clear()  # before the next day is drawn, or two would be held at once
            lines.clear()
        reference = write_reference(world, population, landing)
        writer.finish(files, reference)
    summary = WorldSummary(
        world=world.name,
        seed=seed,
        landing=landing,
        truth=truth,
        account_count=len(population.accounts),
        attacker_account_count=sum(
            population.groups[account.group].campaign is not None for account in population.accounts
        ),
        exchange_count=dict(sorted(writer.exchange_count.items())),
        campaigns=tuple(attacker.name for attacker in world.attackers),
        late_count=sum(file.late_count for file in files),
        duplicate_count=sum(file.duplicate_count for file in files),
        broken_count=sum(file.broken_count for file in files),
        file_count=len(files) + len(reference) + len(world.sources),
        byte_count=sum(file.byte_count for file in files),
        seconds=time.monotonic() - began,
    )
    _log.info("world %s seed %d: %s exchanges", world.name, seed, summary.exchange_count)
    return summary


def check_folders(landing: Path, truth: Path) -> None:
    """Raise a ConfigError if one of the two folders lies inside the other."""
    inside, root = truth.resolve(), landing.resolve()
    if inside == root or root in inside.parents:
        raise ConfigError(
            f"the truth folder {truth} lies inside the landing root {landing}: "
            "the pipeline must never be able to read it, choose a folder elsewhere"
        )
    if inside in root.parents:
        raise ConfigError(
            f"the landing root {landing} lies inside the truth folder {truth}: keep them apart"
        )


def clear_earlier(world: World, landing: Path, truth: Path) -> None:
    """Remove an earlier simulated world; refuse to touch any other data."""
    ours = {source.source_id for source in world.sources}
    for folder in sorted((landing / "usage").glob("*")):
        about = folder / "source.yml"
        simulated = about.is_file() and _HANDLING in about.read_text("utf-8")
        if folder.name in ours and not simulated and any(folder.iterdir()):
            raise ConfigError(
                f"{folder} already holds data that was not simulated: choose an empty landing root "
                f"instead of {landing}, or move the data away"
            )
        if simulated:
            shutil.rmtree(folder)
            shutil.rmtree(landing / "accounts" / folder.name, ignore_errors=True)
            shutil.rmtree(landing / FAST_FOLDER, ignore_errors=True)
    for name in TRUTH_FILES:
        (truth / name).unlink(missing_ok=True)


def _write_registries(
    world: World, population: Population, landing: Path, number: int
) -> list[LandedFile]:
    day = world.first_day + timedelta(days=number)
    until = end_of_day(day).timestamp()
    files = []
    for source in world.sources:
        rows = [
            row
            for account in population.accounts
            if account.source.source_id == source.source_id
            and (row := render_account(account, until)) is not None
        ]
        path = landing / "accounts" / source.source_id / f"dt={day}" / "accounts.jsonl.gz"
        byte_count, digest = write_lines(path, rows)
        files.append(
            LandedFile(
                path=str(path.relative_to(landing)),
                kind="accounts",
                source_id=source.source_id,
                delivered_date=day,
                line_count=len(rows),
                byte_count=byte_count,
                sha256=digest,
            )
        )
    return files


def write_sources(world: World, landing: Path) -> None:
    """Describe every source; the handling note is what marks the folder as replaceable."""
    for source in world.sources:
        about = {
            "platform": source.platform,
            "format": source.format,
            "licence": "CC0-1.0",
            "handling": _HANDLING,
        }
        path = landing / "usage" / source.source_id / "source.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(about, sort_keys=False), encoding="utf-8")
