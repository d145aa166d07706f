"""`stillwatch simulate`: write a seeded, labelled world of landed inputs."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click
from rich.console import Console
from rich.table import Table

from stillwatch.errors import ConfigError
from stillwatch.settings import get_settings
from stillwatch.worlds.composition import describe_block, list_blocks
from stillwatch.worlds.fast import write_fast
from stillwatch.worlds.groups import list_groups
from stillwatch.worlds.model import FileKind, Format
from stillwatch.worlds.presets import list_presets, load_world
from stillwatch.worlds.simulate import MAX_SCALE, WorldSummary, load_sized, write_world


@click.command("simulate")
@click.option(
    "--world",
    "name",
    default="demo",
    show_default=True,
    help="A world that ships with Stillwatch (see --list), or the path of a .yml file.",
)
@click.option(
    "--scale",
    type=click.FloatRange(min=0, min_open=True, max=MAX_SCALE),
    help="Multiply the stated numbers of accounts; rates per account stay. 1 is the stated size.  "
    "[default: as the world says]",
)
@click.option(
    "--list",
    "wants_list",
    is_flag=True,
    help="Show the worlds, cohorts and attackers that ship with Stillwatch, and write nothing.",
)
@click.option(
    "--landing",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the inputs land.  [default: STILLWATCH_LANDING_URI]",
)
@click.option(
    "--truth",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the labels go; never inside the landing root.  "
    "[default: the landing root's sibling 'truth']",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Another seed gives another world of the same kind.  [default: the world's own]",
)
@click.option(
    "--deliver-as",
    "wanted",
    type=click.Choice(get_args(Format)),
    help="Deliver every source in this log format: the same accounts, events and texts.  "
    "[default: as the world says]",
)
@click.option(
    "--file-kind",
    type=click.Choice(get_args(FileKind)),
    help="Deliver usage logs in such files; Parquet for native and Vertex logs only.  "
    "[default: as the world says]",
)
@click.option(
    "--fast",
    is_flag=True,
    help="Write columns of numbers in place of logs, for `stillwatch evaluate` alone: millions of "
    "accounts.",
)
def command(
    name: str,
    landing: Path | None,
    truth: Path | None,
    seed: int | None,
    wanted: Format | None,
    file_kind: FileKind | None,
    scale: float | None,
    wants_list: bool,
    fast: bool,
) -> None:
    """Write a seeded, labelled world of landed inputs.

    A world is some days of usage logs and account registries of made-up platforms: honest
    customers of many kinds, several of them easily mistaken for attackers, and a few planted
    campaigns. The pipeline reads the landing root only. What was planted is written to the truth
    folder, so that findings can be checked afterwards; nothing in the landed files tells.

    \b
    Try it:           stillwatch simulate --world tiny --landing /tmp/w/landing --truth /tmp/w/truth
    The full demo:    stillwatch simulate --world demo
    Another seed:     stillwatch simulate --world demo --seed 7
    Another format:   stillwatch simulate --world demo --deliver-as otel_genai --file-kind zstd
    What there is:    stillwatch simulate --list
    A larger one:     stillwatch simulate --world relay_5_per_day --scale 0.2
    Many accounts:    stillwatch simulate --world honest_month --fast
    Your own world:   stillwatch simulate --world my_world.yml     (format: docs/worlds.md)

    The same world can be delivered in each of six log formats: accounts, events and texts stay, ids
    and model names are those of the platform, and what a platform does not log is left out.

    The same world and seed give byte-identical files on every machine with the same locked
    packages. An earlier simulated world in the same two folders is replaced; other data never is.
    """
    if wants_list:
        _print_list()
        return
    if landing is None:
        where = get_settings().landing
        if "://" in where:
            raise ConfigError(
                f"STILLWATCH_LANDING_URI={where!r} is not a local folder: give --landing FOLDER "
                "and copy it to the object store"
            )
        landing = Path(where)
    if truth is None:
        truth = landing.absolute().parent / "truth"
    if fast:
        if wanted is not None or file_kind is not None:
            raise ConfigError(
                "--deliver-as and --file-kind are about logs, of which --fast writes none"
            )
        _print_summary(write_fast(load_sized(name, scale), landing, truth, seed))
        return
    _print_summary(write_world(name, landing, truth, seed, wanted, file_kind, scale))


def _print_list() -> None:
    console = Console()
    worlds = Table("world", "days", "accounts", "scale", "what it is", title="Worlds")
    for name in list_presets():
        world = load_world(name)
        accounts = sum(group.accounts for group in list_groups(world))
        about = " ".join(world.description.split())
        worlds.add_row(name, str(world.days), f"{accounts:,}", f"{world.scale:g}", about)
    console.print(worlds)
    console.print(
        "Accounts are the stated ones; scale is what is written unless --scale says else."
    )
    for kind in ("cohorts", "attackers"):
        blocks = Table("use", "what it is", title=f"Blocks of {kind} for worlds of your own")
        for name in list_blocks(kind):
            blocks.add_row(name, " ".join(describe_block(kind, name).split()))
        console.print(blocks)


def _print_summary(summary: WorldSummary) -> None:
    table = Table(title=f"World {summary.world}, seed {summary.seed}", show_header=False)
    honest = summary.account_count - summary.attacker_account_count
    table.add_row("accounts", f"{summary.account_count:,}")
    table.add_row("  honest / planted", f"{honest:,} / {summary.attacker_account_count:,}")
    for source_id, count in summary.exchange_count.items():
        table.add_row(f"exchanges, {source_id}", f"{count:,}")
    table.add_row("exchanges in all", f"{sum(summary.exchange_count.values()):,}")
    table.add_row("campaigns", ", ".join(summary.campaigns) or "none")
    table.add_row("delivered a day late", f"{summary.late_count:,}")
    table.add_row("delivered twice", f"{summary.duplicate_count:,}")
    table.add_row("broken lines", f"{summary.broken_count:,}")
    table.add_row("files", f"{summary.file_count:,} ({summary.byte_count / 1e6:.1f} MB)")
    table.add_row("landing", str(summary.landing))
    table.add_row("truth (keep apart)", str(summary.truth))
    table.add_row("seconds", f"{summary.seconds:.1f}")
    Console().print(table)
