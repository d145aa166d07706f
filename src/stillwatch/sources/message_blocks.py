"""What stands inside one message of a chat: its text, its images and its reasoning artefacts.

The families of models write the same things under different names; all of them are read here, so
that a platform which passes bodies on needs no knowledge of whose model answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from stillwatch.sources.json_parts import as_list, as_object, first, list_objects, take

_IMAGE_TYPES = ("image", "image_url", "input_image")
_TEXT_TYPES = (None, "text", "input_text")
_INLINE_DATA = ("inlineData", "inline_data", "fileData", "file_data")
_HELD_BESIDE = ("thinking_blocks", "reasoning_details", "reasoning_items")
_BESIDE = frozenset({*_HELD_BESIDE, "tool_calls", "extra_content", "provider_specific_fields"})
_ENCRYPTED_TYPES = ("reasoning", "compaction", "compaction_summary")
_ARTIFACT_KEYS = frozenset(
    {
        "signature", "data", "encrypted_content", "thoughtSignature", "thought_signature",
        "reasoningContent",
    }
)  # fmt: skip
_OPAQUE_TYPES = ("redacted_thinking", "reasoning.encrypted")


def list_blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the content blocks of a message; plain text is one block."""
    content = message.get("content")
    if isinstance(content, str):
        return [{"text": content}]
    return list_objects(content)


def list_parts(content: Any) -> list[dict[str, Any]]:
    """Return the parts of a Gemini content; plain text is one part."""
    if isinstance(content, str):
        return [{"text": content}]
    return list_objects(as_object(content).get("parts"))


def join_text(message: dict[str, Any]) -> str | None:
    """Return the text of a message, its blocks joined by line feeds; None if it has none."""
    parts = [
        block["text"]
        for block in list_blocks(message)
        if isinstance(block.get("text"), str) and block.get("type") in _TEXT_TYPES
    ]
    return "\n".join(parts) if parts else None


def join_parts(content: Any) -> str | None:
    """Return the text of a Gemini content without its thoughts; None if it has none."""
    parts = [
        part["text"]
        for part in list_parts(content)
        if isinstance(part.get("text"), str) and part.get("thought") is not True
    ]
    return "\n".join(parts) if parts else None


def count_images(blocks: Iterable[dict[str, Any]]) -> int:
    """Return how many of the blocks are images."""
    return sum(
        1 for block in blocks if block.get("type") in _IMAGE_TYPES or block.get("image") is not None
    )


def count_image_parts(parts: Iterable[dict[str, Any]]) -> int:
    """Return how many Gemini parts are images, by their media type."""
    count = 0
    for part in parts:
        data = as_object(first(part, _INLINE_DATA))
        media_type = first(data, ("mimeType", "mime_type"))
        count += isinstance(media_type, str) and media_type.startswith("image/")
    return count


def list_held_beside(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the reasoning blocks that proxies carry beside the content of a message."""
    if _BESIDE.isdisjoint(message):
        return []
    held = [block for name in _HELD_BESIDE for block in list_objects(message.get(name))]
    extras = [message, *list_objects(message.get("tool_calls"))]
    for extra in extras:
        held.append(take(take(extra, "extra_content"), "google"))
        special = take(extra, "provider_specific_fields")
        held.append(special)
        held += [
            {"thought_signature": value} for value in as_list(special.get("thought_signatures"))
        ]
    return [block for block in held if block]


def list_artifacts(blocks: Iterable[dict[str, Any]]) -> list[str]:
    """Return the signatures and encrypted parts of reasoning blocks, once each, in order."""
    return list(dict.fromkeys(_find_artifacts(blocks)))


def _find_artifacts(blocks: Iterable[dict[str, Any]]) -> Iterator[str]:
    for block in blocks:
        if _ARTIFACT_KEYS.isdisjoint(block):
            continue
        kind = block.get("type")
        candidates = [
            block.get("signature"),
            block.get("data") if kind in _OPAQUE_TYPES else None,
            block.get("encrypted_content") if kind in _ENCRYPTED_TYPES else None,
            block.get("thoughtSignature"),
            block.get("thought_signature"),
        ]
        reasoning = block.get("reasoningContent")
        if isinstance(reasoning, dict):
            candidates += [
                reasoning.get("redactedContent"),
                reasoning.get("signature"),
                take(reasoning, "reasoningText").get("signature"),
            ]
        yield from (value for value in candidates if isinstance(value, str) and value)
