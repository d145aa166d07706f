"""`aws_bedrock_invocation`: Amazon Bedrock model invocation logs, as delivered to S3.

After the vendor's page on model invocation logging: one JSON object per call of Converse or
InvokeModel, with both bodies. Caller and time (whole seconds) are known, address, client, session
and end user are not. The code of some accounts calls Converse, that of others InvokeModel.
"""

from __future__ import annotations

import uuid
from typing import Any

from stillwatch.worlds.exchange import EARLIER, IMAGE, IMAGE_TYPE, OK, Exchange, spell_second
from stillwatch.worlds.formats.writer import LineWriter, Row
from stillwatch.worlds.names import name_model

_ERRORS = {
    "rate_limited": "ThrottlingException",
    "blocked": "AccessDeniedException",
    "error": "ModelErrorException",
}


class BedrockWriter(LineWriter):
    """Writes invocation log records."""

    def name_exchange(self, identity: str) -> str:
        """Return the request id."""
        return str(uuid.UUID(hex=identity, version=4))

    def make_row(self, exchange: Exchange) -> Row:
        """Return the record of one call."""
        account = exchange.account
        converse = account.habit % 4 != 0
        operation = "Converse" if converse else "InvokeModel"
        streamed = "Stream" if converse else "WithResponseStream"
        # as the vendor counts: what came from the cache stands beside the other input
        fresh_tokens = exchange.input_tokens - (exchange.cached_input_tokens or 0)
        row: Row = {
            "schemaType": "ModelInvocationLog",
            "schemaVersion": "1.0",
            "timestamp": spell_second(int(exchange.second)) + "Z",
            "accountId": account.aws_account,
            "identity": {"arn": account.account_id},
            "region": account.region,
            "requestId": self.name_exchange(exchange.identity),
            "operation": operation + streamed if exchange.stream else operation,
            "modelId": name_model(exchange.model, "aws_bedrock"),
            "input": {
                "inputContentType": "application/json",
                "inputBodyJson": _write_converse(exchange) if converse else _write_invoke(exchange),
                "inputTokenCount": fresh_tokens,
            },
        }
        if exchange.cached_input_tokens is not None:
            row["input"]["cacheReadInputTokenCount"] = exchange.cached_input_tokens
        if not exchange.answered:
            row["errorCode"] = _ERRORS[exchange.status]
            return row
        blocks: list[dict[str, Any]] = [{"text": exchange.reply}]
        if exchange.issued is not None:
            blocks.insert(0, _reason(exchange.issued))
        row["output"] = {
            "outputContentType": "application/json",
            "outputBodyJson": {
                "output": {"message": {"role": "assistant", "content": blocks}},
                "stopReason": "end_turn" if exchange.status == OK else "content_filtered",
                "metrics": {"latencyMs": exchange.latency_ms},
                "usage": {
                    "inputTokens": fresh_tokens,
                    "outputTokens": exchange.output_tokens,
                    "totalTokens": exchange.input_tokens + exchange.output_tokens,
                },
            },
            "outputTokenCount": exchange.output_tokens,
        }
        return row

    def rename(self, row: Row, fresh: str) -> None:
        """Give the record another request id."""
        row["requestId"] = fresh

    def damage(self, row: Row, kind: str) -> None:
        """Damage one field of the record."""
        match kind:
            case "wrong_type":
                row["input"]["inputTokenCount"] = "many"
            case "missing_account":
                del row["identity"]
            case "bad_time":
                row["timestamp"] = "yesterday"
            case _:
                raise ValueError(f"no way to break a record called {kind!r}")


def _write_converse(exchange: Exchange) -> dict[str, Any]:
    image = {"image": {"format": IMAGE_TYPE.removeprefix("image/"), "source": {"bytes": IMAGE}}}
    asked = [{"text": exchange.prompt}, *[image] * exchange.image_count]
    messages: list[dict[str, Any]] = []
    for turn in range(exchange.history_turns):
        answer: list[dict[str, Any]] = [{"text": EARLIER.answered}]
        if exchange.handed_in and turn == exchange.history_turns - 1:
            answer.insert(0, _reason(exchange.handed_in))
        messages.append({"role": "user", "content": [{"text": EARLIER.asked}]})
        messages.append({"role": "assistant", "content": answer})
    messages.append({"role": "user", "content": asked})
    settings = {"maxTokens": exchange.max_tokens, "temperature": exchange.temperature}
    body: dict[str, Any] = {
        "messages": messages,
        "inferenceConfig": {key: each for key, each in settings.items() if each is not None},
    }
    if exchange.system is not None:
        body["system"] = [{"text": exchange.system}]
    if exchange.tool_count:
        names = [{"toolSpec": {"name": f"tool_{n}"}} for n in range(exchange.tool_count)]
        body["toolConfig"] = {"tools": names}
    return body


def _write_invoke(exchange: Exchange) -> dict[str, Any]:
    image = {"type": "image", "source": {"type": "base64", "media_type": IMAGE_TYPE, "data": IMAGE}}
    asked = [{"type": "text", "text": exchange.prompt}, *[image] * exchange.image_count]
    messages: list[dict[str, Any]] = []
    for turn in range(exchange.history_turns):
        answer = [{"type": "text", "text": EARLIER.answered}]
        if exchange.handed_in and turn == exchange.history_turns - 1:
            thought = {"type": "thinking", "thinking": "", "signature": exchange.handed_in}
            answer.insert(0, thought)
        messages.append({"role": "user", "content": [{"type": "text", "text": EARLIER.asked}]})
        messages.append({"role": "assistant", "content": answer})
    messages.append({"role": "user", "content": asked})
    body: dict[str, Any] = {"messages": messages, "max_tokens": exchange.max_tokens or 1024}
    if exchange.temperature is not None:
        body["temperature"] = exchange.temperature
    if exchange.system is not None:
        body["system"] = exchange.system
    if exchange.tool_count:
        body["tools"] = [{"name": f"tool_{n}"} for n in range(exchange.tool_count)]
    return body


def _reason(signature: str) -> dict[str, Any]:
    return {"reasoningContent": {"reasoningText": {"text": "", "signature": signature}}}
