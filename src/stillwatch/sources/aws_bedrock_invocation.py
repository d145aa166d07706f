"""`aws_bedrock_invocation`: Amazon Bedrock model invocation logs (S3 or CloudWatch JSON).

One record per call of Converse or InvokeModel, with the request and reply bodies where the
platform's owner has switched text logging on and the body was small enough to be logged in place.
There is no client address, client fingerprint, session, key or country in these logs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from stillwatch.sources.adapter import (
    FormatInfo,
    SingleRecords,
    list_columns,
    list_undefined,
)
from stillwatch.sources.json_parts import as_list, as_object, first, take, try_json
from stillwatch.sources.message_blocks import list_artifacts, list_blocks
from stillwatch.sources.reply_bodies import add_counts
from stillwatch.sources.request_bodies import REQUEST_FIELDS, read_request

_ENVELOPE = frozenset(
    {
        "schemaType", "schemaVersion", "timestamp", "accountId", "identity", "region",
        "requestId", "operation", "modelId", "input", "output", "errorCode", "status",
        "requestMetadata", "inferenceRegion", "serviceTier", "guardrail",
    }
)  # fmt: skip
_NESTED = {
    "identity": frozenset({"arn"}),
    "input": frozenset(
        {
            "inputContentType", "inputBodyJson", "inputBodyS3Path", "inputTokenCount",
            "cacheReadInputTokenCount", "cacheReadInputTokens", "cacheWriteInputTokenCount",
            "cacheWriteInputTokens",
        }
    ),
    "output": frozenset(
        {"outputContentType", "outputBodyJson", "outputBodyS3Path", "outputTokenCount"}
    ),
}  # fmt: skip
_NAIVE_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?")
_CACHE_READS = ("cacheReadInputTokenCount", "cacheReadInputTokens")
_CACHE_WRITES = ("cacheWriteInputTokenCount", "cacheWriteInputTokens")
_BLOCKED = ("accessdenied", "unauthorized", "forbidden", "unrecognizedclient", "expiredtoken")
_LIMITED = ("throttl", "toomanyrequests", "quotaexceeded", "serviceunavailable")


class BedrockInvocationAdapter(SingleRecords):
    """Maps invocation logs; `identity.arn` is the account and `accountId` the organisation."""

    format_id = "aws_bedrock_invocation"
    info = FormatInfo(
        title="Amazon Bedrock model invocation logs (S3 or CloudWatch JSON)",
        exchange_id="`requestId`",
        account="`identity.arn`, the role or user that called; `accountId` is the organisation",
        blind_spots=(
            "Texts, images, tools, sampling parameters and artefacts are there only if the "
            "platform's owner logs bodies; a body too large for the record lies elsewhere in S3 "
            "and is not read.",
            "Requests that the platform turned away before a model saw them may be missing.",
        ),
    )
    columns = list_columns(
        REQUEST_FIELDS
        | {
            "exchange_id", "event_at", "account_id", "organization_id", "model", "endpoint",
            "status", "input_tokens", "output_tokens", "cached_input_tokens", "latency_ms",
            "artifacts_issued",
        }
    )  # fmt: skip

    def is_format(self, record: dict[str, Any]) -> bool:
        """Return whether the record says that it is an invocation log."""
        return record.get("schemaType") == "ModelInvocationLog"

    def map_record(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the raw exchange fields of one invocation log record."""
        operation = record.get("operation")
        request = take(record, "input")
        reply = take(record, "output")
        body, answer = request.get("inputBodyJson"), reply.get("outputBodyJson")
        if isinstance(body, str):  # as in columns of type JSON
            body, _ = try_json(body)
        if isinstance(answer, str):
            answer, _ = try_json(answer)
        cached = first(request, _CACHE_READS)
        fields: dict[str, Any] = {
            "exchange_id": record.get("requestId"),
            "event_at": _read_time(record.get("timestamp")),
            "account_id": take(record, "identity").get("arn"),
            "organization_id": record.get("accountId"),
            "model": record.get("modelId"),
            "endpoint": operation,
            "status": _read_status(record, answer),
            # the platform counts tokens from the cache and into it beside the other input
            "input_tokens": add_counts(
                request.get("inputTokenCount"), cached, first(request, _CACHE_WRITES)
            ),
            "output_tokens": reply.get("outputTokenCount"),
            "cached_input_tokens": cached,
            "latency_ms": take(as_object(answer), "metrics").get("latencyMs"),
        }
        if isinstance(operation, str):
            fields["stream"] = "stream" in operation.lower()
        if body and isinstance(body, dict):
            stream = fields.get("stream")
            fields |= read_request(body)
            fields["stream"] = stream
        if answer and isinstance(answer, dict | list):
            fields["artifacts_issued"] = list_artifacts(_list_reply_blocks(answer))
        return fields

    def list_unknown(self, record: dict[str, Any]) -> Iterable[str]:
        """Return the names of the envelope and of its parts that the format does not define."""
        return list_undefined(record, _ENVELOPE, _NESTED)


def _list_reply_blocks(answer: Any) -> list[dict[str, Any]]:
    """Return the content blocks of a reply; a streamed reply is a list of events."""
    if isinstance(answer, dict):
        message = take(take(answer, "output"), "message")
        return list_blocks(answer) + list_blocks(message)
    blocks = []
    for event in as_list(answer):
        if isinstance(event, dict):
            for name in ("content_block", "delta"):
                if isinstance(event.get(name), dict):
                    blocks.append(event[name])
            delta = take(event, "contentBlockDelta").get("delta")
            if isinstance(delta, dict):
                blocks.append(delta)
    return blocks


def _read_status(record: dict[str, Any], answer: Any) -> str:
    code = record.get("errorCode")
    if isinstance(code, str) and code:
        name = code.lower()
        if any(part in name for part in _LIMITED):
            return "rate_limited"
        if any(part in name for part in _BLOCKED):
            return "blocked"
        return "error"
    for item in [answer] if isinstance(answer, dict) else as_list(answer):
        if not isinstance(item, dict):
            continue
        reasons = (
            first(item, ("stopReason", "stop_reason", "completionReason")),
            take(item, "messageStop").get("stopReason"),
            take(item, "delta").get("stop_reason"),
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
