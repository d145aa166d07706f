"""The adapters on records that real platforms and their tools have published."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from adapter_kit import build, land_parquet, list_reasons, list_rows, parse

from stillwatch.sources.formats import recognise

SHARED = Path("/work/shared/data/log_formats")

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not SHARED.exists(), reason="the shared data are not here"),
]


def read_lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SHARED / name).read_text().splitlines()]


def take_rows(format_id: str, lines: list[dict[str, Any]], day: date) -> list[dict[str, Any]]:
    chunks = build(format_id, parse(lines), day)
    assert list_reasons(chunks) == []
    assert {name for chunk in chunks for name in chunk.unknown_fields} == set()
    return list_rows(chunks)


def test_azure__takes_gateway_logs_with_bodies() -> None:
    lines = read_lines("azure_openai/apim_GatewayLogs.jsonl")
    assert {recognise(line) for line in lines} == {"azure_openai_diagnostic"}
    rows = take_rows("azure_openai_diagnostic", lines, date(2024, 7, 2))
    assert [row["status"] for row in rows] == ["ok", "refused"]
    assert [row["input_tokens"] for row in rows] == [14, None]
    assert [row["latency_ms"] for row in rows] == [176, 453]
    assert {row["endpoint"] for row in rows} == {"/chat/completions"}
    assert all(row["has_text"] and row["client_ip"] for row in rows)
    assert take_rows("azure_openai_diagnostic", [{"records": lines}], date(2024, 7, 2)) == rows


def test_azure__tells_calls_management_and_broken_records_apart() -> None:
    lines = read_lines("azure_openai/diagnostic_RequestResponse.jsonl")
    assert {recognise(line) for line in lines} == {"azure_openai_diagnostic"}
    chunks = build("azure_openai_diagnostic", parse(lines), date(2024, 5, 17))
    (row,) = list_rows(chunks)
    assert (row["model"], row["latency_ms"], row["is_stream"]) == ("gpt-35-turbo", 1021, False)
    assert row["client_ip"] is None  # the log masks it
    assert list_reasons(chunks) == ["not_an_exchange", "negative_latency_ms"]


def test_vertex__takes_a_row_of_the_log_table(tmp_path: Path) -> None:
    event = json.loads((SHARED / "gcp_vertex/prompt_response_log.sample_event.json").read_text())
    row = event["gcp"]["vertexai"]["prompt_response_logs"]
    assert recognise(row) == "gcp_vertex_request_response"
    day = date(2025, 9, 8)
    (taken,) = take_rows("gcp_vertex_request_response", [row], day)
    assert (taken["account_id"], taken["model"]) == ("elastic-sa", "gemini-2.5-pro")
    assert (taken["output_tokens"], taken["reasoning_tokens"]) == (930, 901)
    assert (taken["max_tokens"], taken["has_text"], taken["status"]) == (8192, True, "ok")
    columns = {
        name: json.dumps(value) if isinstance(value, dict) else value for name, value in row.items()
    }
    for stored in (row, columns):
        chunks = build("gcp_vertex_request_response", land_parquet([stored], tmp_path), day)
        assert list_rows(chunks) == [taken]


def test_vertex__knows_that_counting_tokens_is_no_exchange() -> None:
    lines = read_lines("gcp_vertex/cloudaudit_data_access.jsonl")
    chunks = build("gcp_vertex_request_response", parse(lines), date(2025, 5, 6))
    assert list_reasons(chunks) == ["not_an_exchange"]
    payload = lines[0]["protoPayload"]
    payload["methodName"] = payload["methodName"].replace("CountTokens", "GenerateContent")
    (row,) = take_rows("gcp_vertex_request_response", lines, date(2025, 5, 6))
    assert (row["account_id"], row["model"]) == ("elastic-abs", "gemini-2.0-flash-exp")
    assert row["api_key_token"]
    assert row["client_ip"]


def test_litellm__needs_an_account_and_takes_the_rest() -> None:
    row = json.loads((SHARED / "litellm/spend_logs_payload.json").read_text())
    assert recognise(row) == "litellm_spend"
    day = date(2025, 1, 24)
    assert list_reasons(build("litellm_spend", parse([row]), day)) == ["missing_account_id"]
    (taken,) = take_rows("litellm_spend", [row | {"user": "owner"}], day)
    assert (taken["model"], taken["endpoint"], taken["latency_ms"]) == ("gpt-4o", "acompletion", 4)
    assert (taken["input_tokens"], taken["output_tokens"]) == (10, 20)
    assert taken["has_text"] is False


def test_otel__takes_the_examples_of_the_conventions() -> None:
    text = (SHARED / "otel_genai/examples-llm-calls.md").read_text()
    bodies = dict(re.findall(r'<span id="([^"]+)">[^\n]*\n\n```jsonc?\n(.*?)```', text, re.DOTALL))
    tables = [table for table in re.split(r"\n\n", text) if "| `gen_ai.operation.name`" in table]
    spans = [make_span(n, table, bodies) for n, table in enumerate(tables, 1)]
    assert len(spans) >= 8
    lines = [{"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}]
    assert recognise(lines[0]) == "otel_genai"
    chunks = build("otel_genai", parse(lines))
    reasons = list_reasons(chunks)
    assert set(reasons) <= {"not_an_exchange"}
    assert len(list_rows(chunks)) + len(reasons) == len(spans)
    rows = list_rows(chunks)
    assert {row["model"] for row in rows} == {"gpt-4"}
    assert any(row["system_fp"] and row["has_text"] for row in rows)
    assert {name for chunk in chunks for name in chunk.unknown_fields} == set()


def make_span(number: int, table: str, bodies: dict[str, str]) -> dict[str, Any]:
    """Return a span with the attributes that a table of the document lists."""
    values = {"user.id": "acct_1"}
    for name, cell in re.findall(r"^\| `([a-z_.]+)` +\| (.+?) +\|$", table, re.MULTILINE):
        link = re.search(r"\(#([^)]+)\)", cell)
        values[name] = (
            re.sub(r"^\s*//.*$", "", bodies.get(link[1], "[]"), flags=re.MULTILINE)
            if link
            else cell.strip("`")
        )
    return {
        "traceId": "4bf92f3577b34da6a3ce929d0e0e4701",
        "spanId": f"{number:016x}",
        "startTimeUnixNano": "1793613600000000000",
        "endTimeUnixNano": "1793613600000000000",
        "attributes": [{"key": name, "value": wrap(value)} for name, value in values.items()],
    }


def wrap(text: str) -> dict[str, Any]:
    if re.fullmatch(r"-?\d+", text):
        return {"intValue": text}
    if re.fullmatch(r"-?\d+\.\d+", text):
        return {"doubleValue": float(text)}
    return {"stringValue": text.strip('"')}
