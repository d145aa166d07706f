"""`litellm_spend`: spend logs of a LiteLLM proxy that stores prompts, as an aggregator shares them.

After a genuine payload and the proxy's documentation: one row per call. The row's `user` is the
internal user who owns the key, `api_key` the SHA-256 of the key. Times carry no zone and are UTC.
`proxy_server_request` is the request body, `metadata` what the proxy added: agent, error, details
of the usage. Some proxies write these columns as JSON, others as text with JSON in it; here that is
the habit of the account. A failed call has no tokens: the proxy writes 0. There is no country,
TLS fingerprint or header order.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import orjson

from stillwatch.worlds.exchange import OK, Exchange, spell_millis
from stillwatch.worlds.formats.chat import write_request, write_usage
from stillwatch.worlds.formats.writer import LineWriter, Row
from stillwatch.worlds.names import PUBLISHER, name_model

_ERRORS = {
    "rate_limited": ("429", "RateLimitError"),
    "blocked": ("403", "PermissionDeniedError"),
    "error": ("500", "InternalServerError"),
}
_JSON_COLUMNS = ("metadata", "request_tags", "messages", "response", "proxy_server_request")
_PRICES = (3e-06, 1.5e-05)  # made up, per token in and out


class LitellmWriter(LineWriter):
    """Writes rows of the spend log."""

    def name_exchange(self, identity: str) -> str:
        """Return the request id."""
        return f"chatcmpl-{identity[:28]}"

    def make_row(self, exchange: Exchange) -> Row:
        """Return the row of one call."""
        account = exchange.account
        tokens_in = exchange.input_tokens if exchange.answered else 0
        key = _hash_key(exchange.api_key)
        start = spell_millis(exchange.milliseconds).replace("T", " ") + "000"
        end = spell_millis(exchange.milliseconds + exchange.latency_ms).replace("T", " ") + "000"
        row: Row = {
            "request_id": self.name_exchange(exchange.identity),
            "session_id": exchange.session or "",
            "call_type": "acompletion",
            "api_key": key,
            "cache_hit": "None",
            "cache_key": "Cache OFF",
            "startTime": start,
            "endTime": end,
            "completionStartTime": end,
            "model": name_model(exchange.model, "litellm"),
            "model_group": exchange.model,
            "model_id": "",
            "custom_llm_provider": PUBLISHER,
            "api_base": "https://api.example.com/v1",
            "user": account.account_id,
            "team_id": account.workspace_id or "",
            "organization_id": account.organization_id,
            "end_user": exchange.end_user or "",
            "requester_ip_address": exchange.shown.address,
            "spend": round(tokens_in * _PRICES[0] + exchange.output_tokens * _PRICES[1], 9),
            "total_tokens": tokens_in + exchange.output_tokens,
            "prompt_tokens": tokens_in,
            "completion_tokens": exchange.output_tokens,
            "status": "success" if exchange.answered else "failure",
            "metadata": _describe(exchange, key),
            "request_tags": [],
            "messages": {},
            "response": _write_reply(exchange) if exchange.answered else {},
            "proxy_server_request": _write_body(exchange),
        }
        if account.habit % 2:
            for name in _JSON_COLUMNS:
                row[name] = orjson.dumps(row[name]).decode()
        return row

    def rename(self, row: Row, fresh: str) -> None:
        """Give the row another request id."""
        row["request_id"] = self.name_exchange(fresh)

    def damage(self, row: Row, kind: str) -> None:
        """Damage one field of the row; without its user the owner of the key is lost too."""
        match kind:
            case "wrong_type":
                row["prompt_tokens"] = "many"
            case "missing_account":
                text = isinstance(row["metadata"], str)
                metadata = orjson.loads(row["metadata"]) if text else row["metadata"]
                names = [name for name in metadata if name.startswith("user_api_key")]
                metadata |= dict.fromkeys(names)
                row["metadata"] = orjson.dumps(metadata).decode() if text else metadata
                row["user"] = row["api_key"] = ""
            case "bad_time":
                row["startTime"] = "yesterday"
            case _:
                raise ValueError(f"no way to break a record called {kind!r}")


@lru_cache(maxsize=1 << 14)
def _hash_key(api_key: str) -> str:
    return hashlib.sha256(api_key.encode()).hexdigest()


def _describe(exchange: Exchange, key: str) -> dict[str, Any]:
    """Return the metadata that the proxy keeps of a call."""
    account = exchange.account
    error = None
    if not exchange.answered:
        code, name = _ERRORS[exchange.status]
        error = {"error_code": code, "error_class": name, "llm_provider": PUBLISHER}
    return {
        "user_api_key": key,
        "user_api_key_alias": None,
        "user_api_key_user_id": account.account_id,
        "user_api_key_team_id": account.workspace_id,
        "user_api_key_org_id": account.organization_id,
        "requester_ip_address": exchange.shown.address,
        "user_agent": exchange.client.user_agent,
        "status": "success" if exchange.answered else "failure",
        "error_information": error,
        "usage_object": write_usage(exchange) if exchange.answered else None,
    }


def _write_body(exchange: Exchange) -> dict[str, Any]:
    body = write_request(exchange, exchange.model)
    if exchange.handed_in:
        last = [item for item in body["messages"] if item["role"] == "assistant"][-1]
        last["thinking_blocks"] = [_think(exchange.handed_in)]
    return body


def _write_reply(exchange: Exchange) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": exchange.reply}
    if exchange.issued is not None:
        message["thinking_blocks"] = [_think(exchange.issued)]
    ended = "stop" if exchange.status == OK else "content_filter"
    return {
        "id": f"chatcmpl-{exchange.identity[:28]}",
        "object": "chat.completion",
        "model": exchange.model,
        "choices": [{"index": 0, "finish_reason": ended, "message": message}],
        "usage": write_usage(exchange),
    }


def _think(signature: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": "", "signature": signature}
