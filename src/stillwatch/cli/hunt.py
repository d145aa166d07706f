"""`stillwatch hunt`."""

from __future__ import annotations

import getpass

import click

from stillwatch.runs import parse_day, utc_now
from stillwatch.settings import Settings, get_settings

_MARKINGS = ("TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED")
_MATCH_COLUMNS = (
    *("account_key", "activity_date", "identifier_type"),
    *("value_count", "exchange_count", "first_seen_at", "last_seen_at"),
)


@click.command("hunt")
@click.option("--indicator", metavar="VALUE", help="What to look for.")
@click.option("--type", "indicator_type", metavar="TYPE", help="Told from the value if left out.")
@click.option("--from", "first", metavar="YYYY-MM-DD", help="First UTC day; the first held one.")
@click.option("--to", "last", metavar="YYYY-MM-DD", help="Last UTC day; the last held one.")
@click.option(
    "--marking",
    type=click.Choice(_MARKINGS),
    default="TLP:AMBER+STRICT",
    show_default=True,
    help="Marking of the indicator; from TLP:AMBER+STRICT on, the receipt holds only its token.",
)
@click.option("--by", "asked_by", metavar="NAME", help="Who asks; the login name if left out.")
@click.option("--reason", metavar="TEXT", help="Why, for the receipt; without the value.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How to print the matches.",
)
@click.option("--list", "is_list", is_flag=True, help="Show the receipts of earlier hunts.")
def command(
    indicator: str | None,
    indicator_type: str | None,
    first: str | None,
    last: str | None,
    marking: str,
    asked_by: str | None,
    reason: str | None,
    output: str,
    is_list: bool,
) -> None:
    """Search the past for one indicator and leave a receipt.

    \b
    stillwatch hunt --indicator 198.51.100.0/24 --marking TLP:GREEN
    stillwatch hunt --indicator 400012 --type payment_bin --from 2026-10-01 --to 2026-10-31
    stillwatch hunt --list

    For what a government or a peer tells us by hand; feeds are searched by every run. Types:
    ipv4_cidr, ipv6_cidr, asn, domain, email_domain, ja4, user_agent (the whole text, or a family),
    payment_bin, template_fingerprint, artifact_digest.

    Accounts and days are printed, and who asked what, when and over which days is written below
    `ledger/hunts/`, also if nothing was found. No run is blocked and no mart changes: a match is a
    reason to look, not evidence. What is typed here may stay in the shell's history.
    """
    settings = get_settings()
    if is_list == (indicator is not None):
        raise click.UsageError("give one of: --indicator VALUE, --list")
    if is_list:
        _list_receipts(settings, output)
        return
    from stillwatch.feeds.registry import Marking
    from stillwatch.warehouse.hunt import HuntOrder, hunt

    order = HuntOrder(
        indicator=indicator or "",
        indicator_type=indicator_type,
        first=parse_day(first, "--from") if first else None,
        last=parse_day(last, "--to") if last else None,
        marking=Marking(marking),
        asked_by=asked_by or getpass.getuser(),
        reason=reason,
    )
    matches, receipt = hunt(settings, order, utc_now())
    rows = [tuple(getattr(match, name) for name in _MATCH_COLUMNS) for match in matches]
    _print(_MATCH_COLUMNS, rows, output)
    click.echo(
        f"{receipt.match_count} matches of {receipt.account_count} accounts in "
        f"{receipt.use_count:,} uses from {receipt.searched_from} to {receipt.searched_until} "
        f"({receipt.held_day_count} days held, {receipt.missing_day_count} missing). "
        f"Receipt {receipt.receipt_id}",
        err=output != "table",
    )


def _list_receipts(settings: Settings, output: str) -> None:
    from stillwatch.warehouse.hunt import read_receipts

    columns = (
        *("receipt_id", "asked_by", "indicator_type", "value", "marking"),
        *("searched_from", "searched_until", "missing_day_count", "account_count", "match_count"),
    )
    rows = [
        tuple(
            f"token {receipt.value_token}"
            if name == "value" and receipt.value is None
            else getattr(receipt, name)
            for name in columns
        )
        for receipt in read_receipts(settings)
    ]
    _print(columns, rows, output)


def _print(columns: tuple[str, ...], rows: list[tuple[object, ...]], output: str) -> None:
    from stillwatch.warehouse.formats import format_csv, format_json, format_table

    match output:
        case "csv":
            click.echo(format_csv(columns, rows), nl=False)
        case "json":
            click.echo(format_json(columns, rows), nl=False)
        case _:
            click.echo(format_table(columns, rows))
