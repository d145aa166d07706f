"""`stillwatch query`."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING

import click

from stillwatch.errors import StillwatchError
from stillwatch.settings import Settings, get_settings

if TYPE_CHECKING:
    import duckdb

    from stillwatch.warehouse.query import QueryResult

_HELP = """\
Type SQL, ending with a semicolon; it may run over several lines.
  .tables            every published table
  .schema <table>    its columns
  .examples          the example queries
  .example <name>    run one
  .refresh           open the newest snapshot
  .help              this text
  .quit              leave (or Ctrl-D)"""


@click.command("query")
@click.argument("sql", required=False)
@click.option(
    "--format",
    "output",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How to print the rows.",
)
@click.option("--limit", type=click.IntRange(min=0), default=200, show_default=True, help="0: all.")
@click.option("--timeout", type=click.FloatRange(min=0.1), default=300, show_default=True, help="s")
@click.option("--snapshot", metavar="ID", help="A kept snapshot instead of the current one.")
@click.option("--shell", is_flag=True, help="Ask one query after another.")
@click.option("--examples", is_flag=True, help="List the example queries.")
@click.option("--example", metavar="NAME", help="Run an example query.")
def command(
    sql: str | None,
    output: str,
    limit: int,
    timeout: float,
    snapshot: str | None,
    shell: bool,
    examples: bool,
    example: str | None,
) -> None:
    """Query the published snapshot, read-only.

    \b
    stillwatch query "select campaign_id, account_count from marts.dim_campaigns"
    stillwatch query --example campaigns_now
    stillwatch query --shell

    Nothing can be written and no file or network be reached. A query never blocks a run. In CSV,
    text that a spreadsheet would run as a formula gets a leading apostrophe.
    """
    from stillwatch.warehouse.query import get_example, open_published, run_query

    settings = get_settings()
    chosen = [sql is not None, shell, examples, example is not None]
    if sum(chosen) != 1:
        raise click.UsageError("give one of: SQL, --shell, --examples, --example NAME")
    if examples:
        _list_examples()
        return
    if shell:
        _run_shell(settings, snapshot, limit, timeout)
        return
    text = get_example(example).sql if example is not None else (sql or "")
    with closing(open_published(settings, snapshot)) as connection:
        result = run_query(connection, text, limit, timeout)
    _print_result(result, output)


def _list_examples() -> None:
    from stillwatch.warehouse.formats import format_table
    from stillwatch.warehouse.query import find_examples

    rows = [(example.name, example.question) for example in find_examples()]
    click.echo(format_table(("example", "question"), rows))


def _print_result(result: QueryResult, output: str) -> None:
    from stillwatch.warehouse.formats import format_csv, format_json, format_table

    match output:
        case "csv":
            click.echo(format_csv(result.columns, result.rows), nl=False)
        case "json":
            click.echo(format_json(result.columns, result.rows), nl=False)
        case _:
            click.echo(format_table(result.columns, result.rows))
            click.echo(f"({len(result.rows)} rows)")
    if result.is_cut:
        click.echo(
            f"stillwatch: only the first {len(result.rows)} rows are shown: use --limit", err=True
        )


def _run_shell(settings: Settings, snapshot: str | None, limit: int, timeout: float) -> None:
    from stillwatch.warehouse.query import open_published

    try:
        import readline  # noqa: F401 - line editing and a history that is never written to disk
    except ImportError:
        click.echo("stillwatch: this Python has no readline: lines cannot be edited", err=True)
    is_person = sys.stdin.isatty()
    connection = open_published(settings, snapshot)
    if is_person:
        click.echo("Published snapshot, read-only. `.help` lists the commands.")
    pending: list[str] = []
    try:
        while True:
            try:
                line = input(
                    ("stillwatch> " if not pending else "       ...> ") if is_person else ""
                )
            except EOFError:
                line = ".quit" if not pending else ";"
            except KeyboardInterrupt:
                pending = []
                click.echo()
                continue
            stripped = line.strip()
            if not pending and stripped in (".quit", ".exit"):
                return
            if not pending and stripped == ".refresh":
                connection.close()
                connection = open_published(settings, snapshot)
                continue
            try:
                if not pending and stripped.startswith("."):
                    _run_dot_command(connection, stripped, limit, timeout)
                elif stripped.endswith(";"):
                    _run_text(connection, "\n".join([*pending, line]), limit, timeout)
                    pending = []
                elif stripped or pending:
                    pending.append(line)
            except StillwatchError as error:
                pending = []
                click.echo(f"stillwatch: {error}", err=True)
    finally:
        connection.close()


def _run_text(connection: duckdb.DuckDBPyConnection, text: str, limit: int, timeout: float) -> None:
    from stillwatch.warehouse.query import run_query

    if text.strip().strip(";"):
        _print_result(run_query(connection, text, limit, timeout), "table")


def _run_dot_command(
    connection: duckdb.DuckDBPyConnection, line: str, limit: int, timeout: float
) -> None:
    from stillwatch.errors import InputError
    from stillwatch.warehouse.formats import format_table
    from stillwatch.warehouse.query import get_example, list_columns, list_tables

    name, _, argument = line.rstrip(";").partition(" ")
    match name:
        case ".tables":
            rows = list_tables(connection)
            click.echo(format_table(("table", "rows", "about"), rows))
        case ".schema" if argument:
            columns = list_columns(connection, argument.strip())
            click.echo(format_table(("column", "type", "about"), columns))
        case ".examples":
            _list_examples()
        case ".example" if argument:
            _run_text(connection, get_example(argument.strip()).sql, limit, timeout)
        case ".help":
            click.echo(_HELP)
        case _:
            raise InputError(f"{line!r} is no command: `.help` lists them")
