"""`stillwatch approve`."""

from __future__ import annotations

from datetime import date

import click

from stillwatch.errors import ConfigError
from stillwatch.runs import get_paths, parse_day, utc_now
from stillwatch.settings import get_settings


@click.command("approve")
@click.argument("report_id", required=False)
@click.option("--all", "every", is_flag=True, help="Decide on every draft that waits (of --date).")
@click.option("--date", "day", metavar="YYYY-MM-DD", help="Only reports of this UTC day.")
@click.option("--as", "actor", metavar="NAME", help="Who decides; printed on the report.")
@click.option("--comment", default="", metavar="TEXT", help="Why; printed on the report.")
@click.option("--reject", is_flag=True, help="Reject instead of approve.")
@click.option("--list", "is_list", is_flag=True, help="Show what waits for a decision.")
def command(
    report_id: str | None,
    every: bool,
    day: str | None,
    actor: str | None,
    comment: str,
    reject: bool,
    is_list: bool,
) -> None:
    """Record a person's approval and release a report.

    The decision is appended to ledger/approvals.jsonl with the digest of the draft it is about.
    Releasing twice is not possible: a second approval changes nothing and says so.
    """
    only = parse_day(day) if day else None
    if is_list:
        _list_waiting(only)
        return
    if (report_id is None) == (not every):
        raise ConfigError("give one REPORT_ID, or --all, or --list")
    if not actor:
        raise ConfigError("a decision needs the name of the person who takes it: --as NAME")
    _decide(report_id, only, actor, comment, reject)


def _list_waiting(only: date | None) -> None:
    from stillwatch.reporting.approvals import FIRST_HASH, read_decisions
    from stillwatch.reporting.release import list_waiting

    settings = get_settings()
    waiting = list_waiting(settings, only)
    for ref in waiting:
        click.echo(f"{ref.report_id}  version {ref.version}  {ref.page_count} pages  {ref.path}")
    decisions = read_decisions(get_paths(settings))
    head = decisions[-1].entry_hash if decisions else FIRST_HASH
    click.echo(
        f"{len(waiting)} waiting; {len(decisions)} decisions recorded, last digest {head[:16]}"
    )


def _decide(
    report_id: str | None, only: date | None, actor: str, comment: str, reject: bool
) -> None:
    from stillwatch.reporting.release import approve_report, list_waiting, reject_report

    settings = get_settings()
    report_ids = [report_id] if report_id else [r.report_id for r in list_waiting(settings, only)]
    if not report_ids:
        click.echo("nothing waits for a decision")
    decide = reject_report if reject else approve_report
    for name in report_ids:
        ref = decide(settings, name, actor, comment, utc_now())
        if ref.is_new:
            click.echo(f"{ref.report_id} version {ref.version} {ref.state}: {ref.path}")
        else:
            by = f" by {ref.approved_by} at {ref.approved_at}" if ref.approved_by else ""
            click.echo(f"{ref.report_id} was {ref.state} already{by}: nothing changed")
