"""Request bodies of the common model APIs, to raw exchange fields.

Known are chat completions, responses, messages, Converse, generateContent and the plain prompts of
older APIs. A body says which it is by the names in it.
"""

from __future__ import annotations

from typing import Any

from stillwatch.sources.json_parts import as_list, as_object, first, list_objects, take
from stillwatch.sources.message_blocks import (
    count_image_parts,
    count_images,
    join_parts,
    join_text,
    list_artifacts,
    list_blocks,
    list_held_beside,
    list_parts,
)

# What `read_request` may fill.
REQUEST_FIELDS = frozenset(
    {
        "max_tokens", "temperature", "top_p", "n", "seed", "stream", "tool_count", "image_count",
        "message_count", "end_user_id", "system_prompt", "prompt", "artifacts_submitted",
    }
)  # fmt: skip

_PROMPT_FIELDS = ("prompt", "inputText", "message")
_NESTED_SETTINGS = (
    "textGenerationConfig", "inferenceConfig", "generationConfig", "generation_config",
)  # fmt: skip
_MAX_TOKENS = (
    "max_tokens", "maxTokens", "maxTokenCount", "max_gen_len", "max_tokens_to_sample",
    "max_completion_tokens", "max_output_tokens", "maxOutputTokens",
)  # fmt: skip
_CHOICE_COUNT = ("n", "candidateCount", "candidate_count")
_USER_FIELDS = ("safety_identifier", "user")
_CHAT_BODY = ("messages", "input", "prompt")
_NO_TURN = ("system", "developer", "tool", "function")  # whose messages are no turn
_FUNCTION_LISTS = ("functionDeclarations", "function_declarations")


def read_request(body: dict[str, Any]) -> dict[str, Any]:
    """Return the raw exchange fields that stand in a request body; absent ones are None."""
    settings = body
    for name in _NESTED_SETTINGS:
        if name in body:
            settings = {**take(body, name), **settings}
    fields = {
        "max_tokens": first(settings, _MAX_TOKENS),
        "temperature": settings.get("temperature"),
        "top_p": first(settings, ("top_p", "topP", "p")),
        "n": first(settings, _CHOICE_COUNT),
        "seed": settings.get("seed"),
        "stream": _read_stream(body),
        "end_user_id": _read_end_user(body),
    }
    if "contents" in body:
        return fields | _read_contents(body)
    return fields | _read_messages(body)


def _read_messages(body: dict[str, Any]) -> dict[str, Any]:
    messages = list_objects(body.get("messages"))
    if not messages and "input" in body:
        messages = list_inputs(body["input"])
    blocks: list[dict[str, Any]] = []
    held: list[dict[str, Any]] = []
    roles = [message.get("role") for message in messages]
    for message, role in zip(messages, roles, strict=True):
        blocks += list_blocks(message)
        if role == "assistant":
            held += list_held_beside(message)
        elif role is None:
            held.append(message)  # an item of the responses API that is no message
    tools = body.get("tools") or take(body, "toolConfig").get("tools") or body.get("functions")
    prompt = _read_prompt(body, messages)
    return {
        "tool_count": len(as_list(tools)),
        "image_count": count_images(blocks),
        "message_count": _count_turns(roles, prompt),
        "system_prompt": _read_system(body, messages),
        "prompt": prompt,
        "artifacts_submitted": list_artifacts([*blocks, *held]) if messages else None,
    }


def _read_stream(body: dict[str, Any]) -> Any:
    """Return whether a stream is asked for: the APIs with a chat's body send none unasked."""
    stream = body.get("stream")
    return False if stream is None and any(name in body for name in _CHAT_BODY) else stream


def _count_turns(roles: list[Any], prompt: str | None) -> int | None:
    """Return how many messages are turns of user or assistant, or None if there are none at all.

    Instructions and the results of tools are no turns, nor are items without a role.
    """
    if not roles:
        return 1 if prompt is not None else None
    named = [role for role in roles if role is not None]
    return sum(role not in _NO_TURN for role in named) if named else len(roles)


def list_inputs(value: Any) -> list[dict[str, Any]]:
    """Return the items of a responses request; plain text is one message of the user."""
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    return list_objects(value)


def _read_prompt(body: dict[str, Any], messages: list[dict[str, Any]]) -> str | None:
    """Return the text of the last message that the user wrote, all its parts joined."""
    for message in reversed(messages):
        if message.get("role") == "user":
            text = join_text(message)
            if text is not None:
                return text
    for name in _PROMPT_FIELDS:
        value = body.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            return "\n".join(value)
    return None


def _read_system(body: dict[str, Any], messages: list[dict[str, Any]]) -> str | None:
    system = first(body, ("system", "instructions"))
    if isinstance(system, str):
        return system
    text = join_text({"content": system})
    if text is not None:
        return text
    for message in messages:
        if message.get("role") in ("system", "developer"):
            return join_text(message)
    return None


def _read_contents(body: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a generateContent body, in camel case or as a table's columns."""
    given = body["contents"]
    contents: list[Any] = as_list(given) if not isinstance(given, dict | str) else [given]
    contents = [item for item in contents if isinstance(item, dict | str)]
    parts = [part for content in contents for part in list_parts(content)]
    tool_count = 0
    for tool in list_objects(body.get("tools")):
        functions = first(tool, _FUNCTION_LISTS)
        tool_count += len(as_list(functions)) if functions is not None else 1
    prompt = None
    for content in reversed(contents):
        if as_object(content).get("role", "user") == "user":
            prompt = join_parts(content)
            if prompt is not None:
                break
    return {
        "tool_count": tool_count,
        "image_count": count_image_parts(parts),
        "message_count": _count_turns([_get_role(content) for content in contents], None),
        "system_prompt": join_parts(first(body, ("systemInstruction", "system_instruction"))),
        "prompt": prompt,
        "artifacts_submitted": list_artifacts(parts) if contents else None,
    }


def _get_role(content: Any) -> Any:
    """Return whose turn a content is; without a role it is the user's."""
    return as_object(content).get("role") or "user"


def _read_end_user(body: dict[str, Any]) -> Any:
    for name in ("requestMetadata", "metadata"):
        if name in body:
            value = first(take(body, name), ("user_id", "userId"))
            if value is not None:
                return value
    return first(body, _USER_FIELDS)
