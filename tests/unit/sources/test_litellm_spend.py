"""LiteLLM spend logs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stillwatch.sources.fields import FieldError
from stillwatch.sources.litellm_spend import LiteLlmSpendAdapter

ADAPTER = LiteLlmSpendAdapter()
TEN = datetime(2026, 11, 2, 10, tzinfo=UTC)


def row(**changes: Any) -> dict[str, Any]:
    return {
        "request_id": "r1",
        "call_type": "acompletion",
        "api_key": "hash",
        "user": "owner",
        "team_id": "team",
        "startTime": "2026-11-02 10:00:00.000000",
        "endTime": "2026-11-02T10:00:00.250Z",
        "model": "meridian-1",
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "status": "success",
        "metadata": "{}",
    } | changes


@pytest.mark.parametrize(
    ("changes", "account"),
    [
        ({}, "owner"),
        ({"user": ""}, "hash"),
        ({"user": None, "api_key": ""}, "team"),
        ({"user": "", "metadata": {"user_api_key_user_id": "other"}}, "other"),
        ({"user": "", "api_key": "", "team_id": ""}, None),
    ],
)
def test_map_record__takes_the_owner_of_the_key_as_account(
    changes: dict[str, Any], account: str | None
) -> None:
    assert ADAPTER.map_record(row(**changes)).get("account_id") == account


@pytest.mark.parametrize(
    "start",
    ["2026-11-02 10:00:00.000000", "2026-11-02T10:00:00+00:00", 1793613600.0, TEN,
     TEN.replace(tzinfo=None)],
)  # fmt: skip
def test_map_record__takes_times_without_a_zone_as_utc(start: Any) -> None:
    fields = ADAPTER.map_record(row(startTime=start, endTime=TEN + timedelta(seconds=1)))
    assert (fields["event_at"], fields["latency_ms"]) == (TEN, 1000)


def test_map_record__takes_the_duration_that_the_proxy_measured() -> None:
    assert ADAPTER.map_record(row(request_duration_ms=77))["latency_ms"] == 77


@pytest.mark.parametrize("as_text", [True, False])
def test_map_record__reads_the_stored_request(as_text: bool) -> None:
    request: Any = {"messages": [{"role": "user", "content": "Hi"}], "tools": [{}], "top_p": 0.1}
    reply: Any = {"choices": [{"finish_reason": "content_filter"}]}
    if as_text:
        request, reply = json.dumps(request), json.dumps(reply)
    fields = ADAPTER.map_record(row(proxy_server_request=request, response=reply, messages={}))
    assert (fields["prompt"], fields["tool_count"], fields["top_p"]) == ("Hi", 1, 0.1)
    assert fields["status"] == "refused"


def test_map_record__reads_messages_alone_without_guessing_tools() -> None:
    messages = [{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}]
    fields = ADAPTER.map_record(row(messages=messages, proxy_server_request="{}"))
    assert (fields["prompt"], fields["system_prompt"]) == ("Hi", "S")
    assert "tool_count" not in fields
    assert ADAPTER.map_record(row(messages='"plain"'))["prompt"] == "plain"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"error_code": "429", "error_class": "RateLimitError"}, "rate_limited"),
        ({"error_code": "400", "error_class": "ContentPolicyViolationError"}, "refused"),
        ({"error_code": "400", "error_class": "BudgetExceededError"}, "blocked"),
        ({"error_code": "401"}, "blocked"),
        ({"error_class": "Timeout"}, "error"),
        ({}, "error"),
    ],
)
def test_map_record__maps_failures(error: dict[str, Any], status: str) -> None:
    fields = ADAPTER.map_record(row(status="failure", metadata={"error_information": error}))
    assert fields["status"] == status


def test_map_record__names_the_client() -> None:
    fields = ADAPTER.map_record(
        row(
            requester_ip_address="192.0.2.9, 198.51.100.1",
            request_tags=["User-Agent: sdk", "User-Agent: sdk/1.2", "blue"],
            end_user="u1",
        )
    )
    assert (fields["client_ip"], fields["user_agent"]) == ("192.0.2.9", "sdk/1.2")
    assert fields["end_user_id"] == "u1"


@pytest.mark.parametrize(
    "call", ["call_mcp_tool", "list_mcp_tools", "aretrieve_batch", "afile_delete", "acreate_batch"]
)
def test_map_record__says_what_is_not_an_exchange(call: str) -> None:
    with pytest.raises(FieldError, match="not_an_exchange"):
        ADAPTER.map_record(row(call_type=call))


@pytest.mark.parametrize(
    "call",
    ["completion", "acompletion", "atext_completion", "aresponses", "anthropic_messages",
     "agenerate_content_stream", "aembedding", "allm_passthrough_route", "pass_through_endpoint"],
)  # fmt: skip
def test_map_record__takes_every_call_of_a_model(call: str) -> None:
    assert ADAPTER.map_record(row(call_type=call))["endpoint"] == call


def test_list_unknown__counts_columns_and_names_of_the_metadata() -> None:
    assert list(ADAPTER.list_unknown(row(extra=1, metadata='{"more": 1, "status": null}'))) == [
        "metadata.more",
        "extra",
    ]


MESSAGES = [{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    ("changes", "stream"),
    [
        ({"proxy_server_request": {"model": "m", "messages": MESSAGES}}, False),
        ({"proxy_server_request": {"messages": MESSAGES, "stream": True}}, True),
        ({"proxy_server_request": {"body": {"model": "m"}}, "messages": MESSAGES}, False),
        (
            {"proxy_server_request": {"url": "https://proxy.example.com"}, "messages": MESSAGES},
            None,
        ),
        ({"messages": MESSAGES}, None),
    ],
)
def test_map_record__knows_streams_and_tools_only_of_a_stored_body(
    changes: dict[str, Any], stream: bool | None
) -> None:
    fields = ADAPTER.map_record(row(**changes))
    assert (fields.get("stream"), fields["message_count"]) == (stream, 1)
    assert ("tool_count" in fields) == (stream is not None)


def test_map_record__takes_the_proxys_count_which_includes_the_cache() -> None:
    usage = {"prompt_tokens": 40, "cache_read_input_tokens": 30}
    fields = ADAPTER.map_record(row(prompt_tokens=40, metadata={"usage_object": usage}))
    assert (fields["input_tokens"], fields["cached_input_tokens"]) == (40, 30)
