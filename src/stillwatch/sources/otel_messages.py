"""The messages in GenAI telemetry, old and new, as chat messages.

Instrumentations have put them into attributes (`gen_ai.input.messages`, before that
`gen_ai.prompt`, and numbered ones such as `gen_ai.prompt.0.content`), into events of the span and
into log records.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from stillwatch.sources.json_parts import as_list, first, list_objects, take, try_json
from stillwatch.sources.message_blocks import join_text
from stillwatch.sources.otlp import Attributes, read_attributes, read_value

Message = dict[str, Any]

_NUMBERED = re.compile(
    r"(?:gen_ai|llm)\.(prompts?|completions?)\.(\d{1,4})\.(role|content|finish_reason)", re.ASCII
)
_INPUT_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_IMAGE_KINDS = ("blob", "uri", "file")
_HELD_KEYS = (
    "signature", "data", "encrypted_content", "thoughtSignature", "thought_signature",
    "redacted_content",
)  # fmt: skip


class Event(NamedTuple):
    """An event of a span, or a log record that belongs to one."""

    name: str
    attributes: Attributes
    body: Any


def read_event(event: dict[str, Any]) -> Event:
    """Return the name, attributes and body of a span's event or of a log record."""
    attributes = read_attributes(event.get("attributes"))
    name = first(event, ("eventName", "name")) or attributes.get("event.name")
    body = event.get("body")
    wrapped = isinstance(body, dict) and any(key.endswith("Value") for key in body)
    return Event(name if isinstance(name, str) else "", attributes,
                 read_value(body) if wrapped else body)  # fmt: skip


def list_input(attributes: Attributes, events: Iterable[Event]) -> list[Message]:
    """Return the messages of the request in their order."""
    messages = _open_messages(first(attributes, ("gen_ai.input.messages", "gen_ai.prompt")))
    messages = messages or list(_list_numbered(attributes, "prompt").values())
    if messages:
        return messages
    for event in events:
        if event.name in _INPUT_EVENTS:
            messages.append(_read_message_event(event, _INPUT_EVENTS[event.name]))
        else:
            given = first(event.attributes, ("gen_ai.input.messages", "gen_ai.prompt"))
            messages += _open_messages(given)
    return messages


def list_output(attributes: Attributes, events: Iterable[Event]) -> list[Message]:
    """Return the messages of the reply, one for each choice, with their finish reasons."""
    messages = _open_messages(
        first(attributes, ("gen_ai.output.messages", "gen_ai.completion")), "assistant"
    )
    messages = messages or list(_list_numbered(attributes, "completion").values())
    if messages:
        return messages
    for event in events:
        if event.name == "gen_ai.choice":
            messages.append(_read_choice(event))
        else:
            given = first(event.attributes, ("gen_ai.output.messages", "gen_ai.completion"))
            messages += _open_messages(given, "assistant")
    return messages


def read_instructions(attributes: Attributes, events: Iterable[Event]) -> str | None:
    """Return the system instructions that were given beside the messages."""
    for holder in (attributes, *(event.attributes for event in events)):
        value, broken = try_json(holder.get("gen_ai.system_instructions"))
        if isinstance(value, str) or (broken and value is None):
            return value or holder["gen_ai.system_instructions"]
        text = join_text({"content": [_read_part(part) for part in list_objects(value)]})
        if text is not None:
            return text
    return None


def _open_messages(value: Any, role: str = "user") -> list[Message]:
    """Return messages from JSON text or a list; plain text is one message."""
    if value is None or value == "":
        return []
    opened, broken = try_json(value)
    if isinstance(opened, dict):
        opened = opened["messages"] if isinstance(opened.get("messages"), list) else [opened]
    if broken or not isinstance(opened, list):
        return [{"role": role, "content": value}] if isinstance(value, str) else []
    return [_read_message(item) for item in list_objects(opened)]


def _read_message(message: Message) -> Message:
    """Return a message whose parts are content blocks."""
    content = message.get("content")
    parts = message.get("parts")
    if isinstance(parts, list):
        content = [_read_part(part) for part in list_objects(parts)]
    return {**message, "content": content}


def _read_part(part: dict[str, Any]) -> dict[str, Any]:
    kind = part.get("type")
    if kind in ("text", None):
        return {"type": "text", "text": first(part, ("content", "text"))}
    block = {"type": kind, **{name: part[name] for name in _HELD_KEYS if name in part}}
    media_type = part.get("mime_type")
    if kind in _IMAGE_KINDS and (
        part.get("modality") == "image"
        or (isinstance(media_type, str) and media_type.startswith("image/"))
    ):
        return {"type": "image"}
    return block


def _list_numbered(attributes: Attributes, what: str) -> dict[int, Message]:
    found: dict[int, Message] = {}
    for name, value in attributes.items():
        match = _NUMBERED.fullmatch(name)
        if match and match[1].startswith(what):
            opened, _ = try_json(value)
            content = opened if match[3] == "content" and isinstance(opened, list) else value
            found.setdefault(int(match[2]), {})[match[3]] = content
    return {number: found[number] for number in sorted(found)}


def _read_message_event(event: Event, role: str) -> Message:
    holder = {**event.attributes, **(event.body if isinstance(event.body, dict) else {})}
    given = holder.get("role")
    content = first(holder, ("content", "gen_ai.event.content"))
    opened, broken = try_json(content)
    if not broken and isinstance(opened, dict):
        return _read_message({"role": given or role, **opened})
    return {"role": given or role, "content": opened if isinstance(opened, list) else content}


def _read_choice(event: Event) -> Message:
    holder = {**event.attributes, **(event.body if isinstance(event.body, dict) else {})}
    opened, _ = try_json(holder.get("message"))
    message = opened if isinstance(opened, dict) else take(holder, "message")
    return {"role": "assistant", "content": as_list(message.get("content")), **message,
            "finish_reason": holder.get("finish_reason")}  # fmt: skip
