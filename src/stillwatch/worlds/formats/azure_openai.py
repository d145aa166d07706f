"""`azure_openai_diagnostic`: Azure Monitor resource logs of model calls.

After genuine records and the vendor's table pages. Three categories exist, and a customer sends
what its diagnostic setting names; here that is the habit of the account:

- `GatewayLogs` of API Management (six accounts of eight): bodies as text, the caller's whole
  address and the headers that the gateway was told to log; a streamed reply is its event stream.
- `GatewayLlmLogs` of API Management (one of eight): messages and tokens, but no sampling
  parameters, caller or end user; a failed call is seen in `resultSignature` only, and an answer
  that the filter emptied looks like any other.
- `RequestResponse` of the model resource (one of eight): no text, no tokens, a masked address, and
  nothing that tells a refusal.

A line is one record, or now and then a batch `{"records": […]}` as storage accounts receive it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import orjson

from stillwatch.worlds.exchange import OK, REFUSED, Exchange, spell_millis
from stillwatch.worlds.formats.chat import write_request, write_usage
from stillwatch.worlds.formats.writer import LineWriter, Row
from stillwatch.worlds.names import name_model

_CODES = {OK: 200, REFUSED: 400, "rate_limited": 429, "blocked": 403, "error": 500}
_ERRORS = {
    REFUSED: ("content_filter", "The response was filtered."),
    "rate_limited": ("429", "Requests have exceeded the rate limit."),
    "blocked": ("403", "Access denied."),
    "error": ("InternalServerError", "The server had an error."),
}
_API_VERSION = "2026-06-01"
_LOCATIONS = ("East US", "Sweden Central", "West Europe")
_TICKS_OF_1970 = 621_355_968_000_000_000  # .NET counts 100 ns steps from the year 1
_EMPTY_CHOICE: dict[str, Any] = {"index": 0, "delta": {}, "finish_reason": "stop"}


class AzureWriter(LineWriter):
    """Writes resource log records of one of three categories."""

    def name_exchange(self, identity: str) -> str:
        """Return the correlation id."""
        return str(uuid.UUID(hex=identity, version=4))

    def make_row(self, exchange: Exchange) -> Row:
        """Return the record of one call."""
        row: Row = {
            "time": spell_millis(exchange.milliseconds) + "0000Z",
            "resourceId": exchange.account.account_id.upper(),
            "correlationId": self.name_exchange(exchange.identity),
            "location": _LOCATIONS[exchange.account.habit // 8 % len(_LOCATIONS)],
        }
        match exchange.account.habit % 8:
            case 6:
                return row | _log_llm(exchange)
            case 7:
                return row | _log_resource(exchange)
            case _:
                return row | _log_gateway(exchange)

    def rename(self, row: Row, fresh: str) -> None:
        """Give the record another correlation id."""
        row["correlationId"] = self.name_exchange(fresh)

    def damage(self, row: Row, kind: str) -> None:
        """Damage one field of the record; a duration must be a number in every category."""
        match kind:
            case "wrong_type" if row["category"] == "GatewayLlmLogs":
                row["properties"]["promptTokens"] = "many"
            case "wrong_type":
                row["durationMs"] = "many"
            case "missing_account":
                del row["resourceId"]
            case "bad_time":
                row["time"] = "yesterday"
            case _:
                raise ValueError(f"no way to break a record called {kind!r}")

    def join(self, lines: Sequence[bytes]) -> bytes | None:
        """Return the records as one batch."""
        return b'{"records":[' + b",".join(lines) + b"]}"


def _log_gateway(exchange: Exchange) -> Row:
    deployment = name_model(exchange.model, "azure_openai")
    code = _CODES[exchange.status]
    path = f"deployments/{deployment}/chat/completions?api-version={_API_VERSION}"
    gateway = exchange.account.account_id.rsplit("/", 1)[1]
    properties = {
        "apiId": "azure-openai-service-api",
        "apiRevision": "1",
        "backendMethod": "POST",
        "backendProtocol": "HTTP/1.1",
        "backendResponseCode": code,
        "backendTime": exchange.latency_ms,
        "backendUrl": f"https://{gateway}-model.openai.example/openai/{path}",
        "cache": "none",
        "clientProtocol": "HTTP/1.1",
        "clientTlsVersion": "1.3",
        "method": "POST",
        "operationId": "ChatCompletions_Create",
        "requestBody": orjson.dumps(write_request(exchange, deployment)).decode(),
        "requestHeaders": {"User-Agent": exchange.client.user_agent},
        "responseBody": _write_reply(exchange, deployment),
        "responseCode": code,
        "url": f"https://{gateway}.azure-api.example/{path}",
    }
    return {
        "DeploymentVersion": "0.44.18652.0",
        "Level": 4,
        "category": "GatewayLogs",
        "operationName": "Microsoft.ApiManagement/GatewayLogs",
        "callerIpAddress": exchange.shown.address,
        "durationMs": exchange.latency_ms,
        "isRequestSuccess": code < 400,
        "resultType": "Succeeded" if code < 400 else "Failed",
        "properties": properties,
        "truncated": 0,
    }


def _log_llm(exchange: Exchange) -> Row:
    deployment = name_model(exchange.model, "azure_openai")
    body = write_request(exchange, deployment)
    code = 200 if exchange.answered else _CODES[exchange.status]
    properties: dict[str, Any] = {
        "apiVersion": _API_VERSION,
        "deploymentName": deployment,
        "modelName": deployment,
        "requestId": f"chatcmpl-{exchange.identity[:28]}",
        "requestMessages": orjson.dumps(body["messages"]).decode(),
        "isStreamCompletion": exchange.stream,
        "sequenceNumber": 0,
    }
    if exchange.answered:
        answer = [{"role": "assistant", "content": exchange.reply}]
        properties |= {
            "promptTokens": exchange.input_tokens,
            "completionTokens": exchange.output_tokens,
            "totalTokens": exchange.input_tokens + exchange.output_tokens,
            "responseMessages": orjson.dumps(answer).decode(),
        }
    return {
        "category": "GatewayLlmLogs",
        "operationName": "Microsoft.ApiManagement/GatewayLlmLogs",
        "resultType": "Succeeded" if code < 400 else "Failed",
        "resultSignature": str(code),
        "properties": properties,
    }


def _log_resource(exchange: Exchange) -> Row:
    code = 200 if exchange.answered else _CODES[exchange.status]
    deployment = name_model(exchange.model, "azure_openai")
    network, colon = exchange.shown.address.rsplit(".", 1)[0], ":" in exchange.shown.address
    arrived = _TICKS_OF_1970 + exchange.milliseconds * 10_000
    properties = {
        "apiName": f"Azure OpenAI API version {_API_VERSION}",
        "requestTime": arrived,
        "requestLength": len(exchange.prompt) + 128,
        "responseTime": arrived + exchange.latency_ms * 10_000,
        "responseLength": len(exchange.reply) + 512,
        "objectId": "",
        "streamType": "Streaming" if exchange.stream else "Non-Streaming",
        "modelDeploymentName": deployment,
        "modelName": deployment,
        "modelVersion": "1",
    }
    return {
        "Tenant": "eastus",
        "category": "RequestResponse",
        "event": "ShoeboxCallResult",
        "operationName": "ChatCompletions_Create",
        "callerIpAddress": "" if colon else f"{network}.***",
        "durationMs": exchange.latency_ms,
        "resultSignature": str(code),
        "properties": properties,
    }


def _write_reply(exchange: Exchange, deployment: str) -> str:
    if exchange.status != OK:
        code, reason = _ERRORS[exchange.status]
        error: dict[str, Any] = {"code": code, "message": reason}
        if exchange.status == REFUSED:
            error |= {"param": "prompt", "type": None, "status": 400}
            error["innererror"] = {"code": "ResponsibleAIPolicyViolation"}
        return orjson.dumps({"error": error}).decode()
    head: dict[str, Any] = {
        "id": f"chatcmpl-{exchange.identity[:28]}",
        "created": int(exchange.second),
        "model": deployment,
    }
    if not exchange.stream:
        message = {"role": "assistant", "content": exchange.reply}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        reply: dict[str, Any] = {
            "object": "chat.completion",
            "choices": [choice],
            "usage": write_usage(exchange),
        }
        return orjson.dumps(head | reply).decode()
    part = head | {"object": "chat.completion.chunk"}
    delta = {"role": "assistant", "content": exchange.reply}
    chunks = (
        part | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        part | {"choices": [_EMPTY_CHOICE]},
        part | {"choices": [], "usage": write_usage(exchange)},
    )
    stream = "".join(f"data: {orjson.dumps(chunk).decode()}\n\n" for chunk in chunks)
    return stream + "data: [DONE]\n\n"
