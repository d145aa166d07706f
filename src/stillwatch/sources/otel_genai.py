"""`otel_genai`: OTLP JSON after the OpenTelemetry semantic conventions for generative AI.

A line is one export with any number of spans (or log records). A span of an inference operation
is an exchange; its content may stand in attributes, in its events, or in log records that name
it. Attribute names have changed since 2024: current, previous and widely used older names are all
read, the current ones first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from stillwatch.sources.adapter import NOT_AN_EXCHANGE, FormatInfo, Joined, list_columns
from stillwatch.sources.fields import FieldError
from stillwatch.sources.instants import count_milliseconds, read_unix, read_utc
from stillwatch.sources.json_parts import (
    as_list,
    drop_repeated,
    first,
    first_text,
    take,
    try_json,
)
from stillwatch.sources.message_blocks import list_artifacts, list_blocks, list_held_beside
from stillwatch.sources.network import read_client_address
from stillwatch.sources.otel_messages import (
    Event,
    list_input,
    list_output,
    read_event,
    read_instructions,
)
from stillwatch.sources.otel_names import (
    ACCOUNT_NAMES,
    CALLS,
    END_USER_NAMES,
    FIELD_NAMES,
    MODEL_NAMES,
    NO_CALLS,
    SPAN_NAMES,
    is_known_attribute,
)
from stillwatch.sources.otlp import Attributes, list_spans_and_logs, read_attributes
from stillwatch.sources.outcomes import ERROR, OK, REFUSED, is_refusal, judge_error, judge_http
from stillwatch.sources.request_bodies import read_request

_DETAILS = "gen_ai.client.inference.operation.details"
_NO_ID = re.compile(r"0*")
_MESSAGE_FIELDS = (
    "prompt", "system_prompt", "image_count", "message_count", "artifacts_submitted",
)  # fmt: skip


class OtelGenAiAdapter:
    """Maps inference spans; the account is the caller that the span or its resource names.

    The conventions have no attribute for an account: the first of `account.id`, a user's account,
    `enduser.id`, `user.id`, a proxy's key owner, `cloud.account.id` and `service.name` counts, the
    span's before the resource's.
    """

    format_id = "otel_genai"
    is_one_per_line = False
    has_parts = True
    has_caseless_accounts = False
    info = FormatInfo(
        title="OTLP JSON spans (and their log records) after the OpenTelemetry GenAI conventions",
        exchange_id="`traceId/spanId`",
        account="the first that the span, or else its resource, names of "
        + ", ".join(f"`{name}`" for name in ACCOUNT_NAMES),
        blind_spots=(
            "The conventions name no account: where only `service.name` is given, all calls of "
            "an application are one account.",
            "Content is opt-in: most exports carry no text, images or tools. The conventions have "
            "no place for reasoning artefacts: where none is carried they are unknown, not none.",
            "`gen_ai.usage.input_tokens` includes cached tokens by the conventions; an "
            "instrumentation that leaves them out is not told from one that does not.",
            "Two instrumentations of one call (a framework and its client) give two spans and "
            "count twice; spans of agents, tools and retrieval are `not_an_exchange`.",
            "Traces may be sampled: the missing calls are nowhere named.",
            "A log record is put to its span within one file and within 10,000 records.",
            "Telemetry comes from the caller's side of the call unless a gateway writes it: a "
            "caller can leave out or alter what it likes.",
        ),
    )
    columns = list_columns(
        {
            *FIELD_NAMES, *_MESSAGE_FIELDS, "exchange_id", "event_at", "account_id", "model",
            "status", "latency_ms", "tool_count", "end_user_id", "artifacts_issued", "client_ip",
        }
    )  # fmt: skip

    def is_format(self, record: dict[str, Any]) -> bool:
        """Return whether the object is an OTLP export or a single span of one."""
        if isinstance(record.get("resourceSpans"), list):
            return True
        if isinstance(record.get("resourceLogs"), list):
            return True
        return "traceId" in record and "spanId" in record and "startTimeUnixNano" in record

    def list_records(self, line: dict[str, Any]) -> list[Any]:
        """Return the spans and log records of one export."""
        return list_spans_and_logs(line)

    def find_exchange(self, record: dict[str, Any]) -> str | None:
        """Return the ids of the span that a span is, or that a GenAI log record belongs to."""
        if "log" in record:
            log = take(record, "log")
            return _read_id(log) if read_event(log).name.startswith("gen_ai.") else None
        return _read_id(take(record, "span") if "span" in record else record)

    def map_record(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the raw exchange fields of one inference span and the records joined with it."""
        parts = record["parts"] if isinstance(record, Joined) else [record]
        logs = [part for part in parts if "log" in part]
        spans = drop_repeated(part for part in parts if "log" not in part)
        if len(spans) > 1:
            raise FieldError("conflict", "two spans with the same ids differ")
        events = [read_event(take(part, "log")) for part in drop_repeated(logs)]
        if not spans:
            return _map_details(logs, events)
        span = take(spans[0], "span") if "span" in spans[0] else spans[0]
        attributes = read_attributes(span.get("attributes"))
        if not _is_call(attributes):
            raise FieldError(NOT_AN_EXCHANGE, "the span is no inference operation")
        events += [read_event(item) for item in as_list(span.get("events")) if _is_object(item)]
        start = _read_time(span.get("startTimeUnixNano"))
        end = _read_time(span.get("endTimeUnixNano"))
        fields = _map_attributes(attributes, take(spans[0], "resource"), events)
        return fields | {
            "exchange_id": _read_id(span),
            "event_at": start,
            "latency_ms": count_milliseconds(start, end),
            "status": _judge(take(span, "status"), attributes, events),
        }

    def list_unknown(self, record: dict[str, Any]) -> Iterable[str]:
        """Return the names in spans, and the GenAI attributes, that no convention defines."""
        unknown: set[str] = set()
        for part in record["parts"] if isinstance(record, Joined) else [record]:
            log = "log" in part
            span = take(part, "log") if log else take(part, "span") if "span" in part else part
            if not log:
                unknown |= {name for name in span if name not in SPAN_NAMES}
            unknown |= {
                f"attributes.{name}"
                for name in read_attributes(span.get("attributes"))
                if not is_known_attribute(name)
            }
        return sorted(unknown)


def _map_details(logs: list[dict[str, Any]], events: list[Event]) -> dict[str, Any]:
    """Return the fields of an exchange of which only the log record with all details is here."""
    for part, event in zip(drop_repeated(logs), events, strict=True):
        if event.name == _DETAILS:
            log = take(part, "log")
            fields = _map_attributes(event.attributes, take(part, "resource"), events)
            logged_at = first(log, ("timeUnixNano", "observedTimeUnixNano"))
            return fields | {
                "exchange_id": _read_id(log),
                "event_at": _read_time(logged_at),
                "status": _judge({}, event.attributes, events),
            }
    if any(event.name.startswith("gen_ai.") for event in events):
        raise FieldError("incomplete_exchange", "messages without the span that names the model")
    raise FieldError(NOT_AN_EXCHANGE, "the log record tells of no inference operation")


def _map_attributes(
    attributes: Attributes, resource: Attributes, events: list[Event]
) -> dict[str, Any]:
    fields = {
        name: first_text(first(attributes, names), first(resource, names))
        for name, names in FIELD_NAMES.items()
    }
    account_name, fields["account_id"] = _find_account(attributes, resource)
    fields["model"] = first(attributes, MODEL_NAMES)
    fields["end_user_id"] = first(
        attributes, (name for name in END_USER_NAMES if name != account_name)
    )
    fields["client_ip"] = read_client_address(
        first(attributes, ("client.address", "http.client_ip"))
    )
    fields["tool_count"] = _count_tools(attributes, events)
    return fields | _read_content(attributes, events)


def _read_content(attributes: Attributes, events: list[Event]) -> dict[str, Any]:
    """Return what the messages tell, where they are carried.

    The conventions have no place for artefacts: some instrumentations carry them all the same, so
    that there are some is known, that there are none is not.
    """
    found: dict[str, Any] = {}
    asked = list_input(attributes, events)
    instructions = read_instructions(attributes, events)
    if asked or instructions is not None:
        body = {"messages": asked, "system": instructions}
        request = read_request(body)
        found = {name: request[name] for name in _MESSAGE_FIELDS}
        found["artifacts_submitted"] = found["artifacts_submitted"] or None
    answered = list_output(attributes, events)
    if answered:
        blocks = (
            block
            for message in answered
            for block in (*list_blocks(message), *list_held_beside(message))
        )
        found["artifacts_issued"] = list_artifacts(blocks) or None
    return found


def _judge(status: dict[str, Any], attributes: Attributes, events: list[Event]) -> str:
    kind = attributes.get("error.type")
    code = first(attributes, ("http.response.status_code", "http.status_code"))
    failed = status.get("code") in (2, "STATUS_CODE_ERROR", "ERROR")
    if failed or kind is not None:
        thrown = [event.attributes.get("exception.type") for event in events]
        judged = [judge_http(kind), judge_http(code)]
        certain = next((item for item in judged if item not in (None, OK, ERROR)), None)
        return certain or judge_error(kind, *thrown)
    reasons = as_list(try_json(attributes.get("gen_ai.response.finish_reasons"))[0])
    reasons += [message.get("finish_reason") for message in list_output(attributes, events)]
    return REFUSED if is_refusal(reasons) else OK


def _is_call(attributes: Attributes) -> bool:
    operation = first(attributes, ("gen_ai.operation.name", "llm.request.type"))
    if isinstance(operation, str) and operation:
        return operation.lower() in CALLS
    if any(name in attributes for name in NO_CALLS):
        return False
    provider = first(attributes, ("gen_ai.provider.name", "gen_ai.system", "llm.vendor"))
    return provider is not None and first(attributes, MODEL_NAMES) is not None


def _find_account(attributes: Attributes, resource: Attributes) -> tuple[str | None, Any]:
    for name in ACCOUNT_NAMES:
        value = first_text(attributes.get(name), resource.get(name))
        if value is not None:
            return name, value
    return None, None


def _count_tools(attributes: Attributes, events: list[Event]) -> int | None:
    for holder in (attributes, *(event.attributes for event in events)):
        tools, _ = try_json(holder.get("gen_ai.tool.definitions"))
        if isinstance(tools, list):
            return len(tools)
    named = {
        name.split(".")[3]
        for name in attributes
        if name.startswith("llm.request.functions.") and name.endswith(".name")
    }
    return len(named) or None


def _read_id(span: dict[str, Any]) -> str | None:
    trace, number = span.get("traceId"), span.get("spanId")
    if not isinstance(trace, str) or not isinstance(number, str):
        return None
    if _NO_ID.fullmatch(trace) or _NO_ID.fullmatch(number):
        return None  # OTLP's way to say that there is no id
    return f"{trace}/{number}"


def _read_time(value: Any) -> Any:
    if isinstance(value, datetime):
        return read_utc(value, "event_at")
    return read_unix(value, "ns", "event_at")


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)
