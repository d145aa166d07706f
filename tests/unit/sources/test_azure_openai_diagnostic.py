"""Azure Monitor records of Azure OpenAI and API Management."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from adapter_kit import build, list_reasons, list_rows, parse

from stillwatch.sources.adapter import Joined
from stillwatch.sources.azure_openai_diagnostic import AzureDiagnosticAdapter
from stillwatch.sources.fields import FieldError

RESOURCE = "/SUBSCRIPTIONS/SUB-1/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.{}/{}/ONE"
MODELS = RESOURCE.format("COGNITIVESERVICES", "ACCOUNTS")
APIM = RESOURCE.format("APIMANAGEMENT", "SERVICE")
ADAPTER = AzureDiagnosticAdapter()


def model_record(changes: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    return {
        "time": "2026-11-02T10:00:05Z",
        "category": "RequestResponse",
        "operationName": "ChatCompletions_Create",
        "correlationId": "c1",
        "resourceId": MODELS,
        "resultSignature": "200",
        "callerIpAddress": "192.0.2.***",
        "durationMs": 900,
        "properties": {"modelName": "meridian-1", "objectId": "", **properties},
    } | (changes or {})


def gateway_record(**properties: Any) -> dict[str, Any]:
    return {
        "time": "2026-11-02T10:00:00Z",
        "category": "GatewayLogs",
        "correlationId": "c1",
        "resourceId": APIM,
        "callerIpAddress": "192.0.2.9",
        "durationMs": 300,
        "properties": {
            "url": "https://gateway.example.com/deployments/pilot/chat/completions?v=1",
            "responseCode": 200,
            "apimSubscriptionId": "sub-a",
        }
        | properties,
    }


def llm_record(number: int = 0, **properties: Any) -> dict[str, Any]:
    return {
        "time": "2026-11-02T10:00:00Z",
        "category": "GatewayLlmLogs",
        "correlationId": "c1",
        "resourceId": APIM,
        "properties": {"sequenceNumber": number, **properties},
    }


def header(**properties: Any) -> dict[str, Any]:
    return llm_record(
        **{"modelName": "meridian-1", "promptTokens": 5, "completionTokens": 7} | properties
    )


def join(*records: dict[str, Any]) -> dict[str, Any]:
    return ADAPTER.map_record(Joined(parts=list(records)))


def test_map_record__takes_the_resource_as_account_and_masks_no_address_into_columns() -> None:
    fields = ADAPTER.map_record(model_record())
    assert fields["account_id"] == MODELS.lower()
    assert fields["organization_id"] == "sub-1"
    assert fields["client_ip"] is None
    assert (fields["latency_ms"], fields["status"], fields["model"]) == (900, "ok", "meridian-1")
    assert fields["event_at"] == datetime(2026, 11, 2, 10, 0, 5, tzinfo=UTC)


def test_map_record__takes_the_time_of_the_request_before_that_of_the_log() -> None:
    fields = ADAPTER.map_record(model_record(requestTime=639292104000000000))
    assert fields["event_at"] == datetime(2026, 11, 2, 10, tzinfo=UTC)


def test_map_record__opens_properties_that_are_text_and_knows_streams() -> None:
    properties = {"modelDeploymentName": "pilot", "streamType": "Streaming", "objectId": "o1"}
    fields = ADAPTER.map_record(model_record({"properties": json.dumps(properties)}))
    assert (fields["model"], fields["stream"], fields["api_key_id"]) == ("pilot", True, "o1")
    assert ADAPTER.map_record(model_record(streamType="Non-Streaming"))["stream"] is False
    with pytest.raises(FieldError, match="bad_value_properties"):
        ADAPTER.map_record(model_record({"properties": "{"}))


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"resultSignature": "429"}, "rate_limited"), ({"resultSignature": "401"}, "blocked"),
        ({"resultSignature": "400"}, "error"), ({"resultSignature": 500}, "error"),
        ({"resultSignature": "content_filter"}, "refused"), ({"resultSignature": "200"}, "ok"),
    ],
)  # fmt: skip
def test_map_record__maps_the_result(changes: dict[str, Any], status: str) -> None:
    assert ADAPTER.map_record(model_record(changes))["status"] == status


@pytest.mark.parametrize(
    "record",
    [
        model_record({"operationName": "Create_Thread"}) | {"properties": {"objectId": ""}},
        model_record({"operationName": "ListModels_List"}),
        model_record({"category": "Audit"}),
        model_record({"category": "AuditEvent"}),
        gateway_record(url="https://gateway.example.com/orders/1"),
        {"records": []},
        {"records": "x"},
    ],
)
def test_map_record__says_what_is_not_an_exchange(record: dict[str, Any]) -> None:
    with pytest.raises(FieldError, match="not_an_exchange"):
        ADAPTER.map_record(record)


def test_map_record__puts_caller_tokens_and_messages_of_one_call_together() -> None:
    pieces = [
        llm_record(2, requestMessages=[{"role": "user", "content": "part two"}]),
        llm_record(
            1,
            requestMessages=[
                {"role": "system", "content": "You help."},
                {"role": "user", "content": "part one, "},
            ],
        ),
        llm_record(3, responseMessages=[{"role": "assistant", "content": "Done."}]),
    ]
    fields = join(*pieces, header(isStreamCompletion=True), gateway_record())
    assert fields["prompt"] == "part one, part two"
    assert (fields["system_prompt"], fields["message_count"]) == ("You help.", 1)
    assert (fields["input_tokens"], fields["output_tokens"], fields["stream"]) == (5, 7, True)
    assert (fields["account_id"], fields["api_key_id"]) == ("sub-a", "sub-a")
    assert (fields["client_ip"], fields["latency_ms"]) == ("192.0.2.9", 300)
    assert (fields["model"], fields["endpoint"]) == ("meridian-1", "/chat/completions")
    assert "tool_count" not in fields  # messages do not tell of tools


def test_map_record__joins_messages_whose_json_text_was_cut() -> None:
    text = json.dumps([{"role": "user", "content": "one two three"}])
    fields = join(
        header(), llm_record(1, requestMessages=text[:20]), llm_record(2, requestMessages=text[20:])
    )
    assert fields["prompt"] == "one two three"
    assert "prompt" not in join(header(), llm_record(1, requestMessages=text[:20]))


def test_map_record__reads_bodies_that_the_gateway_logged() -> None:
    body = {
        "model": "meridian-1",
        "tools": [{"type": "function"}],
        "temperature": 0.5,
        "messages": [{"role": "user", "content": "Hi there"}],
    }
    stream = (
        'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
        'data: {"choices":[{"finish_reason":"content_filter"}],"usage":{"prompt_tokens":3}}\n\n'
        "data: [DONE]\n"
    )
    fields = ADAPTER.map_record(
        gateway_record(
            requestBody=json.dumps(body),
            responseBody=stream,
            requestHeaders=json.dumps({"user-agent": ["sdk/1"]}),
        )
    )
    assert (fields["prompt"], fields["tool_count"], fields["temperature"]) == ("Hi there", 1, 0.5)
    assert (fields["status"], fields["input_tokens"]) == ("refused", 3)
    assert (fields["user_agent"], fields["model"]) == ("sdk/1", "meridian-1")
    cut = ADAPTER.map_record(gateway_record(requestBody=json.dumps(body)[:30]))
    assert (cut.get("prompt"), cut["model"]) == (None, "pilot")


@pytest.mark.parametrize(
    ("properties", "status"),
    [
        ({"responseCode": 429}, "rate_limited"),
        ({"responseCode": 403}, "blocked"),
        ({"responseCode": 500}, "error"),
        ({"responseCode": 400, "responseBody": '{"error":{"code":"content_filter"}}'}, "refused"),
        ({"responseCode": 400, "responseBody": '{"error":{"code":"bad_request"}}'}, "error"),
    ],
)
def test_map_record__maps_what_the_gateway_answered(
    properties: dict[str, Any], status: str
) -> None:
    assert ADAPTER.map_record(gateway_record(**properties))["status"] == status


def test_map_record__reads_rows_of_log_analytics_tables() -> None:
    row = {
        "TimeGenerated": "2026-11-02T10:00:00Z",
        "Type": "ApiManagementGatewayLlmLog",
        "CorrelationId": "c1",
        "ModelName": "meridian-1",
        "PromptTokens": 5,
        "CompletionTokens": 7,
        "RequestMessages": '[{"role":"user","content":"Hi"}]',
        "SequenceNumber": 0,
        "_ResourceId": APIM.lower(),
    }
    old = {
        "TimeGenerated": "2026-11-02T10:00:00Z",
        "Category": "GatewayLlmLogs",
        "CorrelationId": "c1",
        "modelName_s": "meridian-1",
        "promptTokens_d": 5.0,
        "completionTokens_d": 7.0,
        "requestMessages_s": '[{"role":"user","content":"Hi"}]',
        "sequenceNumber_d": 0.0,
        "ResourceId": APIM,
    }
    for record in (row, old):
        fields = ADAPTER.map_record(record)
        assert (fields["account_id"], fields["prompt"]) == (APIM.lower(), "Hi")
        assert (fields["input_tokens"], fields["status"]) == (5, "ok")
        assert list(ADAPTER.list_unknown(record)) == []


def test_ingest__takes_each_record_of_an_envelope_by_itself() -> None:
    other = model_record({"correlationId": "c2"})
    broken = model_record({"correlationId": "c3", "durationMs": "long"})
    audit = model_record({"category": "Audit"})
    lines = [{"records": [model_record(), "x", broken, audit, other]}, model_record()]
    (chunk,) = build("azure_openai_diagnostic", parse(lines))
    assert [row["exchange_id"] for row in list_rows([chunk])] == ["c1", "c2", "c1"]
    assert chunk.places == [1, 5, None]
    assert [(r.line_number, r.reason, r.detail) for r in chunk.rejects] == [
        (1, "not_object", "record 2 of the line: not a JSON object"),
        (1, "bad_type_latency_ms", "record 3 of the line: latency_ms is not a whole number"),
        (1, "not_an_exchange", "record 4 of the line: the category holds no exchanges"),
    ]
    assert list_reasons([chunk]) == [reject.reason for reject in chunk.rejects]
    assert "record 2" not in chunk.make_reject(2, "conflict", "why").detail
    assert chunk.make_reject(1, "conflict", "why").detail == "record 5 of the line: why"


def test_list_unknown__counts_names_of_the_envelope_and_of_its_properties() -> None:
    record = model_record({"extra": 1}, other=2)
    assert list(ADAPTER.list_unknown(record)) == ["extra", "properties.other"]
    joined = Joined(parts=[record, header(more=1)])
    assert list(ADAPTER.list_unknown(joined)) == ["extra", "properties.more", "properties.other"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"resultSignature": "429"}, "rate_limited"),
        ({"resultSignature": 403}, "blocked"),
        ({"resultSignature": "500", "resultType": "Failed"}, "error"),
        ({"resultSignature": "200", "resultType": "Succeeded"}, "ok"),
        ({"resultType": "Failed"}, "error"),
        ({"isRequestSuccess": False}, "error"),
        ({}, "ok"),
    ],
)
def test_map_record__reads_the_outcome_of_llm_logs_without_the_gateways(
    changes: dict[str, Any], status: str
) -> None:
    assert ADAPTER.map_record(header() | changes)["status"] == status


def test_map_record__believes_the_gateway_about_the_outcome() -> None:
    fields = join(header() | {"resultSignature": "200"}, gateway_record(responseCode=429))
    assert fields["status"] == "rate_limited"


CHAT = {"model": "m", "messages": [{"role": "developer", "content": "S"},
                                   {"role": "user", "content": "Hi"}]}  # fmt: skip


@pytest.mark.parametrize(("given", "stream"), [({}, False), ({"stream": True}, True)])
def test_map_record__takes_a_body_that_asks_for_no_stream_at_its_word(
    given: dict[str, Any], stream: bool
) -> None:
    fields = ADAPTER.map_record(gateway_record(requestBody=json.dumps(CHAT | given)))
    assert (fields["stream"], fields["message_count"]) == (stream, 1)


def test_map_record__knows_no_streams_where_no_body_was_logged() -> None:
    assert ADAPTER.map_record(gateway_record()).get("stream") is None
    url = "https://gateway.example.com/model/m/converse-stream"
    asked = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
    record = gateway_record(url=url, requestBody=json.dumps(asked))
    assert ADAPTER.map_record(record)["stream"] is True


def test_map_record__says_of_artefacts_only_what_the_api_has_a_place_for() -> None:
    reply = {"choices": [{"message": {"role": "assistant", "content": "Hello"}}]}
    chat = gateway_record(requestBody=json.dumps(CHAT), responseBody=json.dumps(reply))
    fields = ADAPTER.map_record(chat)
    assert fields.get("artifacts_issued") is fields.get("artifacts_submitted") is None
    url = "https://gateway.example.com/openai/responses"
    items = [{"type": "reasoning", "encrypted_content": "in"}, {"role": "user", "content": "Hi"}]
    asked = {"model": "m", "input": items}
    answer = {"output": [{"type": "message", "content": []}]}
    record = gateway_record(url=url, requestBody=json.dumps(asked), responseBody=json.dumps(answer))
    fields = ADAPTER.map_record(record)
    assert (fields["artifacts_submitted"], fields["artifacts_issued"]) == (["in"], [])


def test_ingest__joins_a_registry_and_logs_that_spell_an_account_in_another_case(
    desk: Any,
) -> None:
    resource = "/Subscriptions/S-1/resourceGroups/G/providers/Microsoft.CognitiveServices/X"
    records = [
        model_record({"resourceId": resource, "correlationId": "c2"}),
        gateway_record(apimSubscriptionId="Sub-A"),
    ]
    desk.land(records, source="azure")
    accounts = [
        {"account_id": name, "created_at": "2026-01-02T00:00:00Z", "status": "active"}
        for name in (resource.upper(), "SUB-a")
    ]
    desk.land(accounts, kind="accounts", source="azure")
    desk.ingest(source="azure")
    used = {row["account_id"]: row["account_key"] for row in desk.rows(source="azure")}
    registered = {
        row["account_id"]: row["account_key"] for row in desk.account_rows(source="azure")
    }
    assert used == registered
    assert set(used) == {resource.lower(), "sub-a"}


def test_ingest__keeps_the_case_of_accounts_where_it_tells_them_apart(desk: Any) -> None:
    desk.land([desk.exchange(account_id="Acct")])
    desk.land([desk.account(account_id="Acct"), desk.account(account_id="acct")], kind="accounts")
    desk.ingest()
    assert [row["account_id"] for row in desk.rows()] == ["Acct"]
    assert [row["account_id"] for row in desk.account_rows()] == ["Acct", "acct"]
