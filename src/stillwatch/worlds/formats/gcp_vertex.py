"""`gcp_vertex_request_response`: Vertex AI request-response logs, exported from BigQuery.

After the vendor's page "Log requests and responses" and a genuine record: one row per call, in
JSON lines or Parquet. `full_request` and `full_response` hold calls of generateContent,
`request_payload` and `response_payload` those of partner models (rawPredict). `logging_time` is
when the reply was complete; how long it took stands in `metadata`. BigQuery writes a NUMERIC as a
string into JSON and as a decimal into Parquet, and its JSON times end in ` UTC`. Neither address,
client, session, key nor country is logged. The code of some accounts calls generateContent, that
of others rawPredict, which takes the lab's own request body.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa

from stillwatch.worlds.exchange import EARLIER, IMAGE, IMAGE_TYPE, OK, Exchange, spell_millis
from stillwatch.worlds.formats.writer import LineWriter, Row
from stillwatch.worlds.names import name_model

_ERRORS = {
    "rate_limited": (429, "RESOURCE_EXHAUSTED", "rate_limit_error"),
    "blocked": (403, "PERMISSION_DENIED", "permission_error"),
    "error": (500, "INTERNAL", "api_error"),
}
_JSON_COLUMNS = ("full_request", "full_response", "metadata")
_SCHEMA = pa.schema(
    [
        ("endpoint", pa.string()),
        ("deployed_model_id", pa.string()),
        ("logging_time", pa.timestamp("us", tz="UTC")),
        ("request_id", pa.decimal128(38, 9)),
        ("request_payload", pa.list_(pa.string())),
        ("response_payload", pa.list_(pa.string())),
        ("model", pa.string()),
        ("model_version", pa.string()),
        ("api_method", pa.string()),
        ("full_request", pa.string()),
        ("full_response", pa.string()),
        ("metadata", pa.string()),
    ]
)


class VertexWriter(LineWriter):
    """Writes rows of the logging table."""

    typed_breaks = ("wrong_type", "missing_account")

    def name_exchange(self, identity: str) -> str:
        """Return the request id, a number of up to nineteen digits."""
        return str(int(identity[:16], 16) >> 1)

    def make_row(self, exchange: Exchange) -> Row:
        """Return the row of one call."""
        account = exchange.account
        publisher = name_model(exchange.model, "gcp_vertex")
        region = f"europe-west{1 + account.habit % 4}"
        endpoint = f"projects/{account.account_id}/locations/{region}/{publisher}"
        row: Row = {
            "endpoint": endpoint,
            "logging_time": _spell(exchange.milliseconds + exchange.latency_ms),
            "request_id": self.name_exchange(exchange.identity),
            "model": publisher,
            "model_version": "default",
            "metadata": {"request_latency": float(exchange.latency_ms)},
        }
        if account.habit % 3 == 0:
            row["api_method"] = "StreamGenerateContent" if exchange.stream else "GenerateContent"
            row["full_request"] = _write_generate(exchange, endpoint)
            row["full_response"] = _answer_generate(exchange)
        else:
            row["api_method"] = "StreamRawPredict" if exchange.stream else "RawPredict"
            row["request_payload"] = [orjson.dumps(_write_raw(exchange)).decode()]
            row["response_payload"] = [orjson.dumps(_answer_raw(exchange)).decode()]
        return row

    def rename(self, row: Row, fresh: str) -> None:
        """Give the row another request id."""
        row["request_id"] = self.name_exchange(fresh)

    def damage(self, row: Row, kind: str) -> None:
        """Damage one field of the row."""
        match kind:
            case "wrong_type" if "full_response" in row:
                row["full_request"]["generation_config"] = {"max_output_tokens": "many"}
            case "wrong_type":
                body = orjson.loads(row["request_payload"][0])
                body["max_tokens"] = "many"
                row["request_payload"] = [orjson.dumps(body).decode()]
            case "missing_account":
                del row["endpoint"]
                if "full_request" in row:
                    row["full_request"]["model"] = row["model"]
            case "bad_time":
                row["logging_time"] = "yesterday"
            case _:
                raise ValueError(f"no way to break a record called {kind!r}")

    def make_table(self, rows: Sequence[Row]) -> pa.Table:
        """Return the rows as BigQuery exports them: JSON columns as text, times as instants."""
        return pa.Table.from_pylist([_type_row(row) for row in rows], schema=_SCHEMA)


def _type_row(row: Row) -> Row:
    typed = dict(row)
    text = row["logging_time"].removesuffix(" UTC")
    typed["logging_time"] = datetime.fromisoformat(text).replace(tzinfo=UTC)
    typed["request_id"] = Decimal(row["request_id"])
    for name in _JSON_COLUMNS:
        if name in row:
            typed[name] = orjson.dumps(row[name]).decode()
    return typed


def _write_generate(exchange: Exchange, endpoint: str) -> dict[str, Any]:
    contents: list[dict[str, Any]] = []
    for turn in range(exchange.history_turns):
        answer: dict[str, Any] = {"text": EARLIER.answered}
        if exchange.handed_in and turn == exchange.history_turns - 1:
            answer["thought_signature"] = exchange.handed_in
        contents.append({"role": "user", "parts": [{"text": EARLIER.asked}]})
        contents.append({"role": "model", "parts": [answer]})
    image = {"inline_data": {"mime_type": IMAGE_TYPE, "data": IMAGE}}
    asked = [{"text": exchange.prompt}, *[image] * exchange.image_count]
    contents.append({"role": "user", "parts": asked})
    settings = {
        "max_output_tokens": exchange.max_tokens,
        "temperature": exchange.temperature,
        "candidate_count": exchange.samples,
    }
    body: dict[str, Any] = {"model": endpoint, "contents": contents}
    chosen = {key: each for key, each in settings.items() if each is not None}
    if chosen:
        body["generation_config"] = chosen
    if exchange.system is not None:
        body["system_instruction"] = {"parts": [{"text": exchange.system}]}
    if exchange.tool_count:
        names = [{"name": f"tool_{n}"} for n in range(exchange.tool_count)]
        body["tools"] = [{"function_declarations": names}]
    return body


def _answer_generate(exchange: Exchange) -> dict[str, Any]:
    if not exchange.answered:
        code, status, _ = _ERRORS[exchange.status]
        return {"error": {"code": code, "message": "request failed", "status": status}}
    usage: dict[str, Any] = {
        "prompt_token_count": exchange.input_tokens,
        "candidates_token_count": exchange.output_tokens - exchange.reasoning_tokens,
        "total_token_count": exchange.input_tokens + exchange.output_tokens,
        "traffic_type": "ON_DEMAND",
    }
    if exchange.reasoning_tokens:
        usage["thoughts_token_count"] = exchange.reasoning_tokens
    if exchange.cached_input_tokens is not None:
        usage["cached_content_token_count"] = exchange.cached_input_tokens
    candidate: dict[str, Any] = {"finish_reason": "STOP" if exchange.status == OK else "SAFETY"}
    if exchange.status == OK:
        part = {"text": exchange.reply}
        if exchange.issued is not None:
            part["thought_signature"] = exchange.issued
        candidate["content"] = {"role": "model", "parts": [part]}
    return {
        "candidates": [candidate],
        "model_version": exchange.model,
        "response_id": exchange.identity[:22],
        "usage_metadata": usage,
    }


def _write_raw(exchange: Exchange) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    for turn in range(exchange.history_turns):
        answer = [{"type": "text", "text": EARLIER.answered}]
        if exchange.handed_in and turn == exchange.history_turns - 1:
            thought = {"type": "thinking", "thinking": "", "signature": exchange.handed_in}
            answer.insert(0, thought)
        messages.append({"role": "user", "content": EARLIER.asked})
        messages.append({"role": "assistant", "content": answer})
    image = {"type": "image", "source": {"type": "base64", "media_type": IMAGE_TYPE, "data": IMAGE}}
    asked = [{"type": "text", "text": exchange.prompt}, *[image] * exchange.image_count]
    messages.append({"role": "user", "content": asked})
    settings = {
        "max_tokens": exchange.max_tokens,
        "temperature": exchange.temperature,
        "n": exchange.samples,
        "system": exchange.system,
    }
    body: dict[str, Any] = {"messages": messages}
    body |= {key: each for key, each in settings.items() if each is not None}
    if exchange.stream:
        body["stream"] = True
    if exchange.tool_count:
        body["tools"] = [{"name": f"tool_{n}"} for n in range(exchange.tool_count)]
    if exchange.end_user is not None:
        body["metadata"] = {"user_id": exchange.end_user}
    return body


def _answer_raw(exchange: Exchange) -> dict[str, Any]:
    if not exchange.answered:
        kind = _ERRORS[exchange.status][2]
        return {"type": "error", "error": {"type": kind, "message": "request failed"}}
    blocks = [{"type": "text", "text": exchange.reply}] if exchange.status == OK else []
    if exchange.issued is not None:
        blocks.insert(0, {"type": "thinking", "thinking": "", "signature": exchange.issued})
    usage = {"input_tokens": exchange.input_tokens, "output_tokens": exchange.output_tokens}
    if exchange.cached_input_tokens is not None:
        usage["input_tokens"] -= exchange.cached_input_tokens
        usage["cache_read_input_tokens"] = exchange.cached_input_tokens
    return {
        "id": f"msg_{exchange.identity[:24]}",
        "type": "message",
        "role": "assistant",
        "model": exchange.model,
        "content": blocks,
        "stop_reason": "end_turn" if exchange.status == OK else "refusal",
        "usage": usage,
    }


def _spell(milliseconds: int) -> str:
    return spell_millis(milliseconds).replace("T", " ") + "000 UTC"
