"""`litellm_spend`: spend logs of a LiteLLM proxy, as resellers and aggregators keep them.

One row of the table `LiteLLM_SpendLogs` for each call through the proxy, exported as JSON lines or
Parquet; its JSON columns may be objects or text. Texts are there only if the proxy's owner stores
prompts. Times without a zone are UTC, as the proxy writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from stillwatch.sources.adapter import (
    NOT_AN_EXCHANGE,
    FormatInfo,
    SingleRecords,
    list_columns,
    list_undefined,
)
from stillwatch.sources.fields import FieldError
from stillwatch.sources.instants import count_milliseconds, read_any
from stillwatch.sources.json_parts import (
    as_list,
    as_object,
    drop_absent,
    first,
    first_text,
    open_json,
    read_whole,
    take,
)
from stillwatch.sources.network import read_client_address
from stillwatch.sources.outcomes import ERROR, OK, REFUSED, judge_error, judge_http
from stillwatch.sources.reply_bodies import (
    USAGE_FIELDS,
    is_refused,
    list_issued,
    read_counts,
    read_usage,
)
from stillwatch.sources.request_bodies import REQUEST_FIELDS, read_request

_ROW = frozenset(
    {
        "request_id", "session_id", "call_type", "api_key", "cache_hit", "cache_key", "startTime",
        "endTime", "completionStartTime", "request_duration_ms", "model", "model_id",
        "model_group", "custom_llm_provider", "api_base", "user", "team_id", "organization_id",
        "end_user", "metadata", "spend", "total_tokens", "prompt_tokens", "completion_tokens",
        "request_tags", "requester_ip_address", "messages", "response", "proxy_server_request",
        "status", "mcp_namespaced_tool_name", "agent_id",
    }
)  # fmt: skip
_METADATA = frozenset(
    {
        "additional_usage_values", "applied_guardrails", "attempted_fallbacks",
        "attempted_retries", "autorouter_baseline_observation", "autorouter_savings_estimate",
        "azure_spillover", "batch_failed_requests", "batch_models", "batch_successful_requests",
        "cold_storage_object_key", "compression_savings", "cost_breakdown", "error_information",
        "guardrail_information", "internal_call_origin", "litellm_gateway_injected_cache",
        "litellm_overhead_time_ms", "max_retries", "mcp_tool_call_metadata",
        "model_map_information", "original_model_group", "overhead_ms", "proxy_server_request",
        "requester_ip_address", "router_metadata", "routing_decision", "spend_logs_metadata",
        "status", "usage_object", "user_agent", "user_api_key", "user_api_key_alias",
        "user_api_key_org_id", "user_api_key_project_alias", "user_api_key_project_id",
        "user_api_key_team_alias", "user_api_key_team_id", "user_api_key_user_id",
        "vector_store_request_metadata",
    }
)  # fmt: skip
_CALL = re.compile(
    r"completion|responses|anthropic_messages|generate_content|embedding|image_(generation|edit)"
    r"|speech|transcription|rerank|moderation|pass_?through|realtime|converse|^a?generate",
    re.IGNORECASE,
)
_NO_CALL = re.compile(r"(^|[_/.])a?(list|get|delete|cancel|retrieve|create_batch|mcp)($|[_/.])")
_BODY_NAMES = ("model", "messages", "input", "prompt", "contents")  # one of them is in every body
_AGENT_TAG = "user-agent: "


class LiteLlmSpendAdapter(SingleRecords):
    """Maps spend logs; the account is the owner of the proxy's key, or else the key itself.

    `user` is the key's owner at the proxy; keys of a team have none, so the hashed key, and after
    it the team, stand in.
    """

    format_id = "litellm_spend"
    info = FormatInfo(
        title="LiteLLM proxy spend logs (`LiteLLM_SpendLogs` as JSON lines or Parquet)",
        exchange_id="`request_id`",
        account="`user`, the owner of the key at the proxy; without one the hashed `api_key`, "
        "then `team_id`",
        blind_spots=(
            "Text, images, tools, sampling parameters and artefacts are there only if the proxy "
            "stores prompts; long texts in it are shortened by the proxy.",
            "The proxy's owner decides which calls are logged, and who its users are.",
            "Calls answered from the proxy's cache never reached a model; they count as exchanges.",
            "`model` is the deployment that answered, which the proxy may have chosen.",
        ),
    )
    columns = list_columns(
        REQUEST_FIELDS
        | USAGE_FIELDS
        | {
            "exchange_id", "event_at", "account_id", "organization_id", "workspace_id",
            "api_key_id", "session_id", "model", "endpoint", "status", "latency_ms", "client_ip",
            "user_agent", "artifacts_issued",
        }
    )  # fmt: skip

    def is_format(self, record: dict[str, Any]) -> bool:
        """Return whether the record has the columns of a spend log."""
        return {"request_id", "call_type", "startTime"} <= record.keys()

    def map_record(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the raw exchange fields of one spend log."""
        call = record.get("call_type")
        if isinstance(call, str) and call and (_NO_CALL.search(call) or not _CALL.search(call)):
            raise FieldError(NOT_AN_EXCHANGE, "call_type is no call of a model")
        metadata = as_object(open_json(record.get("metadata"), "metadata"))
        reply = open_json(record.get("response"), "response")
        start = read_any(record.get("startTime"), "event_at")
        end = read_any(record.get("endTime"), "end_time")
        fields = _read_body(record)
        if reply:
            fields |= read_usage(reply) | {"artifacts_issued": list_issued(reply)}
        fields |= _read_usage(record, metadata)
        key = first_text(record.get("api_key"), metadata.get("user_api_key"))
        team = first_text(record.get("team_id"), metadata.get("user_api_key_team_id"))
        owner = first_text(record.get("user"), metadata.get("user_api_key_user_id"))
        took = read_whole(record.get("request_duration_ms"))
        return fields | drop_absent(
            {
                "exchange_id": record.get("request_id"),
                "event_at": start,
                "account_id": first_text(owner, key, team),
                "organization_id": first_text(
                    record.get("organization_id"), metadata.get("user_api_key_org_id")
                ),
                "workspace_id": team,
                "api_key_id": key,
                "session_id": record.get("session_id"),
                "model": first_text(record.get("model"), record.get("model_group")),
                "endpoint": call,
                "status": _judge(record, metadata, reply),
                "latency_ms": count_milliseconds(start, end) if took is None else took,
                "client_ip": read_client_address(
                    first_text(
                        record.get("requester_ip_address"), metadata.get("requester_ip_address")
                    )
                ),
                "user_agent": first_text(metadata.get("user_agent"), _find_agent(record)),
                "end_user_id": first_text(record.get("end_user"), fields.get("end_user_id")),
            }
        )

    def list_unknown(self, record: dict[str, Any]) -> Iterable[str]:
        """Return the columns, and the names in `metadata`, that spend logs do not define."""
        metadata = as_object(open_json(record.get("metadata"), "metadata"))
        return list_undefined({**record, "metadata": metadata}, _ROW, {"metadata": _METADATA})


def _read_body(record: dict[str, Any]) -> dict[str, Any]:
    """Return what the stored request tells; a body without messages gets the messages column."""
    request = as_object(open_json(record.get("proxy_server_request"), "proxy_server_request"))
    body = take(request, "body") or request
    is_told = any(name in body for name in _BODY_NAMES)
    messages = open_json(record.get("messages"), "messages")
    if isinstance(messages, list | str) and messages and not body.keys() & {"messages", "input"}:
        body = {**body, "messages" if isinstance(messages, list) else "prompt": messages}
    if not body:
        return {}
    fields = read_request(body)
    if not is_told:  # the messages alone tell neither of tools nor of streams
        del fields["tool_count"], fields["stream"]
    return fields


def _read_usage(record: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the token counts: those billed, and of the others what the provider named."""
    extra = read_counts({**take(metadata, "additional_usage_values"),
                         **drop_absent(take(metadata, "usage_object"))})  # fmt: skip
    return drop_absent(
        {
            **extra,
            "input_tokens": first(record, ("prompt_tokens",)),
            "output_tokens": first(record, ("completion_tokens",)),
        }
    )


def _judge(record: dict[str, Any], metadata: dict[str, Any], reply: Any) -> str:
    status = first_text(record.get("status"), metadata.get("status"))
    error = take(metadata, "error_information")
    if status == "failure" or (status is None and error):
        code = error.get("error_code")
        judged = judge_http(code)
        if judged in (None, OK, ERROR):
            return judge_error(error.get("error_class"), code)
        return judged or ERROR
    if status not in (None, "success"):
        return ERROR
    return REFUSED if is_refused(reply) else OK


def _find_agent(record: dict[str, Any]) -> str | None:
    """Return the client's user agent from the tags that the proxy adds; the longest names it."""
    tags = as_list(open_json(record.get("request_tags"), "request_tags"))
    agents = [
        tag[len(_AGENT_TAG) :]
        for tag in tags
        if isinstance(tag, str) and tag.lower().startswith(_AGENT_TAG)
    ]
    return max(agents, key=len, default=None)
