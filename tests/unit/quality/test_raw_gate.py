"""The raw gate on a few hand-made canonical rows."""

from __future__ import annotations

import contextlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from small_home import (
    DAY,
    at,
    make_account,
    make_exchange,
    make_record,
    make_settings,
    write_day,
    write_record,
    write_rows,
)

from stillwatch.errors import GateFailed
from stillwatch.quality.gates import check_day
from stillwatch.quality.results import read_outcome
from stillwatch.runs import get_paths
from stillwatch.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = make_settings(tmp_path)
    write_day(settings)
    return settings


def find_failed(settings: Settings) -> dict[str, str]:
    """Run the gate, passed or not, and return the severity of what failed by its name."""
    with contextlib.suppress(GateFailed):
        check_day(settings, DAY, "raw")
    outcome = read_outcome(get_paths(settings), DAY, "raw")
    assert outcome is not None
    return {row.expectation: row.severity.value for row in outcome.rows if not row.success}


def write_exchanges(settings: Settings, changes: dict[str, Any], count: int = 6) -> None:
    rows = [make_exchange(0, **changes), *(make_exchange(n) for n in range(1, count))]
    write_rows(settings, "exchanges", DAY, rows)


def test_raw_gate__good_day_passes_and_is_in_the_ledger(settings: Settings) -> None:
    outcome = check_day(settings, DAY, "raw")
    assert outcome.passed
    assert outcome.failed_warning == ()
    written = json.loads(
        (get_paths(settings).ledger / "quality" / f"dt={DAY}" / "raw.json").read_text()
    )
    assert written["gate"] == "raw"
    assert len(written["rows"]) == len(outcome.rows) > 40
    keys = [(row["suite"], row["expectation"], row["column_name"]) for row in written["rows"]]
    assert len(set(keys)) == len(keys)


def test_raw_gate__same_rows_give_the_same_ledger(settings: Settings) -> None:
    path = get_paths(settings).ledger / "quality" / f"dt={DAY}" / "raw.json"
    check_day(settings, DAY, "raw")
    first = path.read_bytes()
    check_day(settings, DAY, "raw")
    assert path.read_bytes() == first


def test_raw_gate__bad_rows_stop_the_line(settings: Settings) -> None:
    early, late = DAY - timedelta(days=40), DAY + timedelta(days=2)
    bad_rows = {
        "expect_column_values_to_be_unique (exchange_key)": {"exchange_key": "x11050"},
        "expect_column_values_to_be_in_set (status)": {"status": "fine"},
        "expect_column_values_to_be_in_set (capability_code)": {"capability_code": "magic"},
        "expect_column_values_to_be_between (event_hour)": {"event_hour": 25},
        "expect_column_values_to_be_between (output_tokens)": {"output_tokens": -1},
        "event_is_within_the_delivery_window": {"event_at": at(early), "event_date": early},
        "event_day_and_hour_agree_with_the_instant": {"event_at": at(late)},
        "address_has_its_range_form": {"ip_hex": None},
        "delivered_date_is_the_day": {"delivered_date": early},
    }
    rows = [make_exchange(n, **changes) for n, changes in enumerate(bad_rows.values(), start=1)]
    write_rows(settings, "exchanges", DAY, [make_exchange(0), *rows])
    write_record(settings, make_record("usage", len(rows) + 1))
    with pytest.raises(GateFailed):
        check_day(settings, DAY, "raw")
    outcome = read_outcome(get_paths(settings), DAY, "raw")
    assert outcome is not None
    failed = {
        row.expectation + (f" ({row.column_name})" if row.column_name else ""): row.unexpected_count
        for row in outcome.failed_critical
    }
    # Two rows share a key, two lie outside the window, two disagree with their hour.
    assert failed == {
        **dict.fromkeys(bad_rows, 1),
        "expect_column_values_to_be_unique (exchange_key)": 2,
        "event_is_within_the_delivery_window": 2,
        "event_day_and_hour_agree_with_the_instant": 2,
    }


@pytest.mark.parametrize(("hours", "is_outside"), [(24, False), (25, True)])
def test_raw_gate__clock_skew_after_the_day_is_tolerated_for_an_hour(
    settings: Settings, hours: int, is_outside: bool
) -> None:
    event_at = at(DAY, 0) + timedelta(hours=hours)
    changes = {"event_at": event_at, "event_date": event_at.date(), "event_hour": event_at.hour}
    write_exchanges(settings, changes)
    assert ("event_is_within_the_delivery_window" in find_failed(settings)) is is_outside


def test_raw_gate__null_key_column_stops_the_line(settings: Settings) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = get_paths(settings).canonical / "exchanges" / f"dt={DAY}" / "source=native"
    table = pq.read_table(folder / "part-0.parquet", partitioning=None)
    position = table.schema.get_field_index("account_key")
    empty = pa.nulls(table.num_rows, pa.string())
    pq.write_table(table.set_column(position, "account_key", empty), folder / "part-0.parquet")
    assert find_failed(settings)["expect_column_values_to_not_be_null"] == "critical"


def test_raw_gate__message_names_the_first_failed_expectation(settings: Settings) -> None:
    write_exchanges(settings, {"status": "fine"})
    with pytest.raises(
        GateFailed, match=r"gate raw of 2026-11-05 failed: raw\.exchanges: .*\(status\): 1 of 6"
    ):
        check_day(settings, DAY, "raw")


def test_raw_gate__no_value_of_a_row_reaches_the_ledger_or_the_log(
    settings: Settings, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "canary-5f2d"
    write_exchanges(settings, {"status": secret, "account_key": secret, "client_ip": secret})
    assert "expect_column_values_to_be_in_set" in find_failed(settings)
    written = (get_paths(settings).ledger / "quality" / f"dt={DAY}" / "raw.json").read_text()
    printed = capfd.readouterr()
    assert secret not in written + caplog.text + printed.out + printed.err


def test_raw_gate__only_addresses_stop_the_line(settings: Settings) -> None:
    nothing = {"api_key_token": None, "user_agent_token": None, "ja4": None, "prompt_fp": None}
    rows = [make_exchange(n, **nothing) for n in range(6)]
    write_rows(settings, "exchanges", DAY, rows)
    bare = {"email_domain": None, "payment_token": None}
    write_rows(settings, "accounts", DAY, [make_account(n, **bare) for n in range(3)])
    assert find_failed(settings)["an_identifier_besides_the_address_is_present"] == "critical"


def test_raw_gate__identifiers_of_the_registry_are_enough(settings: Settings) -> None:
    nothing = {"api_key_token": None, "user_agent_token": None, "ja4": None, "prompt_fp": None}
    write_rows(settings, "exchanges", DAY, [make_exchange(n, **nothing) for n in range(6)])
    failed = find_failed(settings)
    assert "an_identifier_besides_the_address_is_present" not in failed
    assert "critical" not in failed.values()


def test_raw_gate__a_landed_feed_that_cannot_be_used_is_a_warning(settings: Settings) -> None:
    folder = Path(settings.landing) / "feeds" / "peer_list"
    folder.mkdir(parents=True)
    (folder / "feed.yml").write_text("kind: cidr_list\n")
    assert find_failed(settings) == {"landed_feeds_are_usable": "warning"}
    outcome = read_outcome(get_paths(settings), DAY, "raw")
    assert outcome is not None
    (row,) = [row for row in outcome.rows if not row.success]
    assert row.observed == "1 landed feeds are not used: peer_list"
    assert row.confidence_effect == "what peer_list would say is missing"


def test_raw_gate__missing_optional_columns_are_warnings(settings: Settings) -> None:
    nothing = {"client_ip": None, "ip_hex": None, "ja4": None, "user_agent_token": None}
    write_rows(settings, "exchanges", DAY, [make_exchange(n, **nothing) for n in range(6)])
    outcome = check_day(settings, DAY, "raw")
    assert {row.column_name for row in outcome.failed_warning} == {
        "client_ip",
        "ja4",
        "user_agent_token",
    }
    assert all(row.confidence_effect for row in outcome.failed_warning)


def test_raw_gate__no_traffic_delivered_is_a_warning(settings: Settings) -> None:
    for name in ("exchanges", "accounts"):
        write_rows(settings, name, DAY, [])
    for kind in ("usage", "accounts"):
        write_record(settings, make_record(kind, 0, file_count=0, files=[]))
    outcome = check_day(settings, DAY, "raw")
    assert {row.expectation for row in outcome.failed_warning} == {
        "rows_were_there",
        "files_were_delivered_and_readable",
    }


def test_raw_gate__delivered_files_without_rows_stop_the_line(settings: Settings) -> None:
    write_rows(settings, "exchanges", DAY, [])
    write_record(settings, make_record("usage", 0))
    assert find_failed(settings)["rows_were_there"] == "critical"


def test_raw_gate__day_that_was_never_ingested_stops_the_line(tmp_path: Path) -> None:
    with pytest.raises(GateFailed, match="usage_sources_were_ingested: 0 sources"):
        check_day(make_settings(tmp_path), DAY, "raw")


def test_raw_gate__canonical_rows_that_the_ledger_does_not_know_stop_the_line(
    settings: Settings,
) -> None:
    write_record(settings, make_record("usage", 5))
    assert find_failed(settings)["accepted_rows_are_stored"] == "critical"


def test_raw_gate__account_described_twice_stops_the_line(settings: Settings) -> None:
    write_rows(settings, "accounts", DAY, [make_account(0), make_account(0), make_account(1)])
    assert find_failed(settings)["expect_compound_columns_to_be_unique"] == "critical"
