"""Messages and bodies in API Management's logs: put together, opened, or given up as unknown."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from stillwatch.sources.azure_records import View
from stillwatch.sources.fields import FieldError
from stillwatch.sources.json_parts import list_objects, read_whole, try_json


def gather_messages(views: Iterable[View], name: str) -> list[dict[str, Any]] | None:
    """Return the messages that records hold in numbered pieces; None if there are none to read.

    Each piece is a list of messages. One that is too long for a piece goes on in the next under
    the same role, so text is joined over the border of two pieces. Where a log cuts the JSON text
    itself into pieces, these are joined before they are read.
    """
    pieces = sorted(
        ((_read_number(view), view[name]) for view in views if view.get(name) not in (None, "")),
        key=lambda piece: piece[0],
    )
    for (number, content), (next_number, next_content) in itertools.pairwise(pieces):
        if number == next_number and content != next_content:
            raise FieldError("conflict", f"two pieces of {name} with one sequence number differ")
    contents = list(dict(pieces).values())
    opened = [try_json(content) for content in contents]
    if any(broken for _, broken in opened):
        if not all(isinstance(content, str) for content in contents):
            return None
        opened = [try_json("".join(contents))]
    messages: list[dict[str, Any]] = []
    for value, broken in opened:
        if broken:
            return None
        piece = list_objects([value] if isinstance(value, dict) else value)
        if messages and piece and _goes_on(messages[-1], piece[0]):
            joined = messages[-1]["content"] + piece[0]["content"]
            messages[-1] = {**messages[-1], "content": joined}
            piece = piece[1:]
        messages += piece
    return messages or None


def open_body(value: Any) -> Any:
    """Return a logged body; None if it is absent, cut short or no JSON."""
    if isinstance(value, str) and value.lstrip().startswith(("data:", "event:")):
        return _open_stream(value)
    body, _ = try_json(value)
    return body if isinstance(body, dict | list) else None


def find_header(headers: Any, name: str) -> Any:
    """Return a header of a logged request, its name without case; None if it is not there."""
    opened, _ = try_json(headers)
    if isinstance(opened, dict):
        for key, value in opened.items():
            if key.lower() == name:
                return value[0] if isinstance(value, list) and value else value
    for item in list_objects(opened):
        key = item.get("name")
        if isinstance(key, str) and key.lower() == name:
            return item.get("value")
    return None


def _open_stream(text: str) -> list[dict[str, Any]]:
    events = []
    for line in text.splitlines():
        if line.startswith("data:"):
            event, _ = try_json(line[5:].strip())
            if isinstance(event, dict):
                events.append(event)
    return events


def _read_number(view: View) -> int:
    number = read_whole(view.get("sequencenumber"))
    if type(number) is float and number.is_integer():
        number = int(number)
    if number is None:
        return 0
    if type(number) is not int:
        raise FieldError("bad_type_sequence_number", "sequence_number is not a whole number")
    return number


def _goes_on(message: dict[str, Any], following: dict[str, Any]) -> bool:
    return (
        message.get("role") == following.get("role")
        and isinstance(message.get("content"), str)
        and isinstance(following.get("content"), str)
    )
