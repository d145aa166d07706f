"""Bedrock model invocation logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stillwatch.canonical import EXCHANGES
from stillwatch.sources.aws_bedrock_invocation import BedrockInvocationAdapter
from stillwatch.sources.formats import ADAPTERS

SHARED = Path("/work/shared/data/log_formats/aws_bedrock/model_invocation_log.panther_tests.jsonl")
ARN = "arn:aws:sts::111122223333:assumed-role/app/session"


def log(**changes: Any) -> dict[str, Any]:
    return {
        "schemaType": "ModelInvocationLog",
        "timestamp": "2026-11-02T10:00:00Z",
        "accountId": "111122223333",
        "identity": {"arn": ARN},
        "region": "eu-west-1",
        "requestId": "r1",
        "operation": "Converse",
        "modelId": "example.model-v1",
        "input": {"inputTokenCount": 12, "cacheReadInputTokenCount": 3, "inputBodyJson": {}},
        "output": {"outputTokenCount": 34, "outputBodyJson": {"metrics": {"latencyMs": 249}}},
    } | changes


def convert(**changes: Any) -> dict[str, Any]:
    return BedrockInvocationAdapter().map_record(log(**changes))


def test_map_record__names_the_caller_and_leaves_the_region_out() -> None:
    fields = convert()
    assert (fields["account_id"], fields["organization_id"]) == (ARN, "111122223333")
    assert (fields["input_tokens"], fields["output_tokens"]) == (15, 34)  # 3 from the cache
    assert (fields["cached_input_tokens"], fields["latency_ms"]) == (3, 249)
    assert (fields["endpoint"], fields["stream"], fields["status"]) == ("Converse", False, "ok")
    assert "eu-west-1" not in str(fields)
    assert list(BedrockInvocationAdapter().list_unknown(log(extra=1))) == ["extra"]


def test_map_record__reads_a_converse_body() -> None:
    body = {
        "system": [{"text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [{"text": "old"}]},
            {
                "role": "assistant",
                "content": [{"reasoningContent": {"reasoningText": {"signature": "sig1"}}}],
            },
            {
                "role": "user",
                "content": [
                    {"text": "first part"},
                    {"image": {"format": "png"}},
                    {"text": "second part"},
                ],
            },
        ],
        "inferenceConfig": {"maxTokens": 512, "temperature": 0.2, "topP": 0.9},
        "toolConfig": {"tools": [{"toolSpec": {}}, {"toolSpec": {}}]},
        "requestMetadata": {"user_id": "u1"},
    }
    fields = convert(
        operation="ConverseStream",
        input={"inputBodyJson": body},
        output={
            "outputBodyJson": [
                {"contentBlockDelta": {"delta": {"reasoningContent": {"signature": "sig2"}}}}
            ]
        },
    )
    assert fields["prompt"] == "first part\nsecond part"
    assert fields["system_prompt"] == "Be brief."
    assert (fields["max_tokens"], fields["temperature"], fields["top_p"]) == (512, 0.2, 0.9)
    assert (fields["tool_count"], fields["image_count"], fields["message_count"]) == (2, 1, 3)
    assert (fields["stream"], fields["end_user_id"]) == (True, "u1")
    assert fields["artifacts_submitted"] == ["sig1"]
    assert fields["artifacts_issued"] == ["sig2"]


def test_map_record__reads_an_invoke_body_with_messages() -> None:
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 100,
        "system": "You help.",
        "messages": [
            {"role": "user", "content": "What is new?"},
            {"role": "assistant", "content": [{"type": "thinking", "signature": "s"}]},
            {"role": "user", "content": [{"type": "tool_result", "content": "42"}]},
        ],
        "tools": [{"name": "a"}],
        "metadata": {"user_id": "u2"},
    }
    fields = convert(operation="InvokeModel", input={"inputBodyJson": body})
    assert (fields["prompt"], fields["system_prompt"]) == ("What is new?", "You help.")
    assert (fields["max_tokens"], fields["tool_count"]) == (100, 1)
    assert (fields["artifacts_submitted"], fields["end_user_id"]) == (["s"], "u2")


@pytest.mark.parametrize(
    ("body", "prompt", "max_tokens"),
    [
        ({"inputText": "a b", "textGenerationConfig": {"maxTokenCount": 7}}, "a b", 7),
        ({"prompt": "c d", "max_gen_len": 8}, "c d", 8),
        ({"message": "e f", "max_tokens": 9, "p": 0.5}, "e f", 9),
    ],
)
def test_map_record__reads_bodies_of_other_model_families(
    body: dict[str, Any], prompt: str, max_tokens: int
) -> None:
    fields = convert(operation="InvokeModel", input={"inputBodyJson": body})
    assert (fields["prompt"], fields["max_tokens"]) == (prompt, max_tokens)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"errorCode": "ThrottlingException"}, "rate_limited"),
        ({"errorCode": "AccessDeniedException"}, "blocked"),
        ({"errorCode": "ValidationException"}, "error"),
        ({"output": {"outputBodyJson": {"stopReason": "guardrail_intervened"}}}, "refused"),
        ({"output": {"outputBodyJson": {"stop_reason": "refusal"}}}, "refused"),
        (
            {"output": {"outputBodyJson": {"amazon-bedrock-guardrailAction": "INTERVENED"}}},
            "refused",
        ),
        ({"output": {"outputBodyJson": [{"messageStop": {"stopReason": "end_turn"}}]}}, "ok"),
        ({"output": {"outputBodyJson": [{"delta": {"stop_reason": "refusal"}}]}}, "refused"),
        ({"output": None}, "ok"),
    ],
)
def test_map_record__tells_attempts_from_success(changes: dict[str, Any], status: str) -> None:
    assert convert(**changes)["status"] == status


def test_map_record__survives_any_shape_of_the_parts() -> None:
    for value in (None, 1, "x", [], [1, None, {"content": 3}], {"messages": "x", "tools": 4}):
        fields = convert(input={"inputBodyJson": value}, output={"outputBodyJson": value})
        assert fields["exchange_id"] == "r1"
        convert(input=value, output=value, identity=value)


def test_ingest__fills_only_the_columns_that_the_adapter_declares(desk: Any) -> None:
    body = {"messages": [{"role": "user", "content": [{"text": "one two three"}]}]}
    desk.land([log(input={"inputBodyJson": body, "inputTokenCount": 1})], source="cloud")
    result = desk.ingest(source="cloud")
    assert (result.source.format, result.accepted_count) == ("aws_bedrock_invocation", 1)
    (row,) = desk.rows(source="cloud")
    filled = {name for name, value in row.items() if value is not None}
    for format_id, adapter in ADAPTERS.items():
        assert adapter.columns <= set(EXCHANGES.names), format_id
    assert filled <= BedrockInvocationAdapter.columns
    assert row["account_id"] == ARN


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.exists(), reason="the shared data are not here")
def test_ingest__takes_genuine_records_and_keeps_the_first_of_one_request_id(desk: Any) -> None:
    records = [json.loads(line)["log"] for line in SHARED.read_text().splitlines()]
    moved = [record | {"timestamp": "2026-11-02 14:17:22.000000000"} for record in records]
    unique = [record | {"requestId": f"r{n}"} for n, record in enumerate(moved)]
    desk.land(unique, source="cloud")
    assert desk.ingest(source="cloud").accepted_count == len(records) == 8
    rows = desk.rows(source="cloud")
    assert [row["status"] for row in rows].count("refused") == 2
    assert all(row["has_text"] and row["prompt_fp"] for row in rows)
    desk.land(moved, source="again")
    again = desk.ingest(source="again")
    assert again.accepted_count == len({record["requestId"] for record in records})
    assert again.read_count == 8


def test_map_record__counts_what_went_through_the_cache_as_input() -> None:
    counts = {"inputTokenCount": 5, "cacheReadInputTokenCount": 30, "cacheWriteInputTokenCount": 7}
    fields = convert(input=counts)
    assert (fields["input_tokens"], fields["cached_input_tokens"]) == (42, 30)
    assert convert(input={"cacheReadInputTokenCount": 30})["input_tokens"] is None
    assert convert(input=counts | {"inputTokenCount": "5"})["input_tokens"] == "5"


def test_map_record__knows_artefacts_only_of_bodies_that_were_logged() -> None:
    body = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
    request = {"inputBodyJson": body}
    assert convert(input=request, output={})["artifacts_submitted"] == []
    assert convert(input=request, output={}).get("artifacts_issued") is None
    answer = {"output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}}}
    assert convert(input={}, output={"outputBodyJson": answer})["artifacts_issued"] == []
    assert convert(input={}, output={"outputBodyJson": answer}).get("artifacts_submitted") is None
