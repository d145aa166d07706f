"""Chat completion bodies, the shape that gateways of several vendors log."""

from __future__ import annotations

from typing import Any

from stillwatch.worlds.exchange import EARLIER, IMAGE, IMAGE_TYPE, Exchange


def write_request(exchange: Exchange, model: str) -> dict[str, Any]:
    """Return the body of a chat completion request; earlier turns come before the prompt."""
    messages: list[dict[str, Any]] = []
    if exchange.system is not None:
        messages.append({"role": "system", "content": exchange.system})
    for _ in range(exchange.history_turns):
        messages.append({"role": "user", "content": EARLIER.asked})
        messages.append({"role": "assistant", "content": EARLIER.answered})
    messages.append({"role": "user", "content": _write_prompt(exchange)})
    body: dict[str, Any] = {"model": model, "messages": messages}
    if exchange.max_tokens is not None:
        body["max_tokens"] = exchange.max_tokens
    if exchange.temperature is not None:
        body["temperature"] = exchange.temperature
    if exchange.samples is not None:
        body["n"] = exchange.samples
    if exchange.stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    if exchange.tool_count:
        body["tools"] = [
            {"type": "function", "function": {"name": f"tool_{n}", "parameters": {}}}
            for n in range(exchange.tool_count)
        ]
    if exchange.end_user is not None:
        body["user"] = exchange.end_user
    return body


def write_usage(exchange: Exchange) -> dict[str, Any]:
    """Return the usage block; details only where there is something to detail."""
    usage: dict[str, Any] = {
        "prompt_tokens": exchange.input_tokens,
        "completion_tokens": exchange.output_tokens,
        "total_tokens": exchange.input_tokens + exchange.output_tokens,
    }
    if exchange.cached_input_tokens is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": exchange.cached_input_tokens}
    if exchange.reasoning_tokens:
        usage["completion_tokens_details"] = {"reasoning_tokens": exchange.reasoning_tokens}
    return usage


def _write_prompt(exchange: Exchange) -> str | list[dict[str, Any]]:
    if not exchange.image_count:
        return exchange.prompt
    image = {"type": "image_url", "image_url": {"url": f"data:{IMAGE_TYPE};base64,{IMAGE}"}}
    return [{"type": "text", "text": exchange.prompt}, *[image] * exchange.image_count]
