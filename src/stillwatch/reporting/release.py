"""Records a person's decision on a draft, and releases or rejects the report."""

from __future__ import annotations

from datetime import UTC, date, datetime

from stillwatch.errors import ReportError
from stillwatch.log import get_logger
from stillwatch.reporting.approvals import (
    Decision,
    append_decision,
    find_decision,
    read_decisions,
)
from stillwatch.reporting.documents import (
    make_record,
    read_stored_facts,
    refresh_reports_table,
    replace_header,
    write_document,
)
from stillwatch.reporting.register import (
    Record,
    ReportRef,
    check_report_id,
    find_damage,
    make_ref,
    read_latest,
    read_manifest,
    read_records,
    settle_states,
    write_name,
    write_record,
)
from stillwatch.reporting.text import clean
from stillwatch.reporting.wording import write_instant
from stillwatch.runs import Paths, exclusive, get_paths
from stillwatch.settings import Settings

APPROVED, REJECTED = "approved", "rejected"
_MAX_ACTOR = 120
_MAX_COMMENT = 1000

_log = get_logger(__name__)


def approve_report(
    settings: Settings, report_id: str, actor: str, comment: str, approved_at: datetime
) -> ReportRef:
    """Record an approval, render and register the released version, and return it.

    A report that is released already is returned as it is, with a logged message: there is never a
    second release of one draft. An approval whose rendering was interrupted is finished with the
    name and the instant that were recorded then.
    """
    return _decide(settings, report_id, APPROVED, actor, comment, approved_at)


def reject_report(
    settings: Settings, report_id: str, actor: str, comment: str, rejected_at: datetime
) -> ReportRef:
    """Record a rejection and return the draft, now rejected; it is kept and never released."""
    return _decide(settings, report_id, REJECTED, actor, comment, rejected_at)


def list_waiting(settings: Settings, day: date | None = None) -> list[ReportRef]:
    """Return the drafts that wait for a decision, of one day or of all."""
    paths = get_paths(settings)
    refs = [make_ref(paths, rec) for rec in read_records(paths) if rec["state"] == "draft"]
    return [ref for ref in refs if day in (None, ref.day)]


def _decide(
    settings: Settings, report_id: str, verdict: str, actor: str, comment: str, instant: datetime
) -> ReportRef:
    actor, comment = _check(actor, comment, instant)
    paths = get_paths(settings)
    with exclusive(paths, f"report-{check_report_id(report_id)}"):
        settle_states(paths, report_id)
        latest = read_latest(paths, report_id)
        if latest is None:
            raise ReportError(
                f"report {report_id} is not registered: see `stillwatch approve --list`"
            )
        if latest["state"] != "draft":
            return _answer_decided(paths, latest, verdict)
        with exclusive(paths, "approvals"):
            decision = _record(paths, latest, verdict, actor, comment, instant)
        if decision.decision == APPROVED:
            released = _release(paths, latest, decision)
        else:
            released = {**latest, "state": "rejected", "comment": decision.comment or None}
            write_record(paths, released)
    refresh_reports_table(settings)
    if decision.decision != verdict:
        raise ReportError(
            f"report {report_id} had been {decision.decision} by {decision.actor} at "
            f"{decision.decided_at}: that decision stands"
        )
    return make_ref(paths, released, is_new=True)


def _check(actor: str, comment: str, instant: datetime) -> tuple[str, str]:
    if instant.tzinfo is None:
        raise ReportError(f"the instant {instant} of a decision has no time zone: give it in UTC")
    actor = clean(actor, limit=_MAX_ACTOR)
    if not actor:
        raise ReportError("a decision needs the name of the person who takes it (--as NAME)")
    return actor, clean(comment, limit=_MAX_COMMENT)


def _answer_decided(paths: Paths, latest: Record, verdict: str) -> ReportRef:
    ref = make_ref(paths, latest)
    said = find_decision(read_decisions(paths), ref.report_id, _get_decided_version(latest))
    who = f" by {said.actor} at {said.decided_at}" if said else ""
    is_same = (latest["state"], verdict) in {("released", APPROVED), ("rejected", REJECTED)}
    if is_same:
        _log.warning("report %s was %s already%s: nothing changed", ref.report_id, ref.state, who)
        return ref
    raise ReportError(
        f"report {ref.report_id} was {ref.state} already{who}: it cannot be {verdict} now; "
        "a new draft is made when its facts change"
    )


def _get_decided_version(record: Record) -> int:
    """Return the version of the draft on which the record's decision was taken."""
    version = int(record["version"])
    return version - 1 if record["state"] == "released" else version


def _record(
    paths: Paths, draft: Record, verdict: str, actor: str, comment: str, instant: datetime
) -> Decision:
    earlier = find_decision(read_decisions(paths), draft["report_id"], draft["version"])
    if earlier is not None:
        _log.warning("report %s: finishing the decision of %s", draft["report_id"], earlier.actor)
        return earlier
    damaged = find_damage(paths, draft)
    if damaged:
        raise ReportError(
            f"draft {write_name(draft)} is not what was drafted ({', '.join(damaged)} differ): "
            "draft the day again with `stillwatch report`"
        )
    return append_decision(
        paths,
        report_id=draft["report_id"],
        version=draft["version"],
        decision=verdict,
        actor=actor,
        comment=comment,
        decided_at=instant,
        draft_sha256=draft["sha256"],
    )


def _release(paths: Paths, draft: Record, decision: Decision) -> Record:
    facts, files = read_stored_facts(paths, draft)
    approved_at = datetime.fromisoformat(decision.decided_at).astimezone(UTC)
    released = replace_header(
        facts,
        version=draft["version"] + 1,
        state="released",
        state_label="RELEASED",
        approved_by=decision.actor,
        approved_at=approved_at,
        approved_label=write_instant(approved_at),
        approval_comment=decision.comment or None,
    )
    content = read_manifest(paths, draft)["content_sha256"]
    rendered = write_document(paths, released, files, content)
    record = {
        **make_record(released, rendered.sha256, draft["kind"]),
        "approved_by": decision.actor,
        "approved_at": decision.decided_at,
        "comment": decision.comment or None,
        "released_at": decision.decided_at,
        "supersedes": write_name(draft),
    }
    write_record(paths, record)
    settle_states(paths, draft["report_id"])
    return record
