"""Reply bodies of the common model APIs: tokens, how they ended, artefacts given out.

A streamed reply is a list of events; a later event completes an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stillwatch.sources.json_parts import (
    as_list,
    as_object,
    drop_absent,
    first,
    list_objects,
    take,
)
from stillwatch.sources.message_blocks import (
    list_artifacts,
    list_blocks,
    list_held_beside,
    list_parts,
)
from stillwatch.sources.outcomes import is_refusal

# What `read_usage` may fill.
USAGE_FIELDS = frozenset(
    {"input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens"}
)

_INPUT = ("prompt_tokens", "promptTokenCount", "prompt_token_count", "input_tokens", "inputTokens")
# Messages and Converse count what went through the cache beside these, all others among them.
_UNCACHED_INPUT = ("input_tokens", "inputTokens")
_BESIDE_INPUT = (
    ("cache_read_input_tokens", "cacheReadInputTokens"),
    ("cache_creation_input_tokens", "cacheWriteInputTokens"),
)
_OUTPUT = ("completion_tokens", "output_tokens", "outputTokens")
_CACHED = (
    "cache_read_input_tokens", "cacheReadInputTokens", "cachedContentTokenCount",
    "cached_content_token_count",
)  # fmt: skip
_CANDIDATES = ("candidatesTokenCount", "candidates_token_count")
_THOUGHTS = ("thoughtsTokenCount", "thoughts_token_count")
_FEEDBACK = ("promptFeedback", "prompt_feedback")


def list_events(reply: Any) -> list[dict[str, Any]]:
    """Return the reply, or the events of a streamed one, as a list of objects."""
    return [reply] if isinstance(reply, dict) else list_objects(reply)


def read_usage(reply: Any) -> dict[str, Any]:
    """Return the token counts of a reply; those that it does not name are left out.

    Tokens of thoughts count as output, as they are billed, and beside that as reasoning. Tokens
    read from a cache or written to it count as input, and those read beside that as cached.
    """
    merged: dict[str, Any] = {}
    for event in list_events(reply):
        for holder in (event, take(event, "message"), take(event, "response")):
            usage = as_object(first(holder, ("usage", "usageMetadata", "usage_metadata")))
            merged |= drop_absent(usage)
    return drop_absent(read_counts(merged)) if merged else {}


def read_counts(usage: dict[str, Any]) -> dict[str, Any]:
    """Return the token counts of one usage object; absent ones are None."""
    prompt_details = as_object(first(usage, ("prompt_tokens_details", "input_tokens_details")))
    reply_details = as_object(first(usage, ("completion_tokens_details", "output_tokens_details")))
    candidates, thoughts = first(usage, _CANDIDATES), first(usage, _THOUGHTS)
    output = first(usage, _OUTPUT)
    if output is None:
        output = candidates
        if type(thoughts) is int and (candidates is None or type(candidates) is int):
            output = thoughts + (candidates or 0)
    return {
        "input_tokens": _count_input(usage),
        "output_tokens": output,
        "cached_input_tokens": first({**prompt_details, **usage}, (*_CACHED, "cached_tokens")),
        "reasoning_tokens": first({**reply_details, "thoughts": thoughts},
                                  ("reasoning_tokens", "thoughts")),
    }  # fmt: skip


def add_counts(*counts: Any) -> Any:
    """Return the sum of the counts that are there; the first as it is if one is no whole number.

    >>> add_counts(3, None, 4), add_counts(None, 4), add_counts("3", 4)
    (7, None, '3')
    """
    base, *others = counts
    present = [count for count in others if count is not None]
    if type(base) is not int or not all(type(count) is int for count in present):
        return base
    return base + sum(present)


def _count_input(usage: dict[str, Any]) -> Any:
    """Return all input tokens, those from the cache and into it among them."""
    name = next((name for name in _INPUT if usage.get(name) is not None), None)
    if name not in _UNCACHED_INPUT:
        return None if name is None else usage[name]
    return add_counts(usage[name], *(first(usage, names) for names in _BESIDE_INPUT))


def is_refused(reply: Any) -> bool:
    """Return whether the reply was withheld by a filter or is a refusal."""
    return any(
        is_refusal(_list_finishes(event)) or _holds_refusal(event) for event in list_events(reply)
    )


def list_issued(reply: Any) -> list[str]:
    """Return the reasoning artefacts that a reply gave out."""
    return list_artifacts(
        block for event in list_events(reply) for block in _list_reply_blocks(event)
    )


def find_error(reply: Any) -> dict[str, Any]:
    """Return the error object of a reply, or an empty one."""
    for event in list_events(reply):
        error = take(event, "error")
        if error:
            return error
    return {}


def _list_finishes(event: dict[str, Any]) -> Iterator[Any]:
    yield event.get("stop_reason")
    yield take(event, "delta").get("stop_reason")
    yield take(take(event, "response"), "incomplete_details").get("reason")
    yield take(event, "incomplete_details").get("reason")
    for choice in list_objects(event.get("choices")):
        yield choice.get("finish_reason")
    for candidate in list_objects(event.get("candidates")):
        yield first(candidate, ("finishReason", "finish_reason"))


def _holds_refusal(event: dict[str, Any]) -> bool:
    feedback = as_object(first(event, _FEEDBACK))
    if first(feedback, ("blockReason", "block_reason")):
        return True
    if any(take(choice, "message").get("refusal") for choice in list_objects(event.get("choices"))):
        return True
    return any(
        block.get("type") == "refusal"
        for item in list_objects(event.get("output"))
        for block in list_blocks(item)
    )


def _list_reply_blocks(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from list_blocks(event)
    for name in ("content_block", "delta", "item"):
        if isinstance(event.get(name), dict):
            yield event[name]
    for holder in (event, take(event, "response"), take(event, "message")):
        yield from list_objects(holder.get("output"))
        if holder is not event:
            yield from list_blocks(holder)
    for choice in list_objects(event.get("choices")):
        for name in ("message", "delta"):
            message = take(choice, name)
            yield from list_blocks(message)
            yield from list_held_beside(message)
    for candidate in as_list(event.get("candidates")):
        yield from list_parts(as_object(candidate).get("content"))
