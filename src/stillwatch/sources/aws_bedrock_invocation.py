"""`aws_bedrock_invocation`: Amazon Bedrock model invocation logs (S3 or CloudWatch JSON).

One record per call of Converse or InvokeModel, with the request and reply bodies where the
platform's owner has switched text logging on and the body was small enough to be logged in place.
There is no client address, client fingerprint, session, key or country in these logs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

_ENVELOPE = frozenset(
    {
        "schemaType", "schemaVersion", "timestamp", "accountId", "identity", "region",
        "requestId", "operation", "modelId", "input", "output", "errorCode", "status",
        "requestMetadata", "inferenceRegion", "serviceTier", "guardrail",
    }
)  # fmt: skip
_NAIVE_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?")
_BLOCKED = ("accessdenied", "unauthorized", "forbidden", "unrecognizedclient", "expiredtoken")
_LIMITED = ("throttl", "toomanyrequests", "quotaexceeded", "serviceunavailable")
_IMAGE_TYPES = ("image", "image_url", "input_image")
_TEXT_TYPES = (None, "text", "input_text")
_PROMPT_FIELDS = ("prompt", "inputText", "message")


class BedrockInvocationAdapter:
    """Maps invocation logs; `identity.arn` is the account and `accountId` the organisation."""

    format_id = "aws_bedrock_invocation"
    columns = frozenset(
        {
            "exchange_key", "source_id", "platform", "exchange_id", "account_key", "account_id",
            "organization_id", "event_at", "event_date", "event_hour", "delivered_date",
            "model", "endpoint", "status", "input_tokens", "output_tokens", "cached_input_tokens",
            "max_tokens", "temperature", "top_p", "is_stream", "tool_count", "image_count",
            "message_count", "latency_ms", "end_user_token", "has_text", "prompt_char_count",
            "prompt_word_count", "prompt_fp", "prefix_fp_8", "prefix_fp_16", "prefix_fp_32",
            "suffix_fp_6", "suffix_fp_12", "system_fp", "minhash_bands", "technique_codes",
            "capability_code", "language_code", "artifacts_issued", "artifacts_submitted",
        }
    )  # fmt: skip

    def map_record(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the raw exchange fields of one invocation log record."""
        operation = record.get("operation")
        request = _take(record, "input")
        reply = _take(record, "output")
        body = _take(request, "inputBodyJson")
        answer = reply.get("outputBodyJson")
        fields: dict[str, Any] = {
            "exchange_id": record.get("requestId"),
            "event_at": _read_time(record.get("timestamp")),
            "account_id": _take(record, "identity").get("arn"),
            "organization_id": record.get("accountId"),
            "model": record.get("modelId"),
            "endpoint": operation,
            "status": _read_status(record, answer),
            "input_tokens": request.get("inputTokenCount"),
            "output_tokens": reply.get("outputTokenCount"),
            "cached_input_tokens": _first(
                request, ("cacheReadInputTokenCount", "cacheReadInputTokens")
            ),
            "latency_ms": _take(_as_object(answer), "metrics").get("latencyMs"),
        }
        if isinstance(operation, str):
            fields["stream"] = "stream" in operation.lower()
        if body:
            fields |= _read_body(body)
            fields["artifacts_issued"] = _list_artifacts(_list_reply_blocks(answer))
        return fields

    def list_unknown(self, record: dict[str, Any]) -> Iterable[str]:
        """Return the keys of the envelope that the format does not define."""
        return record.keys() - _ENVELOPE


def _read_body(body: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that stand in a request body of Converse or InvokeModel."""
    settings = {
        **_take(body, "textGenerationConfig"),
        **_take(body, "inferenceConfig"),
        **body,
    }
    messages = [item for item in _as_list(body.get("messages")) if isinstance(item, dict)]
    blocks = [block for message in messages for block in _list_blocks(message)]
    tools = body.get("tools") or _take(body, "toolConfig").get("tools")
    prompt = _read_prompt(body, messages)
    return {
        "max_tokens": _first(
            settings,
            ("max_tokens", "maxTokens", "maxTokenCount", "max_gen_len", "max_tokens_to_sample",
             "max_completion_tokens"),
        ),
        "temperature": settings.get("temperature"),
        "top_p": _first(settings, ("top_p", "topP", "p")),
        "tool_count": len(_as_list(tools)),
        "image_count": sum(
            1 for block in blocks if block.get("type") in _IMAGE_TYPES or "image" in block
        ),
        "message_count": len(messages) if messages else 1 if prompt is not None else None,
        "end_user_id": _first(
            {**_take(body, "requestMetadata"), **_take(body, "metadata")}, ("user_id", "userId")
        ),
        "system_prompt": _read_system(body, messages),
        "prompt": prompt,
        "artifacts_submitted": _list_artifacts(blocks),
    }  # fmt: skip


def _read_prompt(body: dict[str, Any], messages: list[dict[str, Any]]) -> str | None:
    """Return the text of the last message that the user wrote, all its parts joined."""
    for message in reversed(messages):
        if message.get("role") == "user":
            text = _join_text(message)
            if text is not None:
                return text
    for name in _PROMPT_FIELDS:
        value = body.get(name)
        if isinstance(value, str):
            return value
    return None


def _read_system(body: dict[str, Any], messages: list[dict[str, Any]]) -> str | None:
    system = body.get("system")
    if isinstance(system, str):
        return system
    text = _join_text({"content": system})
    if text is not None:
        return text
    for message in messages:
        if message.get("role") in ("system", "developer"):
            return _join_text(message)
    return None


def _join_text(message: dict[str, Any]) -> str | None:
    parts = [
        block["text"]
        for block in _list_blocks(message)
        if isinstance(block.get("text"), str) and block.get("type") in _TEXT_TYPES
    ]
    return "\n".join(parts) if parts else None


def _list_blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    if isinstance(content, str):
        return [{"text": content}]
    return [block for block in _as_list(content) if isinstance(block, dict)]


def _list_reply_blocks(answer: Any) -> list[dict[str, Any]]:
    """Return the content blocks of a reply; a streamed reply is a list of events."""
    if isinstance(answer, dict):
        message = _take(_take(answer, "output"), "message")
        return _list_blocks(answer) + _list_blocks(message)
    blocks = []
    for event in _as_list(answer):
        if isinstance(event, dict):
            for name in ("content_block", "delta"):
                if isinstance(event.get(name), dict):
                    blocks.append(event[name])
            delta = _take(event, "contentBlockDelta").get("delta")
            if isinstance(delta, dict):
                blocks.append(delta)
    return blocks


def _list_artifacts(blocks: list[dict[str, Any]]) -> list[str]:
    """Return the signatures and encrypted parts of reasoning blocks, once each, in order."""
    return list(dict.fromkeys(_find_artifacts(blocks)))


def _find_artifacts(blocks: list[dict[str, Any]]) -> Iterator[str]:
    for block in blocks:
        reasoning = _take(block, "reasoningContent")
        candidates = [
            block.get("signature"),
            block.get("data") if block.get("type") == "redacted_thinking" else None,
            reasoning.get("redactedContent"),
            reasoning.get("signature"),
            _take(reasoning, "reasoningText").get("signature"),
        ]
        yield from (value for value in candidates if isinstance(value, str) and value)


def _read_status(record: dict[str, Any], answer: Any) -> str:
    code = record.get("errorCode")
    if isinstance(code, str) and code:
        name = code.lower()
        if any(part in name for part in _LIMITED):
            return "rate_limited"
        if any(part in name for part in _BLOCKED):
            return "blocked"
        return "error"
    for item in [answer] if isinstance(answer, dict) else _as_list(answer):
        if not isinstance(item, dict):
            continue
        reasons = (
            _first(item, ("stopReason", "stop_reason", "completionReason")),
            _take(item, "messageStop").get("stopReason"),
            _take(item, "delta").get("stop_reason"),
            item.get("amazon-bedrock-guardrailAction"),
        )
        if any(
            isinstance(reason, str)
            and reason.lower() in ("guardrail_intervened", "content_filtered", "refusal",
                                   "intervened")
            for reason in reasons
        ):  # fmt: skip
            return "refused"
    return "ok"


def _read_time(value: Any) -> Any:
    """Return the time with its zone: the platform documents UTC, some exports drop the `Z`."""
    if isinstance(value, str) and _NAIVE_TIME.fullmatch(value):
        return value + "Z"
    return value


def _take(holder: Any, name: str) -> dict[str, Any]:
    """Return the object under a name, or an empty one if there is none."""
    return _as_object(holder.get(name)) if isinstance(holder, dict) else {}


def _as_object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _first(holder: dict[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        if holder.get(name) is not None:
            return holder[name]
    return None
