"""What is taken out of one record of a usage log, format by format.

Written after the formats as the vendors document them, like the adapters that read them. A record
may be broken: whatever does not look as documented is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson

Record = dict[str, Any]
Edit = Callable[[Record], None]

_INSTRUCTIONS = ("system", "system_instruction")
_INSTRUCTING_ROLES = ("system", "developer")
_OTEL_INSTRUCTIONS = "gen_ai.system_instructions"
_OTEL_MESSAGES = "gen_ai.input.messages"


def drop_fields(*names: str) -> Edit:
    """Return an edit that takes out fields of the record itself."""

    def edit(record: Record) -> None:
        if isinstance(record, dict):
            for name in names:
                record.pop(name, None)

    return edit


def _edit_each_azure(edit: Edit) -> Edit:
    """Return the edit for records that may come wrapped as `{"records": [...]}`."""

    def edit_line(line: Record) -> None:
        for record in _list_objects(line.get("records")) or [line]:
            edit(record)

    return edit_line


def _drop_azure_addresses(record: Record) -> None:
    record.pop("callerIpAddress", None)


def _drop_azure_text(record: Record) -> None:
    properties = record.get("properties")
    if isinstance(properties, dict):
        _edit_json(properties, "requestBody", _silence_body)
        _edit_json(properties, "requestMessages", _silence_messages)


def _drop_bedrock_text(record: Record) -> None:
    request = record.get("input")
    if isinstance(request, dict):
        _edit_json(request, "inputBodyJson", _silence_body)


def _drop_vertex_text(record: Record) -> None:
    _edit_json(record, "full_request", _silence_body)
    payloads = record.get("request_payload")
    if isinstance(payloads, list):
        bodies = [{"body": payload} for payload in payloads]
        for each in bodies:
            _edit_json(each, "body", _silence_body)
        record["request_payload"] = [each["body"] for each in bodies if "body" in each]


def _drop_otel_addresses(line: Record) -> None:
    for span in _list_spans(line):
        _drop_attributes(span, "client.address")


def _drop_otel_text(line: Record) -> None:
    for span in _list_spans(line):
        _drop_attributes(span, _OTEL_INSTRUCTIONS)
        for attribute in _list_objects(span.get("attributes")):
            value = attribute.get("value")
            if attribute.get("key") == _OTEL_MESSAGES and isinstance(value, dict):
                _edit_json(value, "stringValue", _silence_messages)


def _drop_litellm_addresses(record: Record) -> None:
    record.pop("requester_ip_address", None)
    _edit_json(record, "metadata", drop_fields("requester_ip_address"))


def _drop_litellm_text(record: Record) -> None:
    record.pop("messages", None)
    _edit_json(record, "proxy_server_request", _silence_body)


# A format that is not named under a kind of field never carries it. None carries payment.
ADDRESS_EDITS: dict[str, Edit] = {
    "native": drop_fields("client_ip", "client_country", "ja4", "header_order_hash"),
    "azure_openai_diagnostic": _edit_each_azure(_drop_azure_addresses),
    "otel_genai": _drop_otel_addresses,
    "litellm_spend": _drop_litellm_addresses,
}
TEXT_EDITS: dict[str, Edit] = {
    "native": drop_fields("system_prompt", "prompt"),
    "aws_bedrock_invocation": _drop_bedrock_text,
    "gcp_vertex_request_response": _drop_vertex_text,
    "azure_openai_diagnostic": _edit_each_azure(_drop_azure_text),
    "otel_genai": _drop_otel_text,
    "litellm_spend": _drop_litellm_text,
}
KNOWN_FORMATS = frozenset(TEXT_EDITS)


def _silence_body(body: Any) -> None:
    """Leave of a request body its parameters and what is no text, but no word of it."""
    if not isinstance(body, dict):
        return
    for name in _INSTRUCTIONS:
        body.pop(name, None)
    for name in ("messages", "contents"):
        _silence_messages(body.get(name))


def _silence_messages(messages: Any) -> None:
    """Take out instructions and the text of the other messages; images and tool calls stay."""
    if not isinstance(messages, list):
        return
    messages[:] = [
        message
        for message in messages
        if not (isinstance(message, dict) and message.get("role") in _INSTRUCTING_ROLES)
    ]
    for message in _list_objects(messages):
        for name in ("content", "parts"):
            if name in message:
                blocks = _list_objects(message[name])
                message[name] = [block for block in blocks if not _is_text(block)]


def _is_text(block: Record) -> bool:
    return "text" in block or block.get("type") == "text"


def _edit_json(holder: Record, name: str, edit: Callable[[Any], None]) -> None:
    """Edit a value that is an object, or the JSON text of one; other text is taken out whole."""
    value = holder.get(name)
    if isinstance(value, str):
        try:
            opened = orjson.loads(value)
        except orjson.JSONDecodeError:
            del holder[name]
            return
        edit(opened)
        holder[name] = orjson.dumps(opened).decode()
    else:
        edit(value)


def _list_spans(line: Record) -> Iterator[Record]:
    for resource in _list_objects(line.get("resourceSpans")):
        for scope in _list_objects(resource.get("scopeSpans")):
            yield from _list_objects(scope.get("spans"))


def _drop_attributes(span: Record, name: str) -> None:
    attributes = span.get("attributes")
    if isinstance(attributes, list):
        attributes[:] = [
            each for each in attributes if not (isinstance(each, dict) and each.get("key") == name)
        ]


def _list_objects(value: Any) -> list[Record]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
