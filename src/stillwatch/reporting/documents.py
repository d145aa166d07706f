"""Drafts the documents of a day: frozen facts, rendered pages, a registered version each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

import duckdb

from stillwatch.errors import ReportError
from stillwatch.log import get_logger
from stillwatch.reporting.collect.annex import collect_annex
from stillwatch.reporting.collect.brief import collect_brief
from stillwatch.reporting.collect.common import Occasion, make_parameters
from stillwatch.reporting.collect.dossier import collect_dossier
from stillwatch.reporting.facts import CampaignDossierFacts, Facts
from stillwatch.reporting.numbers import NumberBook, bind, read_query, write_numbers
from stillwatch.reporting.register import (
    Record,
    ReportRef,
    check_report_id,
    find_damage,
    get_folder,
    make_ref,
    read_latest,
    read_manifest,
    settle_states,
    write_name,
    write_record,
    write_version,
)
from stillwatch.reporting.render import Attached, Rendered, render, write_csv, write_facts
from stillwatch.reporting.snapshots import SnapshotRef, find_snapshot, open_snapshot
from stillwatch.reporting.templates import digest_templates
from stillwatch.runs import Paths, exclusive, get_paths
from stillwatch.settings import Settings

_RENDERERS = 2

_log = get_logger(__name__)


@dataclass(frozen=True)
class Draft:
    """Collected facts with everything that is attached to the document, not yet rendered."""

    facts: Facts
    numbers_text: str
    accounts_text: str | None
    kind: str

    @property
    def content_sha256(self) -> str:
        """Digest of what the document says, whatever its version or state."""
        parts = (write_facts(self.facts), self.numbers_text, self.accounts_text or "")
        return sha256("\0".join(parts).encode()).hexdigest()


def draft_day(settings: Settings, day: date) -> list[ReportRef]:
    """Draft every document of `day` from its published snapshot, and return them.

    The same facts give the same bytes and no new version. Other facts give a new version that
    supersedes a waiting draft; nothing is deleted. A document that fails does not hold up the
    others: the error at the end names each one that failed.
    """
    paths = get_paths(settings)
    drafts = collect_day(settings, day)
    refs: list[ReportRef] = []
    failures: list[str] = []
    with ThreadPoolExecutor(max_workers=_RENDERERS) as pool:
        pending = [pool.submit(register_draft, paths, draft) for draft in drafts]
        for draft, future in zip(drafts, pending, strict=True):
            try:
                refs.append(future.result())
            except ReportError as error:
                failures.append(str(error))
                _log.error("report %s failed: %s", draft.facts.header.report_id, error)
    if any(ref.is_new for ref in refs):
        refresh_reports_table(settings)
    if failures:
        raise ReportError(
            f"{len(failures)} of {len(drafts)} documents of {day} failed: {'; '.join(failures)}"
        )
    return refs


def refresh_reports_table(settings: Settings) -> None:
    """Bring `marts.fct_reports` of the published snapshot up to date with the register."""
    from stillwatch.warehouse.publish import refresh_reports_table as refresh

    refresh(settings)


def collect_day(settings: Settings, day: date) -> list[Draft]:
    """Return the collected documents of `day`: brief, one dossier per campaign, annex."""
    snapshot = find_snapshot(get_paths(settings), day)
    digest = digest_templates()
    with open_snapshot(snapshot.path) as connection:
        books = NumberBook(connection, snapshot.snapshot_id, make_parameters(day))
        campaign_ids = [row.text("campaign_id") for row in books.rows("reportable_campaigns")]

        def occasion() -> Occasion:
            book = NumberBook(connection, snapshot.snapshot_id, make_parameters(day))
            return Occasion(settings, day, book, book.row("snapshot"), digest)

        drafts = [_collect(occasion(), None, "brief", snapshot, connection)]
        for campaign_id in campaign_ids:
            drafts.append(_collect(occasion(), campaign_id, "dossier", snapshot, connection))
        drafts.append(_collect(occasion(), None, "annex", snapshot, connection))
    return drafts


def register_draft(paths: Paths, draft: Draft) -> ReportRef:
    """Render and register a draft unless this very content is registered already."""
    report_id = check_report_id(draft.facts.header.report_id)
    with exclusive(paths, f"report-{report_id}"):
        settle_states(paths, report_id)
        latest = read_latest(paths, report_id)
        content = draft.content_sha256
        if latest is not None and read_manifest(paths, latest).get("content_sha256") == content:
            damaged = find_damage(paths, latest)
            if not damaged:
                return make_ref(paths, latest)
            _log.warning("report %s: %s is damaged, drafting anew", report_id, ", ".join(damaged))
        return _write_draft(paths, draft, latest, content)


def write_document(
    paths: Paths, facts: Facts, files: Mapping[str, str], content_sha256: str
) -> Rendered:
    """Render facts with their attachments and put the version's folder in place."""
    header = facts.header
    rendered = render(facts, make_attachments(files))
    contents = {
        "document.pdf": rendered.pdf,
        "facts.json": write_facts(facts).encode(),
        **{name: text.encode() for name, text in files.items()},
    }
    manifest = {
        "report_id": header.report_id,
        "version": header.version,
        "document": header.document,
        "state": header.state,
        "content_sha256": content_sha256,
        "snapshot_id": header.snapshot_id,
        "page_count": rendered.page_count,
        "printed": [{"key": key, "text": text} for key, text in rendered.printed],
    }
    write_version(paths, header.report_id, header.version, contents, manifest)
    _log.info(
        "report %s version %d: %d pages in %.1f s",
        header.report_id,
        header.version,
        rendered.page_count,
        rendered.seconds,
    )
    return rendered


def make_attachments(files: Mapping[str, str]) -> list[Attached]:
    """Return the files that travel inside the PDF, besides the facts."""
    descriptions = {
        "numbers.json": "Every number with its SQL and the snapshot it was computed on",
        "accounts.csv": "All accounts of the campaign, by pseudonymous key",
    }
    return [Attached(name, descriptions[name], text) for name, text in sorted(files.items())]


def _collect(
    occasion: Occasion,
    campaign_id: str | None,
    kind: str,
    snapshot: SnapshotRef,
    connection: duckdb.DuckDBPyConnection,
) -> Draft:
    facts: Facts
    accounts_text = None
    if kind == "dossier" and campaign_id is not None:
        facts = collect_dossier(occasion, campaign_id)
        accounts_text = _write_accounts(connection, occasion, campaign_id)
        is_first = occasion.book.row("campaign", campaign_id=campaign_id).get(
            "first_flagged_date"
        ) == (occasion.day)
    else:
        facts = collect_brief(occasion) if kind == "brief" else collect_annex(occasion)
        is_first = not occasion.book.row("day_changes").number("before_count")
    numbers = write_numbers(list(occasion.book.numbers.values()), snapshot.snapshot_id)
    text = json.dumps(numbers, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    return Draft(facts, text, accounts_text, "initial" if is_first else "continuing")


def _write_accounts(
    connection: duckdb.DuckDBPyConnection, occasion: Occasion, campaign_id: str
) -> str:
    sql = bind(read_query("members_csv"), {**occasion.book.parameters, "campaign_id": campaign_id})
    cursor = connection.execute(sql)
    columns = [column[0] for column in cursor.description or ()]
    return write_csv(columns, cursor.fetchall())


def _write_draft(paths: Paths, draft: Draft, latest: Record | None, content: str) -> ReportRef:
    version = latest["version"] + 1 if latest else 1
    facts = replace_header(draft.facts, version=version)
    files = {"numbers.json": draft.numbers_text}
    if draft.accounts_text is not None:
        files["accounts.csv"] = draft.accounts_text
    rendered = write_document(paths, facts, files, content)
    was_released = latest is not None and latest["state"] in ("released", "rejected")
    record = make_record(facts, rendered.sha256, "corrective" if was_released else draft.kind)
    record["supersedes"] = write_name(latest) if latest else None
    write_record(paths, record)
    settle_states(paths, record["report_id"])
    return make_ref(paths, record, is_new=True)


def make_record(facts: Facts, digest: str, kind: str) -> Record:
    """Return the flat record of a version, with exactly the columns of `marts.fct_reports`."""
    header = facts.header
    subject = facts.campaign_id if isinstance(facts, CampaignDossierFacts) else None
    return {
        "report_id": header.report_id,
        "version": header.version,
        "kind": kind,
        "audience": header.audience,
        "document": header.document,
        "subject_id": subject,
        "period_from": header.period_from.isoformat(),
        "period_until": header.period_until.isoformat(),
        "marking": header.marking,
        "state": header.state,
        "sha256": digest,
        "snapshot_id": header.snapshot_id,
        "approved_by": None,
        "approved_at": None,
        "comment": None,
        "released_at": None,
        "supersedes": None,
    }


def replace_header(facts: Facts, **changes: Any) -> Facts:
    """Return the facts with some fields of the header replaced."""
    from dataclasses import replace

    return replace(facts, header=replace(facts.header, **changes))


def read_stored_facts(paths: Paths, record: Mapping[str, Any]) -> tuple[Facts, dict[str, str]]:
    """Return the facts of a registered version and the texts attached to it."""
    from stillwatch.reporting.facts import FACTS_CLASSES, Document, from_json

    folder = get_folder(paths, record["report_id"], record["version"])
    kind = FACTS_CLASSES[Document(record["document"])]
    facts = from_json(kind, json.loads((folder / "facts.json").read_text(encoding="utf-8")))
    files = {
        name: (folder / name).read_bytes().decode("utf-8")
        for name in ("numbers.json", "accounts.csv")
        if (folder / name).exists()
    }
    return facts, files
