"""`stillwatch explain`."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import click

from stillwatch.runs import parse_day
from stillwatch.settings import get_settings

_AS_OF = click.option(
    "--as-of", "as_of", metavar="YYYY-MM-DD", help="A UTC day; the newest of the snapshot."
)
_JSON = click.option("--json", "is_json", is_flag=True, help="One JSON object instead of tables.")
_SNAPSHOT = click.option(
    "--snapshot", metavar="ID", help="A kept snapshot instead of the current one."
)


@click.group("explain", short_help="Say why a campaign or an account is suspected.")
def command() -> None:
    """Say why a campaign or an account is suspected, and what speaks against it.

    \b
    stillwatch explain campaign SW-17F065BA
    stillwatch explain campaign SW-17F065BA --as-of 2026-11-08 --json
    stillwatch explain account native:acct_0412

    All is read from the published snapshot, read-only. Weights are in bits: +1 doubles the odds,
    -1 halves them, and a ledger adds up from the prior to the posterior. Probabilities are
    provisional: they rank. Everybody is suspected, at most, until a person decides.
    Where campaigns and accounts are listed: `stillwatch query --example campaigns_now`.
    """


@command.command("campaign", short_help="The ledger of a campaign.")
@click.argument("campaign_id")
@_AS_OF
@_JSON
@_SNAPSHOT
def explain_one_campaign(
    campaign_id: str, as_of: str | None, is_json: bool, snapshot: str | None
) -> None:
    """Print the ledger of a campaign.

    \b
    In this order:
      ledger          prior, weight of each family, posterior; and the judgement without the family
      measured        observed value, base rate and population, percentile of the middle member
      against         families that lower the odds or say nothing
      not available   families that could not be measured, and the fields they need
      nearest         the cleared group of the same kind and size whose evidence is closest
      indicators      AA26-251A: seen, not seen, not observable, with measured base rates

    If one family alone carries the judgement, its row says so: the likelihood without it is low.
    """
    from stillwatch.explain.campaigns import explain_campaign
    from stillwatch.explain.print_campaign import print_campaign

    _explain(explain_campaign, print_campaign, campaign_id, as_of, is_json, snapshot)


@command.command("account", short_help="The signals, links and membership of an account.")
@click.argument("account")
@_AS_OF
@_JSON
@_SNAPSHOT
def explain_one_account(
    account: str, as_of: str | None, is_json: bool, snapshot: str | None
) -> None:
    """Print the signals, links and membership of an account.

    ACCOUNT is its key, the first six or more characters of the key, its id, or platform:id.

    \b
    In this order:
      ledger       prior, own families, candidate groups
      signals      observed value, usual value, share of established accounts at least as extreme
      shared       the rare values that it shares, how many hold them and how rare they are
      membership   campaign, role and probability of membership

    No account is suspected for its own numbers, its address or its country: only as a member of
    a group that both extracts and is run by one hand. Who is behind an account is not known.
    """
    from stillwatch.explain.accounts import explain_account
    from stillwatch.explain.print_account import print_account

    _explain(explain_account, print_account, account, as_of, is_json, snapshot)


def _explain(
    explain: Callable[..., Any],
    show: Callable[..., None],
    subject: str,
    as_of: str | None,
    is_json: bool,
    snapshot: str | None,
) -> None:
    from stillwatch.explain.tables import make_console
    from stillwatch.warehouse.query import open_published

    day = parse_day(as_of, "--as-of") if as_of else None
    with closing(open_published(get_settings(), snapshot)) as connection:
        explanation = explain(connection, subject, day)
    if is_json:
        click.echo(json.dumps(asdict(explanation), default=_to_json, ensure_ascii=False, indent=1))
    else:
        show(explanation, make_console())


def _to_json(value: object) -> object:
    match value:
        case date() | datetime():
            return value.isoformat()
        case Decimal():
            return float(value)
        case _:
            raise TypeError(f"{value!r} of type {type(value).__name__} has no form in JSON")
