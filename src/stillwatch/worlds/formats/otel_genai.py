"""`otel_genai`: OTLP JSON spans of a gateway, after the OpenTelemetry GenAI conventions.

One chat span per exchange, with content captured on the span (`gen_ai.input.messages`). The tenant
is the attribute `account.id` of the resource: the conventions name none, and the gateway runs one
pipeline per tenant. After the protocol's JSON mapping, 64-bit integers are strings and enumerations
are numbers. The conventions know a client's address and user agent, but no country, TLS fingerprint
or header order, and no signed reasoning. A line is one export request: mostly one span, now and
then several, and neighbours of one tenant share their resource.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from stillwatch.worlds.exchange import EARLIER, IMAGE, IMAGE_TYPE, OK, Exchange
from stillwatch.worlds.formats.writer import LineWriter, Row
from stillwatch.worlds.names import PUBLISHER

TENANT = "account.id"
_CODES = {"rate_limited": 429, "blocked": 403, "error": 500}
_SERVER, _ERROR = 2, 2  # SPAN_KIND_SERVER, STATUS_CODE_ERROR
_SCOPE = {"name": "gateway.genai", "version": "1.4.0"}


class OtelWriter(LineWriter):
    """Writes export requests of chat spans."""

    def name_exchange(self, identity: str) -> str:
        """Return the ids of the trace and the span in it."""
        return f"{identity}/{identity[8:24]}"

    def make_row(self, exchange: Exchange) -> Row:
        """Return an export request with the span of one exchange."""
        resource = {"service.name": "genai-gateway", TENANT: exchange.account.account_id}
        start = exchange.milliseconds
        span: dict[str, Any] = {
            "traceId": exchange.identity,
            "spanId": exchange.identity[8:24],
            "name": f"chat {exchange.model}",
            "kind": _SERVER,
            "startTimeUnixNano": f"{start}000000",
            "endTimeUnixNano": f"{start + exchange.latency_ms}000000",
            "attributes": _wrap_all(_describe(exchange)),
            "status": {} if exchange.answered else {"code": _ERROR},
        }
        scope = {"scope": _SCOPE, "spans": [span]}
        return {
            "resourceSpans": [
                {"resource": {"attributes": _wrap_all(resource)}, "scopeSpans": [scope]}
            ]
        }

    def rename(self, row: Row, fresh: str) -> None:
        """Give the span another trace."""
        span = _get_span(row)
        span["traceId"], span["spanId"] = fresh, fresh[8:24]

    def damage(self, row: Row, kind: str) -> None:
        """Damage one field of the span or its resource."""
        span = _get_span(row)
        match kind:
            case "wrong_type":
                for item in span["attributes"]:
                    if item["key"] == "gen_ai.usage.input_tokens":
                        item["value"] = {"stringValue": "many"}
            case "missing_account":
                row["resourceSpans"][0]["resource"]["attributes"] = []
                span["attributes"] = [a for a in span["attributes"] if a["key"] != "enduser.id"]
            case "bad_time":
                span["startTimeUnixNano"] = "yesterday"
            case _:
                raise ValueError(f"no way to break a record called {kind!r}")

    def join(self, lines: Sequence[bytes]) -> bytes | None:
        """Return the spans as one export request."""
        joined: list[dict[str, Any]] = []
        for line in lines:
            (entry,) = orjson.loads(line)["resourceSpans"]
            if joined and joined[-1]["resource"] == entry["resource"]:
                joined[-1]["scopeSpans"][0]["spans"] += entry["scopeSpans"][0]["spans"]
            else:
                joined.append(entry)
        return orjson.dumps({"resourceSpans": joined})


def _get_span(row: Row) -> dict[str, Any]:
    span: dict[str, Any] = row["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    return span


def _describe(exchange: Exchange) -> dict[str, Any]:
    """Return the attributes of the span; None stands for what is not known."""
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": PUBLISHER,
        "gen_ai.request.model": exchange.model,
        "gen_ai.request.max_tokens": exchange.max_tokens,
        "gen_ai.request.temperature": exchange.temperature,
        "gen_ai.request.choice.count": exchange.samples,
        "gen_ai.request.stream": exchange.stream,
        "gen_ai.conversation.id": exchange.session,
        "gen_ai.usage.input_tokens": exchange.input_tokens,
        "gen_ai.usage.output_tokens": exchange.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": exchange.cached_input_tokens,
        "gen_ai.usage.reasoning.output_tokens": exchange.reasoning_tokens or None,
        "gen_ai.input.messages": _write_messages(exchange),
        "server.address": "gateway.example.com",
        "server.port": 443,
        "client.address": exchange.shown.address,
        "user_agent.original": exchange.client.user_agent,
        "enduser.id": exchange.end_user,
    }
    if exchange.system is not None:
        system = [{"type": "text", "content": exchange.system}]
        attributes["gen_ai.system_instructions"] = orjson.dumps(system).decode()
    if exchange.tool_count:
        tools = [{"type": "function", "name": f"tool_{n}"} for n in range(exchange.tool_count)]
        attributes["gen_ai.tool.definitions"] = orjson.dumps(tools).decode()
    if exchange.answered:
        ended = "stop" if exchange.status == OK else "content_filter"
        attributes["gen_ai.response.id"] = f"msg_{exchange.identity[:24]}"
        attributes["gen_ai.response.model"] = exchange.model
        attributes["gen_ai.response.finish_reasons"] = [ended]
        attributes["http.response.status_code"] = 200
    else:
        attributes["error.type"] = str(_CODES[exchange.status])
        attributes["http.response.status_code"] = _CODES[exchange.status]
    return attributes


def _write_messages(exchange: Exchange) -> str:
    messages: list[dict[str, Any]] = []
    for _ in range(exchange.history_turns):
        messages.append(_write_message("user", EARLIER.asked))
        messages.append(_write_message("assistant", EARLIER.answered))
    asked = _write_message("user", exchange.prompt)
    image = {"type": "blob", "modality": "image", "mime_type": IMAGE_TYPE, "content": IMAGE}
    asked["parts"] += [image] * exchange.image_count
    return orjson.dumps([*messages, asked]).decode()


def _write_message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _wrap_all(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": _wrap(value)}
        for key, value in attributes.items()
        if value is not None
    ]


def _wrap(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case list():
            return {"arrayValue": {"values": [_wrap(item) for item in value]}}
        case _:
            raise TypeError(f"no attribute value can be a {type(value).__name__}")
