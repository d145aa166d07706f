"""Times, outcomes, addresses and JSON parts as the platforms write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stillwatch.sources.fields import FieldError
from stillwatch.sources.instants import (
    count_milliseconds,
    read_any,
    read_ticks,
    read_unix,
    read_utc,
)
from stillwatch.sources.json_parts import (
    drop_repeated,
    first,
    first_text,
    open_json,
    read_whole,
    try_json,
)
from stillwatch.sources.network import read_client_address
from stillwatch.sources.outcomes import is_refusal, judge_error, judge_grpc, judge_http

TEN = datetime(2026, 11, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-02T10:00:00Z", "2026-11-02 10:00:00", "2026-11-02 10:00:00 UTC",
        "2026-11-02T10:00:00.000000000Z", "2026-11-02T11:00:00+01:00", "2026-11-02 10:00:00+00",
        "2026-11-02 10:00:00.0000000", "2026-11-02T10:00:00GMT",
    ],
)  # fmt: skip
def test_read_utc__takes_every_spelling_of_an_instant(text: str) -> None:
    assert read_utc(text, "event_at") == TEN


def test_read_utc__takes_timestamps_with_and_without_a_zone() -> None:
    assert read_utc(TEN.replace(tzinfo=None), "event_at") == TEN
    assert read_utc(TEN.astimezone(), "event_at") == TEN


@pytest.mark.parametrize("value", ["yesterday", "2026-02-30T10:00:00Z", "2026-11-02", "1:00"])
def test_read_utc__refuses_what_is_no_time(value: str) -> None:
    with pytest.raises(FieldError, match="bad_time"):
        read_utc(value, "event_at")


@pytest.mark.parametrize("value", [7, 1.5, [], {}, True])
def test_read_utc__hands_on_what_is_no_text_for_the_check_of_all_formats(value: Any) -> None:
    assert read_utc(value, "event_at") == value


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (1793613600, "s"), ("1793613600", "s"), (1793613600.0, "s"), ("1.7936136E9", "s"),
        (1793613600000, "ms"), (1793613600000000, "us"), ("1793613600000000000", "ns"),
    ],
)  # fmt: skip
def test_read_unix__counts_in_every_unit(value: Any, unit: str) -> None:
    assert read_unix(value, unit, "event_at") == TEN
    assert read_any(value, "event_at") == TEN


def test_read_ticks__counts_from_the_year_one() -> None:
    assert read_ticks(639292104000000000, "event_at") == TEN
    assert read_ticks("639292104000000000", "event_at") == TEN


@pytest.mark.parametrize("value", [10**30, -(10**25), -9e13])
def test_read_any__refuses_times_outside_the_calendar(value: Any) -> None:
    with pytest.raises(FieldError, match="bad_time"):
        read_any(value, "event_at")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "1e999"])
def test_read_unix__never_raises_anything_but_a_field_error(value: Any) -> None:
    for unit in ("s", "ms", "us", "ns"):
        try:
            read_unix(value, unit, "event_at")
        except FieldError:
            continue
    try:
        read_any(value, "event_at")
    except FieldError:
        return


def test_count_milliseconds__needs_two_instants_in_order() -> None:
    assert count_milliseconds(TEN, TEN + timedelta(seconds=1, microseconds=999)) == 1000
    assert count_milliseconds(TEN, TEN - timedelta(seconds=1)) is None
    assert count_milliseconds("x", TEN) is None


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (200, "ok"), ("204", "ok"), (302, "ok"), (429, "rate_limited"), ("401", "blocked"),
        (403.0, "blocked"), (400, "error"), (500, "error"), (529, "error"), (99, None),
        ("", None), ("4290", None), (True, None), (None, None), ([], None), (float("nan"), None),
    ],
)  # fmt: skip
def test_judge_http__maps_codes(code: Any, status: str | None) -> None:
    assert judge_http(code) == status


def test_judge_grpc__maps_codes() -> None:
    judged = [judge_grpc(code) for code in (0, 7, 8, 13, 16, 17, "8", True)]
    assert judged == ["ok", "blocked", "rate_limited", "error", "blocked", None, None, None]


@pytest.mark.parametrize(
    ("names", "status"),
    [
        (("RateLimitError",), "rate_limited"), (("rate_limit_exceeded", 429), "rate_limited"),
        (("RESOURCE_EXHAUSTED",), "rate_limited"), (("BudgetExceededError",), "blocked"),
        (("AuthenticationError", "401"), "blocked"), (("PermissionDeniedError",), "blocked"),
        (("permission_error",), "blocked"),
        (("ContentPolicyViolationError", "400"), "refused"), (("content_filter",), "refused"),
        (("ResponsibleAIPolicyViolation",), "refused"), (("timeout",), "error"),
        ((None, 5.5, []), "error"), ((), "error"),
    ],
)  # fmt: skip
def test_judge_error__maps_names(names: tuple[Any, ...], status: str) -> None:
    assert judge_error(*names) == status


def test_is_refusal__knows_the_finish_reasons_of_all_families() -> None:
    for reason in ("content_filter", "refusal", "SAFETY", "PROHIBITED_CONTENT", "RECITATION"):
        assert is_refusal(["stop", reason])
    assert not is_refusal(["stop", "STOP", "length", "tool_calls", "MAX_TOKENS", None, 7, []])


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("192.0.2.7", "192.0.2.7"), ("192.0.2.7:443", "192.0.2.7"), ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"), ("192.0.2.7, 198.51.100.1", "192.0.2.7"),
        ("192.0.2.***", None), ("private", None), ("", None), ("example.com", None), (None, None),
    ],
)  # fmt: skip
def test_read_client_address__keeps_addresses_only(value: Any, address: str | None) -> None:
    assert read_client_address(value) == address


def test_json_parts__tell_absent_from_empty_and_whole_from_text() -> None:
    assert first({"a": None, "b": 0}, ("a", "b")) == 0
    assert first_text(None, "", "x") == "x"
    assert first_text("", None) is None
    assert [read_whole(v) for v in ("7", "-7", "7.0", "", "-", "٣", None)] == [
        7, -7, "7.0", "", "-", "٣", None,
    ]  # fmt: skip
    assert drop_repeated([{"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 2}]) == [
        {"a": 1, "b": 2}, {"a": 2},
    ]  # fmt: skip


def test_open_json__opens_text_and_refuses_what_is_cut_short() -> None:
    assert open_json('{"a": [1]}', "body") == {"a": [1]}
    assert open_json({"a": 1}, "body") == {"a": 1}
    assert open_json(" ", "body") is None
    with pytest.raises(FieldError, match="bad_value_body"):
        open_json('{"a": [1', "body")
    assert try_json('{"a": [1') == (None, True)
    assert try_json('{"a":' * 100 + "1" + "}" * 100) == (None, True)
