"""`stillwatch evaluate`: the pipeline on labelled worlds, and the score table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml
from rich.console import Console

from stillwatch.errors import ConfigError
from stillwatch.settings import get_settings

if TYPE_CHECKING:
    from stillwatch.evaluation.plan import Plan

_FILE_WIDTH = 220  # a column per method needs more than the 80 characters of a pipe


@click.command("evaluate")
@click.option(
    "--plan", "plan_name", help="A plan that ships (quick, seeds, full, honest) or a .yml file."
)
@click.option("--world", "worlds", help="Worlds instead of a plan: NAME[,NAME...], or .yml files.")
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    help="Seeds per world, from its own one on.  [default: 1]",
)
@click.option("--days", type=click.IntRange(min=1), help="Run only so many days of each world.")
@click.option(
    "--methods", help="Competitors by slug, comma-separated; or all, none.  [default: all]"
)
@click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE",
    help="Change a value of every world, e.g. cohorts.ordinary.accounts=500. Repeatable.",
)  # fmt: skip
@click.option(
    "--ablate", metavar="FIELDS",
    help="Run each world again without fields: addresses, payment, text, signup, registry "
    "(comma-separated).",
)  # fmt: skip
@click.option(
    "--leave-out", metavar="FAMILIES",
    help="Judge the last day of each world again without single families of evidence "
    "(comma-separated); or all.",
)  # fmt: skip
@click.option(
    "--sweep", "sweeps", multiple=True, metavar="PATH=V1,V2...",
    help="Run each world at several levels of a knob of an attacker, for the evasion-cost curve.",
)  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True,
              help="Worlds run at the same time, each in its own process.")  # fmt: skip
@click.option(
    "--feeds", type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Feeds folder of a landing root to land with every world.  [default: no feeds]",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False),
    help="Where the run is stored.  [default: <home>/evaluation/<run id>]",
)  # fmt: skip
@click.option(
    "--fast", is_flag=True,
    help="Simulate the worlds in the fast mode and judge their last day: for many honest accounts.",
)  # fmt: skip
@click.option("--keep", is_flag=True, help="Keep inputs, truth and warehouse of each world.")
@click.option(
    "--page", type=click.Path(path_type=Path, dir_okay=False),
    help="Write the Markdown page of a stored run, with its pictures, and run nothing.",
)  # fmt: skip
@click.option(
    "--run", "run_folder", type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="The stored run that --page is made from.",
)  # fmt: skip
def command(page: Path | None, run_folder: Path | None, **options: Any) -> None:
    """Run the pipeline on labelled worlds and print how well it does.

    Each world is simulated with each seed, processed day by day by the same steps as
    `stillwatch run` (gates and publishing included, no reports), and compared with its truth. The
    competitors of the score table see the same days. All figures are printed as they are.

    \b
    Minutes:     stillwatch evaluate --plan quick --jobs 2
    Ten seeds:   stillwatch evaluate --plan seeds --jobs 2
    Hours:       stillwatch evaluate --plan full --jobs 2
    One world:   stillwatch evaluate --world demo --seeds 3
    Fields:      stillwatch evaluate --world demo --ablate addresses,payment,text
    Evidence:    stillwatch evaluate --world demo --leave-out all
    Evasion:     stillwatch evaluate --world demo --sweep attackers.hydra.mixing=0.65,0.9,0.98
    Many honest: stillwatch evaluate --world honest_month --fast --seeds 10
    The page:    stillwatch evaluate --page evaluation.md --run var/evaluation/<run id>

    `attackers.<name>.mixing` is the share of an attacker's requests that extract nothing. Worlds
    that are finished are not run again when the same command is given again.
    """
    from stillwatch.evaluation.page import write_page
    from stillwatch.evaluation.result import read_result

    console = Console()
    if not console.is_terminal:
        console = Console(width=_FILE_WIDTH)
    if page is not None or run_folder is not None:
        if page is None or run_folder is None:
            raise ConfigError("--page and --run go together: which run, written to which page?")
        for path in write_page(read_result(run_folder), page):
            click.echo(f"wrote {path}")
        return

    from stillwatch.evaluation.runner import RunOptions, evaluate
    from stillwatch.evaluation.summary import print_result

    settings = get_settings()
    how = RunOptions(options["jobs"], options["out"], options["feeds"], options["keep"])
    result, folder = evaluate(
        settings, _choose_plan(options), how, lambda text: click.echo(text, err=True)
    )
    print_result(result, console)
    click.echo(f"stored in {folder}")


def _choose_plan(options: dict[str, Any]) -> Plan:
    """Return the named plan, or one made of the options; options change a named plan, too."""
    from stillwatch.evaluation.ablations import Ablation
    from stillwatch.evaluation.knobs import parse_setting
    from stillwatch.evaluation.plan import (
        Ablations,
        Plan,
        PlannedWorld,
        Sweep,
        check_plan,
        load_plan,
    )

    if (options["plan_name"] is None) == (options["worlds"] is None):
        raise ConfigError("give either --plan NAME or --world NAME[,NAME...]")
    if options["plan_name"] is not None:
        names = ("overrides", "ablate", "leave_out", "sweeps", "fast")
        if any(options[name] for name in names):
            raise ConfigError(
                "--set, --ablate, --leave-out, --sweep and --fast go with --world:"
                " a plan has its own"
            )
        plan = load_plan(options["plan_name"])
    else:
        values = dict(parse_setting(text, "--set") for text in options["overrides"])
        named = options["worlds"].split(",")
        changed = {path: _read_value(text) for path, text in values.items()}
        worlds = tuple(
            PlannedWorld(world=name, set=changed, fast=options["fast"]) for name in named
        )
        labels = tuple(world.label for world in worlds)
        fields = tuple(_parse_ablation(name, Ablation) for name in _split(options["ablate"]))
        families = _split(options["leave_out"])
        ablated = labels if fields or families else ()
        ablations = Ablations(ablated, fields, options["seeds"] or 1, families)
        sweeps = tuple(
            Sweep(world=label, knob=knob, levels=_parse_levels(text), seeds=options["seeds"] or 1)
            for knob, text in (parse_setting(each, "--sweep") for each in options["sweeps"])
            for label in labels
        )
        plan = Plan(name="-".join(labels), worlds=worlds, ablations=ablations, sweeps=sweeps)
    if options["seeds"] is not None:
        plan = replace(plan, seeds=options["seeds"])
    if options["days"] is not None:
        plan = replace(plan, days=options["days"])
    if options["methods"] is not None:
        plan = replace(plan, methods=tuple(options["methods"].split(",")))
    return check_plan(plan)


def _split(text: str | None) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _read_value(text: str) -> Any:
    """Return a value written as in a world file: `3`, `0.5`, `flat`, `[]`, `{US: 1}`."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {text!r} is no YAML value: {error}") from error


def _parse_ablation(name: str, kind: Any) -> Any:
    try:
        return kind(name)
    except ValueError as error:
        raise ConfigError(f"--ablate {name!r}: give {', '.join(kind)}") from error


def _parse_levels(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(level) for level in text.split(","))
    except ValueError as error:
        raise ConfigError(f"--sweep {text!r}: levels are numbers, e.g. 0.35,0.65,0.9") from error
