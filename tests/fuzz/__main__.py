"""Run fuzz targets for a while; see the package."""

from __future__ import annotations

import hashlib
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

import click

from .mutations import mutate
from .registry import Target, load_targets


def fuzz(target: Target, seed: int, seconds: float, most_runs: int | None = None) -> Counter[str]:
    """Return the counts of a target over a while, or until `most_runs`; raise on a failure.

    The failing input is kept in the temporary folder and named in the error.
    """
    chance = random.Random(f"{target.name}/{seed}")
    seeds = target.seeds()
    counts: Counter[str] = Counter()
    end = time.monotonic() + seconds
    for data in seeds:
        counts += _run(target, data)
    while time.monotonic() < end and (most_runs is None or counts["runs"] < most_runs):
        counts += _run(target, mutate(chance, seeds, target.is_json))
        counts["runs"] += 1
    return counts


def _run(target: Target, data: bytes) -> Counter[str]:
    try:
        return target.run(data)
    except Exception as error:
        name = hashlib.sha256(data).hexdigest()[:16]
        path = Path(tempfile.gettempdir()) / f"fuzz.{target.name}.{name}"
        path.write_bytes(data)
        raise AssertionError(f"{target.name} failed on the input kept in {path}") from error


@click.command()
@click.option("--seconds", default=60.0, help="For all targets together.")
@click.option("--target", "name", default=None, help="One target only.")
@click.option("--seed", default=0, help="Another seed gives other inputs.")
def main(seconds: float, name: str | None, seed: int) -> None:
    """Run mutated inputs through the parsers and print what became of them."""
    targets = load_targets()
    if name is not None and name not in targets:
        raise click.BadParameter(f"{name!r} is none of {', '.join(targets)}")
    chosen = [targets[name]] if name else list(targets.values())
    failed = False
    for target in chosen:
        try:
            counts = fuzz(target, seed, seconds / len(chosen))
        except AssertionError:
            traceback.print_exc()
            failed = True
            continue
        shown = "  ".join(f"{key}={counts[key]}" for key in sorted(counts) if ":" not in key)
        click.echo(f"{target.name:40} {shown}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
