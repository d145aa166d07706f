"""Review history: what came, went and changed; decisions that were lost; checks before landing."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from stillwatch.cli import cli
from stillwatch.errors import GateFailed
from stillwatch.policy.reference import load_reference
from stillwatch.quality.gates import check_day
from stillwatch.quality.reference import check_reference
from stillwatch.quality.results import read_outcome
from stillwatch.quality.suites import Severity
from stillwatch.runs import Paths
from stillwatch.settings import Settings, get_settings

DAYS = [date(2026, 11, n) for n in (1, 2, 3)]
ALLOWLIST = "scope,value,reason,owner,approved_by,valid_from,valid_until\n"
DECISIONS = "subject_type,subject_id,decision,actor,decided_at,reason,expires_at\n"
FIRST = "campaign,c-1,confirm,j.roe,2026-10-01T08:00:00Z,seen,\n"
SECOND = "campaign,c-2,dismiss,j.roe,2026-10-02T08:00:00Z,explained,\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    settings = Settings(
        home=tmp_path / "var", landing_uri=str(tmp_path / "landing"), config=tmp_path / "config"
    )
    for name, value in (
        ("HOME", settings.home),
        ("LANDING_URI", settings.landing_uri),
        ("CONFIG", settings.config),
    ):
        monkeypatch.setenv(f"STILLWATCH_{name}", str(value))
    get_settings.cache_clear()

    def load(day, **files):
        folder = tmp_path / "landing" / "reference"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / f"{name}.csv").write_text(text)
        return load_reference(settings, day)

    yield load
    get_settings.cache_clear()


def read_ledger(tmp_path: Path, name: str, day: date) -> dict:
    return json.loads((tmp_path / "var" / "ledger" / name / f"dt={day}.json").read_text())


def find(rows, expectation):
    return next(row for row in rows if row.expectation == expectation)


def test_load_reference__records_added_removed_and_changed_rows(place, tmp_path):
    row = "account,{},{},j.roe,m.poe,2026-01-01,2027-01-01\n"
    place(DAYS[0], allowlist=ALLOWLIST + row.format("a-1", "x") + row.format("a-2", "x"))
    place(DAYS[1], allowlist=ALLOWLIST + row.format("a-1", "y") + row.format("a-3", "x"))
    record = read_ledger(tmp_path, "reference_changes", DAYS[1])
    assert record["previous_date"] == "2026-11-01"
    found = record["tables"]["allowlist"]
    assert [item["key"]["value"] for item in found["added"]] == ["a-3"]
    assert [item["key"]["value"] for item in found["removed"]] == ["a-2"]
    (changed,) = found["changed"]
    assert (changed["key"]["value"], changed["columns"]) == ("a-1", ["reason"])
    assert changed["sha256_before"] != changed["sha256"]
    assert (found["added_count"], found["removed_count"], found["changed_count"]) == (1, 1, 1)
    assert read_ledger(tmp_path, "reference_changes", DAYS[0])["previous_date"] is None


def test_load_reference__the_order_of_rows_is_no_change(place, tmp_path):
    rows = [f"account,a-{n},x,j.roe,m.poe,2026-01-01,2027-01-01\n" for n in (1, 2)]
    place(DAYS[0], allowlist=ALLOWLIST + "".join(rows))
    place(DAYS[1], allowlist=ALLOWLIST + "".join(reversed(rows)))
    found = read_ledger(tmp_path, "reference_changes", DAYS[1])["tables"]["allowlist"]
    assert (found["added_count"], found["removed_count"], found["changed_count"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (DECISIONS + SECOND, "vanished"),
        (DECISIONS + FIRST.replace("seen", "not seen") + SECOND, "edited"),
        (DECISIONS + FIRST.replace(",seen", ",") + SECOND, "vanished"),  # spoiled, so refused
    ],
)
def test_load_reference__a_lost_decision_stays_lost_until_it_is_put_back(
    place, tmp_path, text, kind
):
    place(DAYS[0], decisions=DECISIONS + FIRST + SECOND)
    for day in DAYS[1:]:
        result = place(day, decisions=text)
        (lost,) = result.lost_decisions
        assert (lost["kind"], lost["key"]["subject_id"]) == (kind, "c-1")
        row = find(
            check_reference(read_ledger(tmp_path, "reference", day)), "decisions_are_append_only"
        )
        assert (row.success, row.severity, row.unexpected_count) == (False, Severity.CRITICAL, 1)
        assert kind in str(row.observed)
        assert "c-1" not in str(row.observed)  # the quality ledger reaches the reports
    assert place(DAYS[2], decisions=DECISIONS + SECOND + FIRST).lost_decisions == ()


def test_check_day__the_raw_gate_holds_the_line_for_a_lost_decision(place, tmp_path):
    place(DAYS[0], decisions=DECISIONS + FIRST)
    place(DAYS[1], decisions=DECISIONS)
    with pytest.raises(GateFailed):  # also because nothing was ingested
        check_day(get_settings(), DAYS[1], "raw")
    rows = read_outcome(Paths(tmp_path / "var"), DAYS[1], "raw").failed_critical
    assert "decisions_are_append_only" in [row.expectation for row in rows]


def test_load_reference__a_past_day_does_not_miss_a_later_decision(place):
    later = FIRST.replace("2026-10-01T08", "2026-11-03T08")
    assert place(DAYS[2], decisions=DECISIONS + later).lost_decisions == ()
    assert place(DAYS[1]).lost_decisions == ()


def test_load_reference__a_decision_lost_within_one_day_is_noticed(place):
    place(DAYS[0], decisions=DECISIONS + FIRST)
    assert len(place(DAYS[0], decisions=DECISIONS).lost_decisions) == 1


def test_load_reference__an_absent_decisions_file_after_it_was_there_is_noticed(place, tmp_path):
    place(DAYS[0], decisions=DECISIONS + FIRST)
    (tmp_path / "landing" / "reference" / "decisions.csv").unlink()
    assert [item["kind"] for item in place(DAYS[1]).lost_decisions] == ["vanished"]


def test_check_reference__good_tables_pass_and_refused_rows_warn(place, tmp_path):
    place(DAYS[0], decisions=DECISIONS + FIRST)
    assert all(row.success for row in check_reference(read_ledger(tmp_path, "reference", DAYS[0])))
    future = FIRST.replace("2026-10-01T08", "2027-01-01T08")
    place(
        DAYS[1],
        allowlist=f"{ALLOWLIST}account,a-1,,j.roe,m.poe,2026-01-01,2027-01-01\n",
        decisions=DECISIONS + FIRST + future,
    )
    failed = [
        (row.suite, row.severity)
        for row in check_reference(read_ledger(tmp_path, "reference", DAYS[1]))
        if not row.success
    ]
    assert failed == [("reference.allowlist", Severity.WARNING)]  # a later decision is no mistake


def test_load_reference__unknown_owners_are_counted(place, tmp_path):
    result = place(
        DAYS[0],
        entities="entity_id,name,aliases,country\ne1,One,,\n",
        ownership="owner_id,owned_id,share_percent,valid_from,valid_until,source\n"
        "e1,e2,50,,,r\ne3,e1,50,,,r\n",
    )
    assert result.unknown_ids == ("e2", "e3")
    row = find(
        check_reference(read_ledger(tmp_path, "reference", DAYS[0])),
        "ownership_names_known_entities",
    )
    assert (row.success, row.severity, row.unexpected_count) == (False, Severity.WARNING, 2)


def test_reference_check__names_every_refused_line(place, tmp_path):
    file = tmp_path / "allowlist.csv"
    file.write_text(
        ALLOWLIST
        + "account,a-1,why,j.roe,m.poe,2026-01-01,2027-01-01\n"
        + "account,a-2,why,,m.poe,2026-01-01,2027-01-01\n"
        + '"account","a\n3",why,j.roe,m.poe,2026-01-01,\n'
    )
    result = CliRunner().invoke(cli, ["reference", "check", str(file)])
    assert result.exit_code == 1
    assert f"{file}:3: no_owner: owner is empty and must be given" in result.output
    assert f"{file}:5: no_valid_until: valid_until is empty and must be given" in result.output
    assert "3 rows, 1 usable, 2 refused" in result.output


def test_reference_check__passes_a_good_file_under_another_name(place, tmp_path):
    file = tmp_path / "draft.csv"
    file.write_text(DECISIONS + FIRST)
    command = ["reference", "check", str(file), "--date", "2026-11-01"]
    assert CliRunner().invoke(cli, [*command, "--table", "decisions"]).exit_code == 0
    unnamed = CliRunner().invoke(cli, command)
    assert unnamed.exit_code != 0
    assert "is no reference table" in str(unnamed.exception)


def test_reference_check__the_starter_file_is_good():
    starter = Path(__file__).parents[3] / "config" / "reference" / "policy_facts.csv"
    result = CliRunner().invoke(cli, ["reference", "check", str(starter)])
    assert (result.exit_code, "5 usable, 0 refused" in result.output) == (0, True)


def test_reference_changes__are_shown_by_day_and_table(place):
    place(DAYS[0], decisions=DECISIONS + FIRST)
    place(DAYS[1], decisions=DECISIONS + FIRST + SECOND)
    shown = CliRunner().invoke(cli, ["reference", "changes", "--since", "2026-11-02"]).output
    assert shown.startswith("2026-11-02 decisions added: actor j.roe, decided_at 2026-10-02")
    assert "subject_id c-2" in shown
    assert len(shown.splitlines()) == 1
    none = CliRunner().invoke(cli, ["reference", "changes", "--since", "2026-11-03"])
    assert none.output == "no reference row has changed since 2026-11-03\n"


def test_reference_list__shows_counts_and_lost_decisions(place):
    place(DAYS[0], decisions=DECISIONS + FIRST + SECOND)
    place(DAYS[1], decisions=DECISIONS + SECOND)
    shown = CliRunner().invoke(cli, ["reference", "list", "--date", "2026-11-02"]).output
    assert "0/1/0" in shown
    assert "decision vanished: actor j.roe" in shown
    assert "subject_id c-1" in shown


def test_reference_screen__prints_who_is_listed_and_who_is_held(place):
    place(
        DAYS[0],
        entities="entity_id,name,aliases,country\ne1,Quillstone,,\ne2,Marrowfen,,\n",
        ownership="owner_id,owned_id,share_percent,valid_from,valid_until,source\ne1,e2,62.5,,,r\n",
        policy_facts="instrument,fact,status,effective_from,effective_until,source\n"
        "demo_list,e1,listed,2026-01-01,,demo\nrule,ownership_50_percent,in_force,2026-01-01,,demo\n",
    )
    shown = CliRunner().invoke(cli, ["reference", "screen", "--date", "2026-11-01"]).output
    assert "listed e1 (demo_list)" in shown
    assert "held e2, rule (in_force): 62.5 percent by Quillstone (listed: demo_list)" in shown


@pytest.mark.parametrize("verb", ["list", "screen"])
def test_reference__a_day_that_was_not_run_is_said(place, verb):
    result = CliRunner().invoke(cli, ["reference", verb, "--date", "2026-11-01"])
    assert "no reference tables of 2026-11-01" in str(result.exception)
