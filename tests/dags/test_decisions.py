from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from stillwatch.errors import ReportError
from stillwatch.orchestration.reviews import read_decision, require_unchanged
from stillwatch.runs import get_paths, write_json

ANSWER: dict[str, Any] = {
    "chosen_options": ["Approve"],
    "params_input": {"comment": ""},
    "responded_at": "2026-11-13T09:30:00+01:00",
    "responded_by_user": {"id": "7", "name": "kim"},
}


def test_read_decision__keeps_who_and_when_in_utc() -> None:
    decision = read_decision(ANSWER, "r")
    assert (decision.is_approved, decision.actor, decision.comment) == (True, "kim", "")
    assert decision.decided_at == datetime(2026, 11, 13, 8, 30, tzinfo=UTC)


def test_read_decision__a_rejection_is_no_approval() -> None:
    assert not read_decision(ANSWER | {"chosen_options": ["Reject"]}, "r").is_approved


@pytest.mark.parametrize(
    "change",
    [
        {"chosen_options": []},
        {"chosen_options": ["approve"]},
        {"chosen_options": ["Approve", "Reject"]},
        {"responded_by_user": None},
        {"responded_by_user": {"id": "", "name": ""}},
        {"responded_at": None},
        {"responded_at": "2026-11-13T09:30:00"},
    ],
    ids=str,
)
def test_read_decision__releases_nothing_on_a_guess(change: dict[str, Any]) -> None:
    with pytest.raises(ReportError, match="report r "):
        read_decision(ANSWER | change, "r")


@pytest.mark.parametrize("answer", [None, {}])
def test_read_decision__needs_an_answer(answer: dict[str, Any] | None) -> None:
    with pytest.raises(ReportError, match="no recorded answer"):
        read_decision(answer, "r")


def _register(settings: Any, version: int, state: str, sha256: str) -> None:
    record = {"report_id": "r-1", "version": version, "state": state, "sha256": sha256}
    write_json(get_paths(settings).ledger / "reports" / f"r-1.v{version}.json", record)


def test_require_unchanged__a_newer_draft_that_nobody_has_read_is_not_decided(
    settings: Any,
) -> None:
    _register(settings, 1, "draft", "aa")
    require_unchanged(settings, "r-1", "aa")
    _register(settings, 2, "draft", "bb")
    with pytest.raises(ReportError, match="version 2"):
        require_unchanged(settings, "r-1", "aa")


def test_require_unchanged__a_decided_report_is_left_to_the_release(settings: Any) -> None:
    _register(settings, 1, "superseded", "aa")
    _register(settings, 2, "released", "cc")
    require_unchanged(settings, "r-1", "aa")
