"""`stillwatch <verb>`: every step of the pipeline, without Airflow.

A verb lives in the module of its name (`import` in `import_`) and is imported only when it is used,
so that `--help` answers at once.
"""

from __future__ import annotations

import importlib
import keyword
import sys

import click

from stillwatch import __version__
from stillwatch.errors import StillwatchError
from stillwatch.log import set_up_logging

_VERBS = {
    "run": "Process days from landed inputs to draft reports, without Airflow.",
    "ingest": "Bring the usage logs and account registries of a day into canonical form.",
    "feeds": "Pull, check and parse the threat feeds for a day.",
    "reference": "Check, list and follow the tables that people keep.",
    "build": "Build the dbt models for a day.",
    "check": "Run the data-quality gates of a day.",
    "publish": "Publish the audited build as the snapshot that analysts read.",
    "report": "Freeze the facts of a day and render its draft reports.",
    "approve": "Record a person's approval and release a report.",
    "query": "Query the published snapshot, read-only.",
    "explain": "Say why a campaign or an account is suspected, and what speaks against it.",
    "hunt": "Search the past for one indicator and leave a receipt.",
    "status": "Show what has been processed, published, reported.",
    "doctor": "Check that this machine and configuration can run Stillwatch.",
    "simulate": "Write a seeded, labelled world of landed inputs.",
    "import": "Bring published logs into landing, as a benign background.",
    "evaluate": "Run the pipeline on labelled worlds and print how well it does.",
    "calibrate": "Fit slope and prior of the evidence to a stored evaluation.",
    "propose": "Preview what other thresholds or weights would do to stored days.",
}


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        module = importlib.import_module(f"stillwatch.cli.{name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs, in the order of a day"):
            formatter.write_dl(list(_VERBS.items()))


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="stillwatch")
@click.option("-v", "--verbose", is_flag=True, help="Log every step.")
def cli(verbose: bool) -> None:
    """Find, prove and report suspected distillation attacks.

    \b
    A day, step by step:     stillwatch ingest --date 2026-11-01
                             stillwatch feeds  --date 2026-11-01
                             stillwatch build | check | publish | report --date 2026-11-01
    The same in one go:      stillwatch run --date 2026-11-01 --to 2026-11-12
    Ask the result:          stillwatch query "select * from marts.dim_campaigns"

    Settings come from the environment: STILLWATCH_HOME (state, default ./var),
    STILLWATCH_LANDING_URI (inputs, default ./landing), STILLWATCH_CONFIG (default ./config).
    """
    set_up_logging(verbose)


def main() -> None:
    """Run the command line; a StillwatchError is one clear line and exit code 1."""
    try:
        cli()
    except StillwatchError as error:
        click.echo(f"stillwatch: {error}", err=True)
        sys.exit(1)
