"""When a delivery day is over, and what kind of delivery it was."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from click.testing import CliRunner

from stillwatch.cli import cli
from stillwatch.errors import ConfigError
from stillwatch.settings import get_settings
from stillwatch.sources.delivery import DeliveryState, find_open
from stillwatch.sources.ingest import ingest_source
from stillwatch.sources.registry import find_source

DAY = date(2026, 11, 2)
BEFORE_SIX = datetime(2026, 11, 3, 5, 59, tzinfo=UTC)
AT_SIX = datetime(2026, 11, 3, 6, 0, tzinfo=UTC)
WEEKS_LATER = datetime(2026, 12, 1, tzinfo=UTC)


def configure(desk: Any, *lines: str) -> None:
    folder = desk.settings.config
    folder.mkdir(parents=True, exist_ok=True)
    entry = "".join(f"  {line}\n" for line in lines)
    (folder / "sources.yml").write_text(f"sources:\n- id: native\n{entry}")


def ingest(desk: Any, now: datetime = WEEKS_LATER, kind: str = "usage") -> DeliveryState:
    results = {result.kind: result for result in ingest_source(desk.settings, "native", DAY, now)}
    state = results[kind].state
    assert desk.ledger(kind=kind)["delivery_state"] == state.value
    return state


def test_state__tells_complete_empty_missing_and_refused(desk: Any) -> None:
    configure(desk, "format: native")
    assert ingest(desk) is DeliveryState.MISSING
    path = desk.land(b"\n")
    assert ingest(desk) is DeliveryState.EMPTY
    path.write_bytes(b"")
    assert ingest(desk) is DeliveryState.REFUSED
    desk.land([desk.exchange()], name="b.jsonl")
    assert ingest(desk) is DeliveryState.COMPLETE
    assert desk.ledger()["refused_file_count"] == 1


@pytest.mark.parametrize("marker", ["_NO_TRAFFIC", "_SUCCESS"])
def test_state__a_marker_without_files_is_an_empty_day_and_no_missing_one(
    desk: Any, marker: str
) -> None:
    configure(desk, "format: native", "marker: _SUCCESS")
    desk.land(b"", name=marker)
    assert ingest(desk) is DeliveryState.EMPTY
    assert desk.ledger()["has_no_traffic"] is (marker == "_NO_TRAFFIC")
    assert desk.ledger()["file_count"] == 0


def test_state__a_day_closes_by_its_hour(desk: Any) -> None:
    configure(desk, "format: native", "complete_after_hours: 6")
    desk.land([desk.exchange()])
    assert ingest(desk, BEFORE_SIX) is DeliveryState.OPEN
    assert desk.ledger()["accepted_count"] == 1
    (found,) = find_open(desk.settings, [DAY], BEFORE_SIX)
    assert found.describe() == ("usage of native for 2026-11-02 is open until 2026-11-03 06:00 UTC")
    assert ingest(desk, AT_SIX) is DeliveryState.COMPLETE
    assert find_open(desk.settings, [DAY], AT_SIX) == []


def test_state__a_day_closes_by_its_marker_or_at_last_by_the_clock(desk: Any) -> None:
    configure(desk, "format: native", "marker: _DONE")
    desk.land([desk.exchange()])
    assert ingest(desk, AT_SIX) is DeliveryState.OPEN
    (found,) = find_open(desk.settings, [DAY], AT_SIX)
    assert "until _DONE lands, at the latest 2026-11-04 00:00 UTC" in found.describe()
    assert ingest(desk, WEEKS_LATER) is DeliveryState.COMPLETE
    desk.land(b"", name="_DONE")
    assert find_open(desk.settings, [DAY], AT_SIX) == []
    assert ingest(desk, AT_SIX) is DeliveryState.COMPLETE


def test_state__a_source_without_a_rule_has_no_open_days(desk: Any) -> None:
    desk.land([desk.exchange()])
    long_before = datetime(2026, 10, 1, tzinfo=UTC)
    assert ingest(desk, long_before) is DeliveryState.COMPLETE
    assert find_open(desk.settings, [DAY], long_before) == []


def test_open__a_registry_that_never_comes_holds_up_nothing(desk: Any) -> None:
    configure(desk, "format: native", "marker: _SUCCESS")
    desk.land(b"", name="_SUCCESS")
    assert find_open(desk.settings, [DAY], AT_SIX) == []
    configure(desk, "format: native", "marker: _SUCCESS", "location: usage/native",
              "accounts_location: accounts/native")  # fmt: skip
    assert [item.kind for item in find_open(desk.settings, [DAY], AT_SIX)] == ["accounts"]


@pytest.mark.parametrize(
    ("lines", "kinds"),
    [
        (["format: native"], {"usage"}),
        (["location: usage/x"], {"usage"}),
        (["accounts_location: accounts/x"], {"accounts"}),
        (["location: usage/x", "accounts_location: accounts/x"], {"usage", "accounts"}),
        (["may_be_absent: true"], set()),
    ],
)
def test_required_kinds__are_what_the_entry_promises(
    desk: Any, lines: list[str], kinds: set[str]
) -> None:
    configure(desk, *lines)
    assert find_source(desk.settings, "native").required_kinds == kinds


def test_required_kinds__a_folder_that_was_only_found_promises_nothing(desk: Any) -> None:
    desk.land([desk.exchange()])
    assert find_source(desk.settings, "native").required_kinds == set()
    desk.ingest()
    assert desk.ledger()["absence"] == "unusual"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("location: /data/usage", "or a URL"),
        ("location: s3://inputs/usage", "add `format`"),
        ("location: s3://key:canary@inputs/usage", "holds credentials"),
        ("location: s3://inputs/usage?canary=1", "without query"),
        ("location: file:///", "names no folder"),
        ("marker: DONE", "marker"),
        ("connection: my_s3", "STILLWATCH_LANDING_CONNECTION"),
        ("secret: canary", "secret"),
    ],
)
def test_entry__a_wrong_location_is_named_without_its_secret(
    desk: Any, line: str, words: str
) -> None:
    configure(desk, line)
    with pytest.raises(ConfigError, match=r"sources\.yml") as error:
        find_source(desk.settings, "native")
    assert words in str(error.value)
    assert "canary" not in str(error.value)


@pytest.fixture
def invoke(desk: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in (
        ("HOME", desk.settings.home),
        ("LANDING_URI", desk.settings.landing_uri),
        ("CONFIG", desk.settings.config),
    ):
        monkeypatch.setenv(f"STILLWATCH_{name}", str(value))
    get_settings.cache_clear()
    yield lambda *arguments: CliRunner().invoke(cli, list(arguments))
    get_settings.cache_clear()


def test_commands__an_open_day_is_ingested_and_named_but_not_run(
    desk: Any, invoke: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stillwatch.sources.delivery.utc_now", lambda: BEFORE_SIX)
    configure(desk, "format: native", "complete_after_hours: 6")
    desk.land([desk.exchange()])
    ingested = invoke("ingest", "--date", str(DAY))
    assert ingested.exit_code == 0
    assert "open: usage of native for 2026-11-02 is open until 2026-11-03 06:00" in ingested.output
    refused = invoke("run", "--date", str(DAY))
    assert refused.exit_code == 1
    assert "--accept-open" in str(refused.exception)
    called: list[Any] = []

    def run_days(settings: Any, days: Any, report_days: Any) -> list[Any]:
        called.extend(days)
        return list(days)

    monkeypatch.setattr("stillwatch.pipeline.run_days", run_days)
    monkeypatch.setattr("stillwatch.cli.run._add_row", lambda *_: None)
    assert invoke("run", "--date", str(DAY), "--accept-open").exit_code == 0
    assert called == [DAY]


def test_run__needs_a_day_or_late_files(invoke: Any) -> None:
    for arguments in ((), ("--to", "2026-11-02"), ("--reopen", "--to", "2026-11-02")):
        result = invoke("run", *arguments)
        assert result.exit_code == 2
        assert "--date, or --reopen" in result.output
