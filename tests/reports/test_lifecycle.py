"""From draft to release or rejection: one decision, one release, a chained record."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from sample_snapshot import DAY, write_home

from stillwatch.errors import ReportError
from stillwatch.reporting import release
from stillwatch.reporting.approvals import read_decisions
from stillwatch.reporting.documents import collect_day, register_draft
from stillwatch.reporting.pdf_text import read_pages
from stillwatch.reporting.register import ReportRef, read_records
from stillwatch.reporting.release import approve_report, list_waiting, reject_report
from stillwatch.runs import get_paths
from stillwatch.settings import Settings

BRIEF = "brief-2026-11-12"
NOON = datetime(2026, 11, 13, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("drafted")
    write_home(home, campaigns=())
    settings = Settings(home=home)
    register_draft(get_paths(settings), collect_day(settings, DAY)[0])
    return home


@pytest.fixture
def settings(drafted: Path, tmp_path: Path) -> Settings:
    import shutil

    shutil.copytree(drafted, tmp_path / "home")
    return Settings(home=tmp_path / "home")


def test_brief__without_campaigns_says_none_identified_with_coverage(drafted: Path) -> None:
    text = " ".join(read_pages(drafted / "reports" / BRIEF / "v1" / "document.pdf"))
    assert "No suspected extraction campaign was identified this week" in text
    assert "None identified." in text
    assert "What was looked at" in text
    assert "native API" in text


def test_approve__releases_a_new_version_with_name_and_instant(settings: Settings) -> None:
    released = approve_report(settings, BRIEF, "Kim Example", "checked", NOON)
    assert (released.version, released.state) == (2, "released")
    text = " ".join(read_pages(released.path))
    assert "DRAFT" not in text
    assert "RELEASED" in text
    assert "Approved by Kim Example, 13 Nov 2026, 12:00 UTC. Comment: checked" in text
    draft, release_record = read_records(get_paths(settings), BRIEF)
    assert draft["state"] == "superseded"
    assert release_record["approved_by"] == "Kim Example"
    assert release_record["released_at"] == "2026-11-13T12:00:00Z"
    assert release_record["supersedes"] == f"{BRIEF}.v1"
    published = settings.home / "published" / "current.duckdb"
    with duckdb.connect(str(published), read_only=True) as connection:
        rows = connection.execute(
            "select version, state from marts.fct_reports order by version"
        ).fetchall()
    assert rows == [(1, "superseded"), (2, "released")]


def test_approve__twice_changes_nothing_and_says_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = approve_report(settings, BRIEF, "Kim Example", "checked", NOON)
    again = approve_report(settings, BRIEF, "Lee Example", "me too", NOON)
    assert (again.sha256, again.version, again.is_new) == (first.sha256, 2, False)
    assert len(read_decisions(get_paths(settings))) == 1
    monkeypatch.setattr("stillwatch.cli.approve.get_settings", lambda: settings)
    from stillwatch.cli.approve import command

    result = CliRunner().invoke(command, [BRIEF, "--as", "Lee"])
    assert "was released already by Kim Example at 2026-11-13T12:00:00Z: nothing changed" in (
        result.output
    )
    with pytest.raises(ReportError, match="was released already by Kim Example"):
        reject_report(settings, BRIEF, "Lee Example", "no", NOON)


def test_draft__after_the_release_makes_no_new_version(settings: Settings) -> None:
    released = approve_report(settings, BRIEF, "Kim Example", "", NOON)
    again = register_draft(get_paths(settings), collect_day(settings, DAY)[0])
    assert (again.version, again.state, again.sha256) == (2, "released", released.sha256)


def test_reject__keeps_the_draft_and_its_reason(settings: Settings) -> None:
    rejected = reject_report(settings, BRIEF, "Kim Example", "wrong period", NOON)
    assert (rejected.version, rejected.state) == (1, "rejected")
    (record,) = read_records(get_paths(settings), BRIEF)
    assert (record["state"], record["comment"]) == ("rejected", "wrong period")
    assert record["released_at"] is None
    with pytest.raises(ReportError, match="was rejected already by Kim Example"):
        approve_report(settings, BRIEF, "Lee Example", "", NOON)
    assert list_waiting(settings) == []


def test_approve__after_a_killed_rendering_is_finished_with_the_first_decision(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise ReportError("the renderer was killed by signal 9")

    with monkeypatch.context() as patched:
        patched.setattr(release, "write_document", die)
        with pytest.raises(ReportError, match="signal 9"):
            approve_report(settings, BRIEF, "Kim Example", "checked", NOON)
    released = approve_report(settings, BRIEF, "Lee Example", "retry", NOON.replace(hour=18))
    assert released.approved_by == "Kim Example"
    assert released.approved_at == "2026-11-13T12:00:00Z"
    assert len(read_decisions(get_paths(settings))) == 1


def test_approve__refuses_a_draft_that_was_tampered_with(settings: Settings) -> None:
    facts = settings.home / "reports" / BRIEF / "v1" / "facts.json"
    facts.write_text(facts.read_text().replace("None identified", "Nothing to see"))
    with pytest.raises(ReportError, match=r"not what was drafted \(facts\.json differ\)"):
        approve_report(settings, BRIEF, "Kim Example", "", NOON)
    assert read_decisions(get_paths(settings)) == []


def test_decisions__a_changed_line_is_named(settings: Settings) -> None:
    approve_report(settings, BRIEF, "Kim Example", "checked", NOON)
    path = settings.home / "ledger" / "approvals.jsonl"
    entry = json.loads(path.read_text())
    path.write_text(json.dumps({**entry, "actor": "Someone Else"}) + "\n")
    with pytest.raises(ReportError, match="line 1 does not fit"):
        read_decisions(get_paths(settings))


@pytest.mark.parametrize(
    ("actor", "instant", "message"),
    [
        ("  ", NOON, "needs the name"),
        ("Kim", NOON.replace(tzinfo=None), "has no time zone"),
    ],
)
def test_approve__refuses_a_decision_without_a_person_or_an_instant(
    settings: Settings, actor: str, instant: datetime, message: str
) -> None:
    with pytest.raises(ReportError, match=message):
        approve_report(settings, BRIEF, actor, "", instant)


def test_approve__of_an_unknown_report_says_where_to_look(settings: Settings) -> None:
    with pytest.raises(ReportError, match="approve --list"):
        approve_report(settings, "brief-2026-01-01", "Kim", "", NOON)
    with pytest.raises(ReportError, match="not one of ours"):
        approve_report(settings, "../../etc", "Kim", "", NOON)


def test_register_draft__two_at_once_render_once(
    tmp_path: Path, drafted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = collect_day(Settings(home=drafted), DAY)[0]
    paths = get_paths(Settings(home=tmp_path))
    found: list[ReportRef] = []
    threads = [
        threading.Thread(target=lambda: found.append(register_draft(paths, draft)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ref.is_new for ref in found) == [False, True]
    assert found[0].sha256 == found[1].sha256


def test_cli__lists_waiting_drafts_and_verifies(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stillwatch.cli import approve, report

    for module in (approve, report):
        monkeypatch.setattr(module, "get_settings", lambda: settings)
    listed = CliRunner().invoke(approve.command, ["--list"])
    assert f"{BRIEF}  version 1  " in listed.output
    assert "1 waiting; 0 decisions recorded" in listed.output
    checked = CliRunner().invoke(report.command, ["--verify", BRIEF])
    assert "no difference" in checked.output
