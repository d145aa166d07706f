"""The reference pages that are made from code, so that they cannot drift from it.

`docs/reference/cli.md` from the commands' help, `settings.md` from the settings class, `marts.md`
from the marts' yml files, `formats.md` from the adapters, `import.md` from what the importers say
of each field, the index of `docs/decisions` from the titles of the notes, and the pages of
`stillwatch.transform.signal_docs`.

    python -m stillwatch.docs_generator            write every generated page
    python -m stillwatch.docs_generator --check    say whether all are current
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import yaml
from pydantic.fields import FieldInfo

from stillwatch.cli import cli
from stillwatch.errors import StillwatchError
from stillwatch.importers import pages as import_pages
from stillwatch.project import get_project_root
from stillwatch.settings import Settings
from stillwatch.sources.format_docs import write_formats_page
from stillwatch.transform import signal_docs

COMMAND = "python -m stillwatch.docs_generator"
REFERENCE = Path("docs/reference")
DECISIONS = Path("docs/decisions")

_MARKER = f"<!-- Written by `{COMMAND}`. Do not edit. -->\n"
_HELP_WIDTH = 88
_NOTE_TITLE = re.compile(r"^# (?:\d{4})?[^\w`]*(.+)$", re.MULTILINE)
_MART_FOLDERS = {
    "core": "Facts about accounts, exchanges, indicators and releases.",
    "campaigns": "What is suspected, how strongly, and why.",
    "reporting": "What the reports and the quality annex are made from.",
}


def write_cli_page() -> str:
    """Return `cli.md`: the help text of `stillwatch` and of each verb."""
    root = click.Context(cli, info_name="stillwatch", **_get_context_settings())
    parts = [
        "# Command line\n",
        _MARKER,
        "Every step of a day is one verb. The DAGs call the same functions.\n",
        "A problem that Stillwatch understands is one line on standard error and exit code 1; "
        "a wrong option is exit code 2.\n",
        _fence(cli.get_help(root)),
    ]
    for name in cli.list_commands(root):
        command = cli.get_command(root, name)
        if command is None:
            raise StillwatchError(f"verb {name!r} is listed but has no command")
        context = click.Context(command, root, info_name=name, terminal_width=_HELP_WIDTH)
        parts += [f"## stillwatch {name}\n", _fence(command.get_help(context))]
        if not isinstance(command, click.Group):
            continue
        for inner in command.list_commands(context):
            nested = command.get_command(context, inner)
            if nested is None:
                raise StillwatchError(f"verb {name} {inner!r} is listed but has no command")
            own = click.Context(nested, context, info_name=inner, terminal_width=_HELP_WIDTH)
            parts += [f"### stillwatch {name} {inner}\n", _fence(nested.get_help(own))]
    return "\n".join(parts)


def write_settings_page() -> str:
    """Return `settings.md`: every setting, its default and what it does."""
    lines = [
        "# Settings\n",
        _MARKER,
        "Settings are environment variables, read once at start and checked together. "
        "A wrong value is named with all other wrong values, and nothing starts. "
        "Relative paths count from the working directory.\n",
        "| variable | default | what it does |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        lines.append(f"| `{name_variable(name)}` | {_write_default(field)} | {_describe(field)} |")
    lines += [
        "",
        "What is not a setting: thresholds of detection are `vars` in "
        "[dbt_project.yml](../../dbt_project/dbt_project.yml), each with its origin; sources and "
        "feeds are entries of `sources.yml` and `feeds.yml` in the folder `STILLWATCH_CONFIG`.\n",
        "Stillwatch itself sets `STILLWATCH_DBT_DATABASE` and `STILLWATCH_DBT_MEMORY` for each "
        "dbt run. Set them by hand only to run dbt without Stillwatch.\n",
    ]
    return "\n".join(lines)


def name_variable(field: str) -> str:
    """Return the environment variable of a field of the settings class.

    >>> name_variable("dbt_threads")
    'STILLWATCH_DBT_THREADS'
    """
    return f"{Settings.model_config['env_prefix']}{field}".upper()


def write_marts_page(root: Path) -> str:
    """Return `marts.md`: every published table with its grain and its columns."""
    parts = [
        "# Published tables\n",
        _MARKER,
        "These tables are the promise to analysts: their columns and types are contracts that "
        "the build enforces. They stand in schema `marts` of `published/current.duckdb`, and as "
        "Parquet below `published/parquet/`. Ask them with `stillwatch query`.\n",
        "Names: `dim_` describes things, `fct_` holds facts, `bridge_` says who belongs to what, "
        "`rpt_` feeds reports. All times are UTC.\n",
        "`marts.snapshot_info` is one row more: `snapshot_id`, `as_of_date` and `fingerprint` of "
        "the snapshot. Quote `snapshot_id` beside every figure.\n",
    ]
    for folder, purpose in _MART_FOLDERS.items():
        parts += [f"## {folder}\n", f"{purpose}\n"]
        for model in _read_models(root / "dbt_project" / "models" / "marts" / folder):
            parts.append(_write_mart(model))
    return "\n".join(parts)


def write_decisions_index(folder: Path) -> str:
    """Return the index of the decision notes in `folder`, by number and title."""
    lines = [
        "# Decisions\n",
        _MARKER,
        "What somebody could undo by accident, and why it is so. One page each: context, decision, "
        "alternatives, consequences. A note is not rewritten; a later one replaces it.\n",
        "| note | about |",
        "|---|---|",
    ]
    for path in sorted(folder.glob("[0-9][0-9][0-9][0-9]-*.md")):
        title = _NOTE_TITLE.search(path.read_text(encoding="utf-8"))
        if title is None:
            raise StillwatchError(f"{path} has no title: begin it with `# {path.name[:4]}: ...`")
        lines.append(f"| [{path.name[:4]}]({path.name}) | {_write_cell(title[1])} |")
    return "\n".join(lines) + "\n"


def make_pages(root: Path) -> dict[Path, str]:
    """Return what every generated file should hold, by path relative to the project."""
    return {
        REFERENCE / "cli.md": write_cli_page(),
        REFERENCE / "settings.md": write_settings_page(),
        REFERENCE / "marts.md": write_marts_page(root),
        REFERENCE / "formats.md": write_formats_page(_MARKER),
        REFERENCE / "import.md": import_pages.write_page(_MARKER),
        DECISIONS / "README.md": write_decisions_index(root / DECISIONS),
        **signal_docs.make_pages(root),
    }


def _get_context_settings() -> dict[str, Any]:
    return {**cli.context_settings, "terminal_width": _HELP_WIDTH}


def _fence(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```\n"


def _write_default(field: FieldInfo) -> str:
    return "none" if field.default is None else f"`{field.default}`"


def _describe(field: FieldInfo) -> str:
    if not field.description:
        raise StillwatchError("a setting has no description: give it one in stillwatch.settings")
    return field.description[0].upper() + field.description[1:] + "."


def _read_models(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.yml")):
        models: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
        yield from models


def _write_mart(model: dict[str, Any]) -> str:
    lines = [
        f"### {model['name']}\n",
        f"{' '.join(model['description'].split())}\n",
        "| column | type | meaning |",
        "|---|---|---|",
        *(
            f"| {column['name']} | {column['data_type']} | {_write_cell(column['description'])} |"
            for column in model["columns"]
        ),
    ]
    return "\n".join(lines) + "\n"


def _write_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a page is not current.")
def main(check: bool) -> None:
    """Write every generated page below docs/ and the lock of the signals."""
    root = get_project_root()
    try:
        signal_docs.bring_up_to_date(root, make_pages(root), check, COMMAND)
    except StillwatchError as error:
        click.echo(f"docs_generator: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
