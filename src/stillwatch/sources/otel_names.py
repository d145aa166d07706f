"""The attribute names of the GenAI conventions, current ones first, then those before them."""

from __future__ import annotations

import re

CALLS = frozenset(
    {
        "chat", "generate_content", "text_completion", "completion", "embeddings", "embedding",
        "responses", "response", "messages", "converse", "image_generation",
    }
)  # fmt: skip
# Attributes of spans that are no call of a model, where the operation is not named.
NO_CALLS = ("gen_ai.tool.name", "gen_ai.agent.name", "gen_ai.agent.id", "traceloop.span.kind")

MODEL_NAMES = ("gen_ai.request.model", "gen_ai.response.model", "llm.request.model")
ACCOUNT_NAMES = (
    "account.id", "user.account_uuid", "user.account_id", "enduser.id", "user.id",
    "metadata.user_api_key_user_id", "metadata.user_api_key_team_id", "cloud.account.id",
    "service.name",
)  # fmt: skip
END_USER_NAMES = (
    "gen_ai.request.user", "gen_ai.openai.request.user", "llm.user",
    "traceloop.association.properties.user_id", "enduser.id", "user.id",
)  # fmt: skip

# Raw fields that are one attribute.
FIELD_NAMES: dict[str, tuple[str, ...]] = {
    "organization_id": ("organization.id", "metadata.user_api_key_org_id"),
    "api_key_id": ("api_key.id", "metadata.user_api_key_hash"),
    "session_id": (
        "gen_ai.conversation.id", "session.id", "traceloop.association.properties.session_id",
    ),
    "endpoint": ("gen_ai.operation.name", "llm.request.type"),
    "input_tokens": (
        "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens",
    ),
    "output_tokens": (
        "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens",
        "llm.usage.completion_tokens",
    ),
    "cached_input_tokens": (
        "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.input_tokens.cached",
    ),
    "reasoning_tokens": (
        "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.output_tokens.reasoning", "llm.usage.reasoning_tokens",
    ),
    "max_tokens": ("gen_ai.request.max_tokens", "llm.request.max_tokens"),
    "temperature": ("gen_ai.request.temperature", "llm.temperature"),
    "top_p": ("gen_ai.request.top_p", "llm.top_p"),
    "n": ("gen_ai.request.choice.count", "gen_ai.request.candidate_count"),
    "seed": ("gen_ai.request.seed", "gen_ai.openai.request.seed"),
    "stream": ("gen_ai.request.stream", "gen_ai.is_streaming", "llm.is_streaming"),
    "user_agent": ("user_agent.original", "http.user_agent"),
    "client_country": ("geo.country.iso_code",),
}  # fmt: skip

SPAN_NAMES = frozenset(
    {
        "traceId", "spanId", "traceState", "parentSpanId", "flags", "name", "kind",
        "startTimeUnixNano", "endTimeUnixNano", "attributes", "droppedAttributesCount", "events",
        "droppedEventsCount", "links", "droppedLinksCount", "status",
    }
)  # fmt: skip

_OTHERS = frozenset(
    {
        "gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.system", "gen_ai.output.type",
        "gen_ai.request.frequency_penalty", "gen_ai.request.presence_penalty",
        "gen_ai.request.stop_sequences", "gen_ai.request.top_k", "gen_ai.request.encoding_formats",
        "gen_ai.request.reasoning.level", "gen_ai.response.finish_reasons", "gen_ai.response.id",
        "gen_ai.response.model", "gen_ai.response.time_to_first_chunk",
        "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.total_tokens", "llm.usage.total_tokens", "gen_ai.input.messages",
        "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions",
        "gen_ai.prompt", "gen_ai.completion", "gen_ai.prompt.name", "gen_ai.agent.name",
        "gen_ai.agent.id", "gen_ai.agent.description", "gen_ai.agent.version",
        "gen_ai.data_source.id", "gen_ai.embeddings.dimension.count", "gen_ai.token.type",
        "gen_ai.openai.request.response_format", "gen_ai.openai.request.service_tier",
        "gen_ai.openai.response.service_tier", "gen_ai.openai.response.system_fingerprint",
        "gen_ai.openai.api_base", "gen_ai.openai.api_version", "llm.vendor", "llm.headers",
        "llm.frequency_penalty", "llm.presence_penalty", "llm.top_k", "llm.chat.stop_sequences",
    }
)  # fmt: skip
_KNOWN = _OTHERS.union(MODEL_NAMES, ACCOUNT_NAMES, END_USER_NAMES, *FIELD_NAMES.values())
_FAMILIES = ("gen_ai.", "llm.")
_NUMBERED = re.compile(
    r"(?:gen_ai|llm)\.(?:prompts?|completions?|request\.functions)\.\d+\..+", re.ASCII
)


def is_known_attribute(name: str) -> bool:
    """Return whether the conventions define an attribute, or leave it to others.

    >>> is_known_attribute("http.route"), is_known_attribute("gen_ai.request.mood")
    (True, False)
    """
    if not name.startswith(_FAMILIES) or name in _KNOWN:
        return True
    return _NUMBERED.fullmatch(name) is not None
