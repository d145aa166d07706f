"""OTLP JSON after the GenAI conventions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from adapter_kit import build, list_reasons, list_rows, parse

from stillwatch.sources.adapter import Joined
from stillwatch.sources.fields import FieldError
from stillwatch.sources.otel_genai import OtelGenAiAdapter

ADAPTER = OtelGenAiAdapter()
TRACE = "4bf92f3577b34da6a3ce929d0e0e4701"
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "example",
    "gen_ai.request.model": "meridian-1",
    "user.id": "acct_1",
}


def wrap(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [wrap(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": attributes(value)}}
    return {"stringValue": value}


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": wrap(value)} for name, value in values.items()]


def span(number: int = 1, events: Any = None, status: Any = None, **values: Any) -> dict[str, Any]:
    return {
        "traceId": TRACE,
        "spanId": f"00f067aa0ba902{number:02x}",
        "startTimeUnixNano": "1793613600000000000",
        "endTimeUnixNano": "1793613600250000000",
        "attributes": attributes({k: v for k, v in (CALL | values).items() if v is not None}),
        "events": events or [],
        "status": status or {},
    }


def export(*spans: Any, **resource: Any) -> dict[str, Any]:
    scope = {"scope": {"name": "example"}, "spans": list(spans)}
    return {
        "resourceSpans": [{"resource": {"attributes": attributes(resource)}, "scopeSpans": [scope]}]
    }


def log(name: str, values: dict[str, Any], body: Any = None, number: int = 1) -> dict[str, Any]:
    record = {
        "traceId": TRACE,
        "spanId": f"00f067aa0ba902{number:02x}",
        "timeUnixNano": "1793613600000000000",
        "eventName": name,
        "attributes": attributes(values),
        "body": None if body is None else wrap(body),
    }
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}


def convert(one: dict[str, Any], **resource: Any) -> dict[str, Any]:
    (record,) = ADAPTER.list_records(export(one, **resource))
    return ADAPTER.map_record(record)


def test_map_record__reads_ids_times_and_the_account() -> None:
    fields = convert(span())
    assert fields["exchange_id"] == f"{TRACE}/00f067aa0ba90201"
    assert fields["event_at"] == datetime(2026, 11, 2, 10, tzinfo=UTC)
    assert (fields["latency_ms"], fields["account_id"]) == (250, "acct_1")
    assert fields["end_user_id"] is None
    given = span(**{"account.id": "a1"})
    assert (convert(given)["account_id"], convert(given)["end_user_id"]) == ("a1", "acct_1")
    nameless = span(**{"user.id": None})
    assert convert(nameless, **{"service.name": "app"})["account_id"] == "app"
    assert convert(nameless)["account_id"] is None


NEW = {
    "gen_ai.usage.input_tokens": 5,
    "gen_ai.usage.output_tokens": 6,
    "gen_ai.usage.cache_read.input_tokens": 2,
    "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "S"}]),
    "gen_ai.input.messages": json.dumps(
        [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]
    ),
    "gen_ai.output.messages": json.dumps(
        [{"role": "assistant", "parts": [], "finish_reason": "content_filter"}]
    ),
}
STRUCTURED = NEW | {
    "gen_ai.system_instructions": [{"type": "text", "content": "S"}],
    "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}],
}
PREVIOUS = {
    "gen_ai.operation.name": None,
    "gen_ai.provider.name": None,
    "gen_ai.system": "example",
    "gen_ai.usage.prompt_tokens": 5,
    "gen_ai.usage.completion_tokens": 6,
    "gen_ai.usage.cache_read_input_tokens": 2,
    "gen_ai.prompt": json.dumps(
        [{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}]
    ),
    "gen_ai.completion": json.dumps([{"role": "assistant", "finish_reason": "content_filter"}]),
}
NUMBERED = PREVIOUS | {
    "gen_ai.prompt": None,
    "gen_ai.completion": None,
    "llm.request.type": "chat",
    "gen_ai.prompt.0.role": "system",
    "gen_ai.prompt.0.content": "S",
    "gen_ai.prompt.1.role": "user",
    "gen_ai.prompt.1.content": "Hi",
    "gen_ai.completion.0.finish_reason": "content_filter",
}


@pytest.mark.parametrize("values", [NEW, STRUCTURED, PREVIOUS, NUMBERED])
def test_map_record__reads_current_and_earlier_names_alike(values: dict[str, Any]) -> None:
    fields = convert(span(**values))
    assert (fields["prompt"], fields["system_prompt"]) == ("Hi", "S")
    assert (fields["input_tokens"], fields["output_tokens"]) == (5, 6)
    assert fields["cached_input_tokens"] == 2
    assert (fields["model"], fields["status"]) == ("meridian-1", "refused")


EVENTS = [
    {"name": "gen_ai.system.message", "attributes": attributes({"content": "S"})},
    {"name": "gen_ai.user.message", "attributes": attributes({"content": "Hi", "role": "user"})},
    {
        "name": "gen_ai.choice",
        "attributes": attributes({"finish_reason": "content_filter", "message": '{"content":""}'}),
    },
]
OLD_EVENTS = [
    {
        "name": "gen_ai.content.prompt",
        "attributes": attributes({"gen_ai.prompt": PREVIOUS["gen_ai.prompt"]}),
    },
    {
        "name": "gen_ai.content.completion",
        "attributes": attributes({"gen_ai.completion": PREVIOUS["gen_ai.completion"]}),
    },
]


@pytest.mark.parametrize("events", [EVENTS, OLD_EVENTS])
def test_map_record__reads_content_from_events(events: list[Any]) -> None:
    fields = convert(span(events=events))
    assert (fields["prompt"], fields["system_prompt"]) == ("Hi", "S")
    assert fields["status"] == "refused"


def test_map_record__reads_artefacts_images_and_tools() -> None:
    parts = [
        {"type": "text", "content": "Look"},
        {"type": "blob", "modality": "image", "content": "aGk="},
        {"type": "blob", "modality": "audio", "content": "aGk="},
    ]
    asked = [
        {"role": "assistant", "parts": [{"type": "reasoning", "content": "", "signature": "in"}]},
        {"role": "user", "parts": parts},
    ]
    answered = [{"role": "assistant", "parts": [{"type": "reasoning", "encrypted_content": "out"}]}]
    fields = convert(
        span(
            **{
                "gen_ai.input.messages": json.dumps(asked),
                "gen_ai.output.messages": json.dumps(answered),
                "gen_ai.tool.definitions": '[{"name":"a"},{"name":"b"}]',
            }
        )
    )
    assert (fields["image_count"], fields["tool_count"], fields["message_count"]) == (1, 2, 2)
    assert (fields["artifacts_submitted"], fields["artifacts_issued"]) == (["in"], ["out"])


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"error.type": "429"}, "rate_limited"),
        ({"error.type": "RateLimitError"}, "rate_limited"),
        ({"error.type": "403"}, "blocked"),
        ({"error.type": "content_filter"}, "refused"),
        ({"error.type": "timeout"}, "error"),
        ({"gen_ai.response.finish_reasons": ["stop"]}, "ok"),
        ({"gen_ai.response.finish_reasons": ["content_filter"]}, "refused"),
    ],
)
def test_map_record__maps_errors_and_finish_reasons(values: dict[str, Any], status: str) -> None:
    assert convert(span(**values))["status"] == status


def test_map_record__takes_a_failed_span_without_a_type_by_its_exception() -> None:
    thrown = {"name": "exception", "attributes": attributes({"exception.type": "RateLimitError"})}
    assert convert(span(status={"code": 2}, events=[thrown]))["status"] == "rate_limited"
    assert convert(span(status={"code": 2}))["status"] == "error"


@pytest.mark.parametrize(
    "values",
    [
        {"gen_ai.operation.name": "execute_tool"},
        {"gen_ai.operation.name": "invoke_agent"},
        {"gen_ai.operation.name": None, "gen_ai.request.model": None, "http.route": "/"},
        {"gen_ai.operation.name": None, "traceloop.span.kind": "workflow"},
    ],
)
def test_map_record__says_what_is_not_an_exchange(values: dict[str, Any]) -> None:
    with pytest.raises(FieldError, match="not_an_exchange"):
        convert(span(**values))


def test_map_record__joins_a_log_record_with_its_span() -> None:
    lines = [
        log("gen_ai.user.message", {}, {"content": "Hi", "role": "user"}),
        export(span()),
        log("gen_ai.client.inference.operation.details", NEW, number=2),
        export(span(2)),
    ]
    chunks = build("otel_genai", parse(lines))
    assert list_reasons(chunks) == []
    rows = list_rows(chunks)
    assert [(row["has_text"], row["prompt_char_count"]) for row in rows] == [(True, 2), (True, 2)]


def test_map_record__takes_a_log_record_with_all_details_for_the_exchange() -> None:
    details = log("gen_ai.client.inference.operation.details", CALL | NEW)
    (record,) = ADAPTER.list_records(details)
    fields = ADAPTER.map_record(record)
    assert (fields["prompt"], fields["account_id"]) == ("Hi", "acct_1")
    assert fields["exchange_id"] == f"{TRACE}/00f067aa0ba90201"
    chunks = build("otel_genai", parse([log("gen_ai.user.message", {"content": "Hi"})]))
    assert list_reasons(chunks) == ["incomplete_exchange"]


def test_map_record__refuses_two_different_spans_with_the_same_ids() -> None:
    other = span(**{"gen_ai.usage.input_tokens": 9})
    again = Joined(parts=[{"span": span()}, {"span": span()}])
    assert ADAPTER.map_record(again)["model"] == "meridian-1"
    with pytest.raises(FieldError, match="conflict"):
        ADAPTER.map_record(Joined(parts=[{"span": span()}, {"span": other}]))


def test_ingest__takes_each_span_of_an_export_by_itself() -> None:
    broken = span(2, **{"gen_ai.request.temperature": "hot"})
    http = span(3, **{"gen_ai.operation.name": None, "gen_ai.request.model": None})
    lines = [export(span(), "x", broken, http, span(4)), {"resourceMetrics": []}, export()]
    chunks = build("otel_genai", parse(lines))
    assert [row["exchange_id"][-2:] for row in list_rows(chunks)] == ["01", "04"]
    rejects = sorted(
        (r.line_number, r.reason, r.detail[:8]) for chunk in chunks for r in chunk.rejects
    )
    assert rejects == [
        (1, "bad_type_temperature", "record 3"),
        (1, "not_an_exchange", "record 4"),
        (1, "not_object", "record 2"),
        (2, "not_an_exchange", "the span"),
        (3, "not_an_exchange", "the span"),
    ]


def test_map_record__has_no_id_where_the_ids_are_zero() -> None:
    assert convert(span() | {"spanId": "0" * 16})["exchange_id"] is None


def test_list_unknown__counts_span_names_and_genai_attributes() -> None:
    odd = span(**{"gen_ai.request.mood": "x", "app.color": "blue"}) | {"color": 1}
    (record,) = ADAPTER.list_records(export(odd))
    assert list(ADAPTER.list_unknown(record)) == ["attributes.gen_ai.request.mood", "color"]


def test_map_record__never_says_that_there_were_no_artefacts() -> None:
    messages = json.dumps([{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}])
    answer = json.dumps([{"role": "assistant", "content": "Hello"}])
    fields = convert(span(**{"gen_ai.input.messages": messages, "gen_ai.output.messages": answer}))
    assert fields["artifacts_issued"] is fields["artifacts_submitted"] is None
    assert (fields["message_count"], fields["system_prompt"]) == (1, "S")
