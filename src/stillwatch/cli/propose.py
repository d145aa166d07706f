"""`stillwatch propose`."""

from __future__ import annotations

import getpass
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from stillwatch.runs import parse_day, utc_now
from stillwatch.settings import get_settings

if TYPE_CHECKING:
    from stillwatch.transform.comparison import CampaignChange, DayComparison
    from stillwatch.transform.proposals import ProposalRecord

_MEASURES = (
    ("candidate groups tested", "groups", "tested"),
    ("groups flagged", "groups", "flagged"),
    ("established accounts in flagged groups", "groups", "established_accounts"),
    ("verified or allow-listed accounts in flagged groups", "groups", "cleared_accounts"),
    ("suspected accounts", "accounts", "total"),
    ("  of them established", "accounts", "established"),
    ("  of them verified or allow-listed", "accounts", "cleared"),
)


@click.command("propose")
@click.option(
    "--set", "changes", multiple=True, required=True, metavar="VAR=VALUE",
    help="A var of dbt_project.yml and its proposed value. Repeatable.",
)  # fmt: skip
@click.option("--date", "first", metavar="YYYY-MM-DD", help="UTC day; the newest processed one.")
@click.option("--to", "last", metavar="YYYY-MM-DD", help="Last UTC day, for several in a row.")
@click.option("--by", "asked_by", metavar="NAME", help="Who proposes; the login name if left out.")
@click.option("--reason", metavar="TEXT", help="Why, for the record.")
@click.option("--json", "is_json", is_flag=True, help="Print everything, with the accounts.")
def command(
    changes: tuple[str, ...],
    first: str | None,
    last: str | None,
    asked_by: str | None,
    reason: str | None,
    is_json: bool,
) -> None:
    """Preview what other thresholds or weights would do to stored days.

    \b
    stillwatch propose --set evidence_slope=0.6
    stillwatch propose --set false_discovery_rate=0.01 --date 2026-11-08 --to 2026-11-12

    The days are built again in a copy of the build database and compared with what is stored. The
    warehouse, what analysts read and dbt_project.yml stay as they are. The record below
    `ledger/proposals/` is for the change that adopts the values to cite.
    """
    from stillwatch.transform.proposals import ProposalOrder, propose
    from stillwatch.transform.variables import parse_changes

    order = ProposalOrder(
        changes=parse_changes(changes),
        first=parse_day(first, "--date") if first else None,
        last=parse_day(last, "--to") if last else None,
        asked_by=asked_by or getpass.getuser(),
        reason=reason,
    )
    comparisons, record = propose(get_settings(), order, utc_now())
    if is_json:
        days = [asdict(comparison) for comparison in comparisons]
        click.echo(json.dumps({**asdict(record), "days": days}, default=str, indent=1))
    else:
        click.echo(_describe(comparisons, record))


def _describe(comparisons: Sequence[DayComparison], record: ProposalRecord) -> str:
    from stillwatch.transform.comparison import Change
    from stillwatch.warehouse.formats import format_table

    values = [(each.name, each.stored, each.proposed, each.origin) for each in record.values]
    parts = [format_table(("var", "stored", "proposed", "origin"), values)]
    measures = [row for comparison in comparisons for row in _list_measures(comparison)]
    parts.append(format_table(("day", "measure", "stored", "proposed"), measures))
    campaigns = [
        (comparison.day, *_describe_campaign(each))
        for comparison in comparisons
        for each in comparison.campaigns
    ]
    if campaigns:
        columns = (
            *("day", "campaign", "change", "stored", "proposed", "in", "out"),
            *("stored probability", "proposed probability"),
        )
        parts.append(format_table(columns, campaigns))
    for comparison in comparisons:
        parts.append(
            f"{comparison.day}: "
            + ", ".join(f"{comparison.count_campaigns(each)} {each}" for each in Change)
            + f" (campaigns); {_describe_accounts(comparison.entering)} would enter, "
            f"{_describe_accounts(comparison.leaving)} would leave"
        )
    parts.append(f"Nothing is changed. Record {record.proposal_id}")
    return "\n\n".join(parts)


def _list_measures(comparison: DayComparison) -> list[tuple[Any, ...]]:
    return [
        (
            comparison.day,
            title,
            getattr(getattr(comparison, f"stored_{part}"), name, "not kept"),
            getattr(getattr(comparison, f"proposed_{part}"), name, "not kept"),
        )
        for title, part, name in _MEASURES
    ]


def _describe_campaign(each: CampaignChange) -> tuple[Any, ...]:
    return (
        *(each.campaign_id, str(each.change), each.stored_count, each.proposed_count),
        *(len(each.accounts_in), len(each.accounts_out)),
        *(each.stored_probability, each.proposed_probability),
    )


def _describe_accounts(counts: Any) -> str:
    return (
        f"{counts.total} accounts ({counts.established} established, "
        f"{counts.cleared} verified or allow-listed)"
    )
