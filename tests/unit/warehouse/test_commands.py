"""The verbs check, publish, status and doctor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from small_home import (
    DAY,
    build_reporting,
    make_exchange,
    make_report,
    make_settings,
    pass_gates,
    write_build,
    write_day,
    write_report,
    write_rows,
)

import stillwatch.settings
import stillwatch.transform.build
from stillwatch.cli import check, doctor, publish, status
from stillwatch.errors import GateFailed
from stillwatch.runs import get_paths, write_json
from stillwatch.settings import Settings

runner = CliRunner()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    settings = make_settings(tmp_path)
    write_day(settings)
    monkeypatch.setenv("STILLWATCH_HOME", str(settings.home))
    monkeypatch.setenv("STILLWATCH_LANDING_URI", settings.landing_uri)
    monkeypatch.setenv("STILLWATCH_CONFIG", str(settings.config))
    monkeypatch.setattr(stillwatch.transform.build, "build_day", build_reporting)
    stillwatch.settings.get_settings.cache_clear()
    yield settings
    stillwatch.settings.get_settings.cache_clear()


def test_check__prints_what_failed_and_ends_with_the_gate(settings: Settings) -> None:
    rows = [make_exchange(0, status="fine"), *(make_exchange(n) for n in range(1, 6))]
    write_rows(settings, "exchanges", DAY, rows)
    result = runner.invoke(check.command, ["--date", str(DAY)])
    assert isinstance(result.exception, GateFailed)
    assert "gate raw of 2026-11-05: FAILED" in result.output
    assert "1 of 6 rows" in result.output
    assert "gate marts" not in result.output


def test_check__one_gate_with_every_row(settings: Settings) -> None:
    result = runner.invoke(check.command, ["--date", str(DAY), "--gate", "raw", "--every"])
    assert result.exit_code == 0
    assert "gate raw of 2026-11-05: passed" in result.output
    assert "every_row_is_accounted_for" in result.output


def test_publish_and_status__tell_the_same_snapshot(settings: Settings) -> None:
    write_build(settings)
    pass_gates(settings, DAY)
    published = runner.invoke(publish.command, ["--date", str(DAY)])
    assert published.exit_code == 0
    snapshot_id = published.output.split()[1].rstrip(",")
    write_json(get_paths(settings).ledger / "runs" / f"dt={DAY}.json", {"snapshot_id": snapshot_id})
    write_report(settings, make_report("r1", snapshot_id))
    write_report(settings, make_report("r2", snapshot_id))
    write_report(settings, make_report("r2", snapshot_id, version=2, state="released"))
    for day in (DAY, "2026-11-06"):
        (Path(settings.landing) / "usage" / "native" / f"dt={day}").mkdir(parents=True)
    output = runner.invoke(status.command, []).output
    assert f"published: {snapshot_id}, newest day 2026-11-05" in output
    assert "campaigns: 1 suspected" in output
    assert "reports: 1 waiting for a person, 1 released" in output
    assert "landed but not yet processed: 2026-11-06" in output
    [row] = [line for line in output.splitlines() if line.startswith("2026-11-05")]
    assert row.split()[1:7] == ["6", "6", "0", "0", "passed", "passed"]


def test_status__before_anything_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLWATCH_HOME", str(tmp_path / "nothing"))
    monkeypatch.setenv("STILLWATCH_LANDING_URI", str(tmp_path))
    stillwatch.settings.get_settings.cache_clear()
    result = runner.invoke(status.command, [])
    stillwatch.settings.get_settings.cache_clear()
    assert result.exit_code == 0
    assert "no day has been ingested" in result.output
    assert "published: nothing yet" in result.output


def test_doctor__names_the_problem_and_what_to_do(settings: Settings) -> None:
    key = settings.config / "secrets" / "deployment.key"
    key.parent.mkdir()
    key.write_text("00" * 32)
    key.chmod(0o644)
    result = runner.invoke(doctor.command, [])
    assert result.exit_code == 1
    assert f"chmod 600 {key}" in result.output
    assert "problem  landing" in result.output


def test_doctor__missing_library_names_the_package(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_can_load", lambda name: "pango" not in name)
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    result = runner.invoke(doctor.command, [])
    assert (
        "-> sudo apt-get install --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0"
        in result.output
    )


def test_doctor__healthy_machine_exits_0(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (Path(settings.landing) / "usage").mkdir()
    monkeypatch.setattr(doctor, "_read_available_memory", lambda: 8_000_000_000)
    result = runner.invoke(doctor.command, [])
    assert result.output.endswith("Stillwatch can run here.\n")
    assert result.exit_code == 0
