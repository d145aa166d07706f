"""What every log format has to offer: one record of the platform, mapped to our raw field names.

The raw field names are those of the native format (`stillwatch.exchange.v1`). An adapter renames
and picks out; it does not check types, which is done once for all formats afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

# The raw fields of one exchange, in the order of the content digest.
EXCHANGE_FIELDS = (
    "exchange_id",
    "event_at",
    "account_id",
    "model",
    "status",
    "organization_id",
    "workspace_id",
    "api_key_id",
    "session_id",
    "endpoint",
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "reasoning_tokens",
    "max_tokens",
    "temperature",
    "top_p",
    "n",
    "seed",
    "stream",
    "tool_count",
    "image_count",
    "message_count",
    "latency_ms",
    "client_ip",
    "client_country",
    "user_agent",
    "ja4",
    "header_order_hash",
    "end_user_id",
    "system_prompt",
    "prompt",
    "artifacts_issued",
    "artifacts_submitted",
)

# The raw fields of one account of a registry snapshot (`stillwatch.account.v1`).
ACCOUNT_FIELDS = (
    "account_id",
    "created_at",
    "status",
    "closed_at",
    "banned_at",
    "ban_reason",
    "organization_id",
    "email",
    "phone",
    "payment_instrument",
    "payment_bin",
    "payment_type",
    "billing_country",
    "signup_ip",
    "signup_user_agent",
    "signup_ja4",
    "signup_country",
    "signup_path",
    "plan",
    "seat_count",
    "kyc_level",
    "declared_use",
)


class Adapter(Protocol):
    """Maps the records of one log format to raw exchange fields."""

    @property
    def format_id(self) -> str:
        """The name by which `config/sources.yml` asks for this format."""
        ...

    @property
    def columns(self) -> frozenset[str]:
        """The canonical columns that this format can fill; the others stay null."""
        ...

    def map_record(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the raw exchange fields of one platform record."""
        ...

    def list_unknown(self, record: dict[str, Any]) -> Iterable[str]:
        """Return the names in the record that the format does not define."""
        ...
