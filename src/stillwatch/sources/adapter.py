"""What every log format has to offer: one record of the platform, mapped to our raw field names.

The raw field names are those of the native format (`stillwatch.exchange.v1`). An adapter renames
and picks out; it does not check types, which is done once for all formats afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from stillwatch.canonical import EXCHANGES

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


# The canonical columns that come of one raw field; the others bear the name of their field.
_COLUMNS_OF_FIELD = {
    "exchange_id": ("exchange_id", "exchange_key"),
    "account_id": ("account_id", "account_key"),
    "event_at": ("event_at", "event_date", "event_hour"),
    "api_key_id": ("api_key_token",),
    "session_id": ("session_token",),
    "end_user_id": ("end_user_token",),
    "n": ("sample_count",),
    "stream": ("is_stream",),
    "client_ip": ("client_ip", "ip_hex", "ip_token", "ip_net_token"),
    "user_agent": ("user_agent_family", "user_agent_token", "client_token"),
    "ja4": ("ja4", "client_token"),
    "header_order_hash": ("client_token",),
    "tool_count": ("tool_count", "capability_code"),
    "image_count": ("image_count", "capability_code"),
    "endpoint": ("endpoint", "capability_code"),
    "system_prompt": ("system_fp",),
    "prompt": (
        "prompt_char_count", "prompt_word_count", "prompt_fp", "prefix_fp_8", "prefix_fp_16",
        "prefix_fp_32", "suffix_fp_6", "suffix_fp_12", "minhash_bands", "technique_codes",
        "capability_code", "language_code",
    ),
}  # fmt: skip
_COLUMNS_OF_PIPELINE = ("source_id", "platform", "delivered_date", "has_text")
NOT_AN_EXCHANGE = "not_an_exchange"


@dataclass(frozen=True)
class FormatInfo:
    """What the reference page says of a format, beside its columns."""

    title: str
    exchange_id: str
    account: str
    blind_spots: tuple[str, ...]


class Joined(dict[str, Any]):
    """One exchange that was delivered in several records: they stand under `parts`, in order."""


class Adapter(Protocol):
    """Maps the records of one log format to raw exchange fields."""

    @property
    def is_one_per_line(self) -> bool:
        """Whether a line is always one record: such a format takes the short way."""
        ...

    @property
    def has_parts(self) -> bool:
        """Whether one exchange may come in several records."""
        ...

    @property
    def info(self) -> FormatInfo:
        """What the reference page says of the format."""
        ...

    @property
    def has_caseless_accounts(self) -> bool:
        """Whether account ids mean the same in any case: they are kept in lower case."""
        ...

    @property
    def format_id(self) -> str:
        """The name by which `config/sources.yml` asks for this format."""
        ...

    @property
    def columns(self) -> frozenset[str]:
        """The canonical columns that this format can fill; the others stay null."""
        ...

    def is_format(self, record: dict[str, Any]) -> bool:
        """Return whether a landed object looks like one of this format."""
        ...

    def list_records(self, line: dict[str, Any]) -> list[Any]:
        """Return the records of one line, at least one; what is no object cannot be used."""
        ...

    def find_exchange(self, record: dict[str, Any]) -> str | None:
        """Return what the records of one exchange have in common; None if it stands alone."""
        ...

    def map_record(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the raw exchange fields of one platform record, or of one that was joined.

        A record that is no exchange raises FieldError with the reason `not_an_exchange`.
        """
        ...

    def list_unknown(self, record: dict[str, Any]) -> Iterable[str]:
        """Return the names in the record that the format does not define."""
        ...


class SingleRecords:
    """What the adapters have in common whose every line is one record and one exchange."""

    is_one_per_line = True
    has_parts = False
    has_caseless_accounts = False

    def list_records(self, line: dict[str, Any]) -> list[Any]:
        """Return the line itself."""
        return [line]

    def find_exchange(self, record: dict[str, Any]) -> str | None:
        """Return None: every record stands alone."""
        return None


def list_columns(fields: Iterable[str]) -> frozenset[str]:
    """Return the canonical columns that can be filled from raw fields, with those always filled.

    >>> sorted(list_columns({"n", "model"}))
    ['delivered_date', 'has_text', 'model', 'platform', 'sample_count', 'source_id']
    """
    columns = set(_COLUMNS_OF_PIPELINE)
    for field in fields:
        columns.update(_COLUMNS_OF_FIELD.get(field, (field,)))
    unknown = columns - set(EXCHANGES.names)
    if unknown:
        raise ValueError(f"no canonical column comes of {', '.join(sorted(unknown))}")
    return frozenset(columns)


def list_undefined(
    record: dict[str, Any], known: frozenset[str], nested: Mapping[str, frozenset[str]]
) -> list[str]:
    """Return the names that are not known, those inside the parts in `nested` as `part.name`.

    >>> list_undefined({"a": {"b": 1, "c": 2}, "d": 3}, frozenset({"a"}), {"a": frozenset({"b"})})
    ['a.c', 'd']
    """
    unknown: list[str] = []
    for part, names in nested.items():
        inner = record.get(part)
        if isinstance(inner, dict) and not inner.keys() <= names:
            unknown += [f"{part}.{name}" for name in sorted(inner.keys() - names)]
    if not record.keys() <= known:
        unknown += sorted(record.keys() - known)
    return unknown
