"""`stillwatch reference`: the tables that people keep, before and after they land."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from stillwatch.errors import ConfigError, InputError
from stillwatch.keyed import Keyer
from stillwatch.policy.schemas import TABLES, ReferenceTable
from stillwatch.runs import Paths, end_of_day, get_paths, parse_day, read_json, utc_now
from stillwatch.settings import get_settings

_NAMES = ", ".join(table.name for table in TABLES)


@click.group("reference")
def command() -> None:
    """Check, list and follow the tables that people keep.

    Releases, exemptions, ownership, parties, policy facts and decisions are CSV files in
    landing/reference/, reviewed like code.

    \b
    Examples:
      stillwatch reference check allowlist.csv               before it is landed
      stillwatch reference list --date 2026-11-01            what the day uses
      stillwatch reference changes --since 2026-10-01        who came, went, changed
      stillwatch reference screen --date 2026-11-01          listed, owned, alike
    """


@command.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--table", "name", metavar="NAME", help="What the files are, if their names do not say it."
)
@click.option("--date", "day_text", metavar="D", help="Check as of this day (default: today).")
@click.pass_context
def check(
    context: click.Context, files: tuple[Path, ...], name: str | None, day_text: str | None
) -> None:
    """Check CSV files before they are landed; every refused row is named by its line.

    Exit code 1 if any row would be refused or a file is no table.
    """
    day = parse_day(day_text) if day_text else utc_now().date()
    usable = [_check_file(file, name, day) for file in files]
    if not all(usable):
        context.exit(1)


def _check_file(file: Path, name: str | None, day: date) -> bool:
    from stillwatch.policy.reference import parse_table
    from stillwatch.policy.rows import describe_reason

    table = _find_table(name or file.name.removesuffix(".csv"), file)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    # nothing of a row is kept here, so that any key will do
    _, result = parse_table(table, str(file), content, end_of_day(day), Keyer(bytes(32)))
    for line, reason, column in result.refused_rows:
        click.echo(f"{file}:{line}: {reason}: {describe_reason(reason, column)}")
    unnamed = result.refused_count - len(result.refused_rows)
    if unnamed > 0:
        click.echo(f"{file}: and {unnamed} more refused rows")
    if result.unknown_columns:
        click.echo(f"{file}: columns that mean nothing here: {', '.join(result.unknown_columns)}")
    counts = f"{result.read_count} rows, {result.used_count} usable, {result.refused_count} refused"
    click.echo(f"{file}: {table.name}: {counts}")
    return result.refused_count == 0


def _find_table(name: str, file: Path) -> ReferenceTable:
    for table in TABLES:
        if table.name == name:
            return table
    raise ConfigError(f"{file}: {name!r} is no reference table: give --table as one of {_NAMES}")


@command.command("list")
@click.option("--date", "day_text", required=True, metavar="D", help="The run day, YYYY-MM-DD.")
def list_tables(day_text: str) -> None:
    """List the tables of a day: rows used, rows refused, rows changed since the day before."""
    from stillwatch.warehouse.formats import format_table

    day = parse_day(day_text)
    paths = get_paths(get_settings())
    record = _read_record(paths, day)
    changes_file = paths.ledger / "reference_changes" / f"dt={day}.json"
    changes = read_json(changes_file)["tables"] if changes_file.exists() else {}
    rows = []
    for name, table in record["tables"].items():
        counts = changes.get(name, {})
        changed = "/".join(
            str(counts.get(f"{kind}_count", "?")) for kind in ("added", "removed", "changed")
        )
        reasons = ", ".join(f"{key} {count}" for key, count in table["refused_by_reason"].items())
        counted = (table["used_count"], table["refused_count"], changed)
        rows.append((name, table["state"], *counted, reasons))
    heads = ("table", "state", "used", "refused", "added/removed/changed", "refused by reason")
    click.echo(format_table(heads, rows))
    for lost in record.get("lost_decisions", []):
        click.echo(f"decision {lost['kind']}: {_write_key(lost['key'])}")
    if record.get("unknown_ids"):
        click.echo(f"ids without a row in entities.csv: {', '.join(record['unknown_ids'])}")


def _read_record(paths: Paths, day: date) -> dict[str, Any]:
    file = paths.ledger / "reference" / f"dt={day}.json"
    if not file.exists():
        raise ConfigError(f"no reference tables of {day} below {paths.home}: run that day first")
    record: dict[str, Any] = read_json(file)
    return record


@command.command("changes")
@click.option("--since", "since_text", required=True, metavar="D", help="First run day to show.")
@click.option("--table", "name", metavar="NAME", help="Only this table.")
def changes(since_text: str, name: str | None) -> None:
    """Show every row that was added, removed or changed, by run day.

    A row is named by its key and the first digits of its content digest; a changed row also by
    the columns that changed.
    """
    since = parse_day(since_text, "--since")
    if name is not None and name not in {table.name for table in TABLES}:
        raise ConfigError(f"--table {name!r} is no reference table: give one of {_NAMES}")
    folder = get_paths(get_settings()).ledger / "reference_changes"
    shown = 0
    for file in sorted(folder.glob("dt=*.json")):
        record = read_json(file)
        if date.fromisoformat(record["run_date"]) < since:
            continue
        for table, found in sorted(record["tables"].items()):
            if name in (None, table):
                shown += _print_changes(record["run_date"], table, found)
    if not shown:
        click.echo(f"no reference row has changed since {since}")


def _print_changes(day: str, table: str, found: dict[str, Any]) -> int:
    for kind in ("added", "removed", "changed"):
        for row in found[kind]:
            columns = f" in {', '.join(row['columns'])}" if kind == "changed" else ""
            key = _write_key(row["key"])
            click.echo(f"{day} {table} {kind}{columns}: {key} [{row['sha256'][:12]}]")
        unnamed = found[f"{kind}_count"] - len(found[kind])
        if unnamed > 0:
            click.echo(f"{day} {table} {kind}: and {unnamed} more")
    return int(found["added_count"] + found["removed_count"] + found["changed_count"])


def _write_key(key: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in key.items() if value is not None)


@command.command("screen")
@click.option("--date", "day_text", required=True, metavar="D", help="The run day, YYYY-MM-DD.")
def screen(day_text: str) -> None:
    """Screen the named parties of a day that has been ingested; `build` does the same.

    A possible match is settled by a row in decisions.csv: subject_type screening_match,
    subject_id as printed here, decision confirm or dismiss.
    """
    import pyarrow.parquet as pq

    from stillwatch.policy.screening import screen_day

    day = parse_day(day_text)
    settings = get_settings()
    _read_record(get_paths(settings), day)
    record = screen_day(settings, day)
    lists = ", ".join(f"{feed} {version}" for feed, version in record["lists"].items()) or "none"
    click.echo(f"{record['entity_count']} parties, {record['listed_party_count']} listed parties")
    click.echo(f"screening lists in use: {lists}")
    folder = get_paths(settings).screening / f"dt={day}"
    for row in pq.read_table(folder / "screening_listings.parquet").to_pylist():
        click.echo(f"listed {row['entity_id']} ({row['list_code']}): {row['explanation']}")
    for row in pq.read_table(folder / "screening_holdings.parquet").to_pylist():
        click.echo(
            f"held {row['entity_id']}, {row['instrument']} ({row['rule_status']}): "
            f"{row['explanation']}"
        )
    for row in pq.read_table(folder / "screening_matches.parquet").to_pylist():
        if row["outcome"] != "listed":
            click.echo(f"{row['outcome']} match {row['match_id']}: {row['explanation']}")
    for fact in record["unknown_facts"]:
        click.echo(f"a policy fact lists nobody that entities.csv names: {fact}")
