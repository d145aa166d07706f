"""From a drafted report to the question a person is asked, and from the answer to a decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stillwatch.errors import ReportError
from stillwatch.runs import get_paths
from stillwatch.settings import Settings

APPROVE = "Approve"
REJECT = "Reject"


@dataclass(frozen=True)
class Decision:
    """What was decided, by whom, when, and what they wrote beside it."""

    is_approved: bool
    actor: str
    comment: str
    decided_at: datetime


def read_decision(answer: Mapping[str, Any] | None, report_id: str) -> Decision:
    """Return the decision in Airflow's human-in-the-loop answer, or raise a ReportError.

    An answer that is not one plain option, or names no person, is an error: nothing is released
    on a guess, and an approval must say who gave it.

    >>> answer = {
    ...     "chosen_options": ["Approve"],
    ...     "responded_by_user": {"id": "7", "name": "kim"},
    ...     "responded_at": "2026-11-13T08:00:00+00:00",
    ... }
    >>> read_decision(answer, "brief-2026-11-12").actor
    'kim'
    """
    if not answer:
        raise ReportError(
            f"report {report_id} has no recorded answer: clear its approve_report task"
        )
    chosen = list(answer.get("chosen_options") or [])
    if chosen not in ([APPROVE], [REJECT]):
        raise ReportError(
            f"the answer on report {report_id} is {chosen!r}, neither {APPROVE} nor {REJECT}: "
            "clear its approve_report task and answer again"
        )
    user = answer.get("responded_by_user") or {}
    actor = str(user.get("name") or user.get("id") or "")
    if not actor:
        raise ReportError(
            f"the answer on report {report_id} names no person: log in to Airflow and answer again"
        )
    decided_at = answer.get("responded_at")
    if isinstance(decided_at, str):
        decided_at = datetime.fromisoformat(decided_at)
    if not isinstance(decided_at, datetime) or decided_at.tzinfo is None:
        raise ReportError(f"the answer on report {report_id} has no instant with a time zone")
    comment = str((answer.get("params_input") or {}).get("comment") or "")
    return Decision(chosen == [APPROVE], actor, comment.strip(), decided_at.astimezone(UTC))


def list_requests(reports: Iterable[Any]) -> list[dict[str, str]]:
    """Return, for each draft that still needs a decision, what the person is asked.

    Reports that were released or rejected before are left out: a re-run asks nothing twice.
    """
    return [
        {
            "report_id": report.report_id,
            "draft_sha256": report.sha256,
            "subject": f"Release {report.report_id}, version {report.version}?",
            "body": (
                f"Draft of **{report.document}**, version {report.version}.\n\n"
                f"- where it lies: `reports/{report.report_id}/v{report.version}/`\n"
                f"- SHA-256 of the draft: `{report.sha256}`\n\n"
                "Read the draft before you answer. Your name and the time are recorded with it. "
                "Approve releases it without the DRAFT stamp; Reject keeps it as a refused draft."
            ),
        }
        for report in reports
        if report.state == "draft"
    ]


def require_unchanged(settings: Settings, report_id: str, draft_sha256: str) -> None:
    """Raise a ReportError if the waiting draft is another one than the person was asked about.

    A day that was run again may have made a new draft while the question was open: nobody has read
    that one. A report that is decided already is left to the release to answer.
    """
    from stillwatch.reporting.register import read_latest

    latest = read_latest(get_paths(settings), report_id)
    if latest is not None and latest["state"] == "draft" and latest["sha256"] != draft_sha256:
        raise ReportError(
            f"report {report_id} was drafted anew (version {latest['version']}) after this "
            "question was asked: answer the newer question, or use `stillwatch approve`"
        )
