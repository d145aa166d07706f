"""Vertex AI request-response logs and audit entries."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from stillwatch.sources.fields import FieldError
from stillwatch.sources.gcp_vertex_request_response import VertexAdapter

ADAPTER = VertexAdapter()
PATH = "projects/example-project/locations/europe-west4/publishers/google/models/meridian-pro"


def row(**changes: Any) -> dict[str, Any]:
    return {
        "endpoint": PATH,
        "logging_time": "2026-11-02T10:00:01Z",
        "request_id": "53",
        "api_method": "GenerateContent",
        "model": "publishers/google/models/meridian-pro",
        "full_request": {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
        "full_response": {"candidates": [{"finish_reason": "STOP"}]},
        "metadata": {"request_latency": 1000.4},
    } | changes


def entry(method: str = "GenerateContent", **changes: Any) -> dict[str, Any]:
    return {
        "protoPayload": {
            "serviceName": "aiplatform.googleapis.com",
            "methodName": f"google.cloud.aiplatform.v1.PredictionService.{method}",
            "resourceName": PATH,
            "authenticationInfo": {"principalEmail": "caller@example.com"},
            "requestMetadata": {"callerIp": "192.0.2.9", "callerSuppliedUserAgent": "sdk/1"},
        },
        "insertId": "i1",
        "timestamp": "2026-11-02T10:00:00.123456789Z",
    } | changes


def test_map_record__takes_the_project_as_account_and_the_arrival_as_time() -> None:
    fields = ADAPTER.map_record(row())
    assert (fields["account_id"], fields["model"]) == ("example-project", "meridian-pro")
    assert fields["event_at"] == datetime(2026, 11, 2, 10, tzinfo=UTC)
    assert (fields["latency_ms"], fields["prompt"]) == (1000, "Hi")
    created = row(full_response={"create_time": "2026-11-02T09:59:59Z"})
    assert ADAPTER.map_record(created)["event_at"] == datetime(2026, 11, 2, 9, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("value", ["53", 53, Decimal("53")])
def test_map_record__takes_a_request_id_as_text_or_number(value: Any) -> None:
    assert ADAPTER.map_record(row(request_id=value))["exchange_id"] == "53"


def test_map_record__opens_json_columns_and_refuses_broken_ones() -> None:
    whole = row()
    as_text = row(**{name: json.dumps(whole[name]) for name in ("full_request", "metadata")})
    assert ADAPTER.map_record(as_text) == ADAPTER.map_record(whole)
    with pytest.raises(FieldError, match="bad_value_full_request"):
        ADAPTER.map_record(row(full_request='{"contents": ['))


def test_map_record__reads_payloads_of_older_tables() -> None:
    request = json.dumps({"contents": [{"role": "user", "parts": [{"text": "Old"}]}]})
    replies = [json.dumps({"usageMetadata": {"promptTokenCount": 4}}), "no json"]
    fields = ADAPTER.map_record(
        row(full_request=None, full_response=None, request_payload=[request],
            response_payload=replies)
    )  # fmt: skip
    assert (fields["prompt"], fields["input_tokens"]) == ("Old", 4)


def test_map_record__counts_thoughts_as_output_and_as_reasoning() -> None:
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 29, "thoughtsTokenCount": 901}
    fields = ADAPTER.map_record(row(full_response={"usageMetadata": usage}))
    assert (fields["output_tokens"], fields["reasoning_tokens"]) == (930, 901)


def test_map_record__reads_contents_in_camel_case() -> None:
    request = {
        "systemInstruction": {"parts": [{"text": "You help."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "first"}]},
            {"role": "model", "parts": [{"text": "x", "thoughtSignature": "in"}]},
            {"role": "user", "parts": [{"functionResponse": {}}, {"text": "last"},
                                       {"inlineData": {"mimeType": "image/png"}}]},
        ],
        "tools": [{"functionDeclarations": [{}, {}]}, {"googleSearch": {}}],
        "generationConfig": {"maxOutputTokens": 9, "topP": 0.5, "candidateCount": 2},
    }  # fmt: skip
    part = {"text": "y", "thoughtSignature": "out"}
    reply = [{"candidates": [{"content": {"parts": [part]}}]}, {"candidates": []}]
    fields = ADAPTER.map_record(row(full_request=request, full_response=reply))
    assert (fields["prompt"], fields["system_prompt"]) == ("last", "You help.")
    assert (fields["tool_count"], fields["image_count"], fields["message_count"]) == (3, 1, 3)
    assert (fields["max_tokens"], fields["top_p"], fields["n"]) == (9, 0.5, 2)
    assert fields["artifacts_submitted"] == ["in"]
    assert fields["artifacts_issued"] == ["out"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "ok"),
        ({"full_response": {"candidates": [{"finishReason": "SAFETY"}]}}, "refused"),
        ({"full_response": {"promptFeedback": {"blockReason": "OTHER"}}}, "refused"),
        ({"full_response": {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}},
         "rate_limited"),
        ({"full_response": {"error": {"status": "PERMISSION_DENIED"}}}, "blocked"),
        ({"full_response": {"error": {"code": 500}}}, "error"),
        ({"metadata": {"status_code": "503"}}, "error"),
        ({"full_response": {"stop_reason": "refusal"}}, "refused"),
        ({"full_response": {"error": {"type": "rate_limit_error"}}}, "rate_limited"),
        ({"full_response": {"error": {"type": "permission_error"}}}, "blocked"),
        ({"full_response": {"error": {"type": "authentication_error"}}}, "blocked"),
        ({"full_response": {"error": {"type": "overloaded_error"}}}, "error"),
        ({"full_response": {"error": {"code": 403, "type": "api_error"}}}, "blocked"),
    ],
)  # fmt: skip
def test_map_record__tells_attempts_from_success(changes: dict[str, Any], status: str) -> None:
    assert ADAPTER.map_record(row(**changes))["status"] == status


def test_map_record__reads_audit_entries_of_model_calls() -> None:
    fields = ADAPTER.map_record(entry("StreamGenerateContent"))
    assert (fields["exchange_id"], fields["account_id"]) == ("i1", "example-project")
    assert (fields["api_key_id"], fields["client_ip"]) == ("caller@example.com", "192.0.2.9")
    assert (fields["model"], fields["stream"], fields["status"]) == ("meridian-pro", True, "ok")
    denied = entry()
    denied["protoPayload"]["status"] = {"code": 7}
    denied["protoPayload"]["requestMetadata"]["callerIp"] = "gce-internal-ip"
    fields = ADAPTER.map_record(denied)
    assert (fields["status"], fields["client_ip"]) == ("blocked", None)


@pytest.mark.parametrize(
    "record",
    [
        entry("CountTokens"),
        entry("SetPublisherModelConfig"),
        entry(operation={"id": "o", "last": True}),
        row(api_method="CountTokens"),
    ],
)
def test_map_record__says_what_is_not_an_exchange(record: dict[str, Any]) -> None:
    with pytest.raises(FieldError, match="not_an_exchange"):
        ADAPTER.map_record(record)


def test_map_record__leaves_an_account_that_no_name_holds_absent() -> None:
    fields = ADAPTER.map_record(row(endpoint=None))
    assert fields["account_id"] is None


def test_list_unknown__counts_columns_and_names_of_the_payload() -> None:
    assert list(ADAPTER.list_unknown(row(extra=1))) == ["extra"]
    odd = entry(extra=1)
    odd["protoPayload"]["more"] = 1
    assert list(ADAPTER.list_unknown(odd)) == ["protoPayload.more", "extra"]


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"input_tokens": 5, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 7},
         (42, 30)),
        ({"input_tokens": 5}, (5, None)),
        ({"prompt_token_count": 35, "cached_content_token_count": 30}, (35, 30)),
        ({"prompt_tokens": 35, "cache_read_input_tokens": 30}, (35, 30)),
        ({"input_tokens": 35, "input_tokens_details": {"cached_tokens": 30}}, (35, 30)),
        ({"inputTokens": 5, "cacheReadInputTokens": 30, "cacheWriteInputTokens": 7}, (42, 30)),
    ],
)  # fmt: skip
def test_map_record__counts_cached_tokens_as_input_whoever_counts(
    usage: dict[str, Any], counts: tuple[int, int | None]
) -> None:
    fields = ADAPTER.map_record(row(full_response={"usage": usage}))
    assert (fields["input_tokens"], fields.get("cached_input_tokens")) == counts


def test_map_record__adds_up_a_stream_whose_last_event_repeats_a_count() -> None:
    first = {"input_tokens": 5, "cache_read_input_tokens": 30, "output_tokens": 1}
    events = [
        {"type": "message_start", "message": {"usage": first}},
        {"type": "message_delta", "usage": {"input_tokens": 5, "output_tokens": 9}},
    ]
    fields = ADAPTER.map_record(row(full_response=events))
    assert (fields["input_tokens"], fields["output_tokens"]) == (35, 9)


def test_map_record__knows_no_artefacts_where_nothing_was_logged() -> None:
    fields = ADAPTER.map_record(row(full_request=None, full_response=None))
    assert fields.get("artifacts_issued") is fields.get("artifacts_submitted") is None
    fields = ADAPTER.map_record(row(full_request={"instances": [{}]}))
    assert fields["artifacts_submitted"] is None
