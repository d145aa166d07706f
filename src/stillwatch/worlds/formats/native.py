"""`native`: the lab's own gateway, which sees everything (`stillwatch.exchange.v1`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from stillwatch.worlds.exchange import Exchange, spell_millis
from stillwatch.worlds.formats.writer import LineWriter, Row

_NUMBERS = (
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "reasoning_tokens",
    "max_tokens",
    "n",
    "tool_count",
    "image_count",
    "message_count",
    "latency_ms",
)
_TEXTS = (
    "exchange_id",
    "event_at",
    "account_id",
    "organization_id",
    "workspace_id",
    "api_key_id",
    "session_id",
    "model",
    "endpoint",
    "status",
    "client_ip",
    "client_country",
    "user_agent",
    "ja4",
    "header_order_hash",
    "end_user_id",
    "system_prompt",
    "prompt",
)
_LISTS = ("artifacts_issued", "artifacts_submitted")
_SCHEMA = pa.schema(
    [(name, pa.string()) for name in _TEXTS]
    + [(name, pa.int64()) for name in _NUMBERS]
    + [("temperature", pa.float64()), ("stream", pa.bool_())]
    + [(name, pa.list_(pa.string())) for name in _LISTS]
)


class NativeWriter(LineWriter):
    """Writes every field that an exchange has; the keys keep one order."""

    typed_breaks = ("missing_account", "bad_time")

    def name_exchange(self, identity: str) -> str:
        """Return the message id of the reply."""
        return f"msg_{identity[:24]}"

    def make_row(self, exchange: Exchange) -> Row:
        """Return the record of one exchange."""
        account, client = exchange.account, exchange.client
        row: dict[str, Any] = {
            "exchange_id": self.name_exchange(exchange.identity),
            "event_at": spell_millis(exchange.milliseconds) + "Z",
            "account_id": account.account_id,
            "api_key_id": exchange.api_key,
            "model": exchange.model,
            "endpoint": "/v1/messages",
            "status": exchange.status,
            "input_tokens": exchange.input_tokens,
            "output_tokens": exchange.output_tokens,
            "stream": exchange.stream,
            "tool_count": exchange.tool_count,
            "image_count": exchange.image_count,
            "message_count": exchange.message_count,
            "latency_ms": exchange.latency_ms,
            "client_ip": exchange.shown.address,
            "client_country": exchange.shown.country,
            "user_agent": client.user_agent,
            "ja4": client.ja4,
            "header_order_hash": client.header_order_hash,
            "prompt": exchange.prompt,
        }
        if exchange.system is not None:
            row["system_prompt"] = exchange.system
        if exchange.cached_input_tokens is not None:
            row["cached_input_tokens"] = exchange.cached_input_tokens
        if account.organization_id is not None:
            row["organization_id"] = account.organization_id
            if account.workspace_id is not None:
                row["workspace_id"] = account.workspace_id
        if exchange.session is not None:
            row["session_id"] = exchange.session
        if exchange.max_tokens is not None:
            row["max_tokens"] = exchange.max_tokens
        if exchange.temperature is not None:
            row["temperature"] = exchange.temperature
        if exchange.samples is not None:
            row["n"] = exchange.samples
        if exchange.end_user is not None:
            row["end_user_id"] = exchange.end_user
        if exchange.reasoning_tokens:
            row["reasoning_tokens"] = exchange.reasoning_tokens
        if exchange.issued is not None:
            row["artifacts_issued"] = [exchange.issued]
        if exchange.submitted is not None:
            row["artifacts_submitted"] = [exchange.submitted]
        return row

    def rename(self, row: Row, fresh: str) -> None:
        """Give the record another message id."""
        row["exchange_id"] = self.name_exchange(fresh)

    def damage(self, row: Row, kind: str) -> None:
        """Damage one field of the record."""
        match kind:
            case "wrong_type":
                row["input_tokens"] = "many"
            case "missing_account":
                del row["account_id"]
            case "bad_time":
                row["event_at"] = "yesterday"
            case _:
                raise ValueError(f"no way to break a record called {kind!r}")

    def make_table(self, rows: Sequence[Row]) -> pa.Table:
        """Return the records with one column per field."""
        return pa.Table.from_pylist(list(rows), schema=_SCHEMA)
