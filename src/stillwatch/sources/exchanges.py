"""Raw exchange fields to canonical exchange rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.canonical import EXCHANGES, STATUSES
from stillwatch.keyed import Keyer
from stillwatch.runs import end_of_day
from stillwatch.sources.adapter import EXCHANGE_FIELDS, Adapter
from stillwatch.sources.chunks import Integers, digest_fields, shorten_token
from stillwatch.sources.fields import (
    INT32_MAX,
    INT64_MAX,
    MAX_LONG_CHARS,
    FieldError,
    read_body,
    read_choice,
    read_count,
    read_country,
    read_flag,
    read_instant,
    read_list,
    read_number,
    read_required_text,
    read_text,
    require,
)
from stillwatch.sources.formats import ADAPTERS
from stillwatch.sources.identity import Address, Identities, list_tokens
from stillwatch.sources.registry import Source
from stillwatch.text.features import FEATURE_COLUMNS, Featurizer, TextRequest

CLOCK_SKEW = timedelta(minutes=10)  # events may lie this far after the end of the delivery day
LATE_DAYS = 30  # and this many days before its start

_EPOCH = date(1970, 1, 1)
_PLAIN_COLUMNS = tuple(name for name in EXCHANGES.names if name not in FEATURE_COLUMNS)


class ExchangeBuilder:
    """Checks and converts the exchanges of one source and delivery day."""

    def __init__(self, source: Source, day: date, keyer: Keyer) -> None:
        self._source = source
        self._day = day
        adapter = self._adapter = ADAPTERS[source.format]
        self.split: Callable[[dict[str, Any]], list[Any]] | None = (
            None if adapter.is_one_per_line else adapter.list_records
        )
        self._identities = Identities(keyer)
        self._keyer = keyer
        self._featurizer = Featurizer(keyer)
        self._midnight = end_of_day(day)
        self._latest = self._midnight + CLOCK_SKEW
        self._earliest = datetime.combine(day, time(), UTC) - timedelta(days=LATE_DAYS)
        self._rows: list[tuple[Any, ...]] = []
        self._texts: list[TextRequest] = []
        self._keys: list[int] = []
        self._contents: list[int] = []

    def list_unknown(self, record: dict[str, Any]) -> Iterable[str]:
        """Return the names in the record that its format does not define.

        Of a record that was just taken with a clock ahead of its delivery day: `event_at.ahead`.
        """
        names = self._adapter.list_unknown(record)
        if self._rows and self._rows[-1][_EVENT_AT] > self._midnight:
            return [*names, "event_at.ahead"]
        return names

    def add(self, record: dict[str, Any]) -> None:
        """Take one platform record, or raise FieldError and take nothing of it."""
        raw = self._adapter.map_record(record)
        exchange_id = read_required_text(raw, "exchange_id")
        event_at = self._read_event_at(raw)
        account_id = read_account_id(self._adapter, raw)
        model = read_required_text(raw, "model")
        status = require(read_choice(raw, "status", STATUSES), "status")
        tool_count = read_count(raw, "tool_count", INT32_MAX)
        image_count = read_count(raw, "image_count", INT32_MAX)
        endpoint = read_text(raw, "endpoint")
        text = TextRequest(
            read_body(raw, "prompt"),
            read_body(raw, "system_prompt"),
            tool_count,
            image_count,
            endpoint,
        )
        source, tokens = self._source, self._identities
        exchange_key = self._keyer.token("exchange", source.source_id, exchange_id)
        event_date = event_at.date()
        row = (
            exchange_key,
            source.source_id,
            source.platform,
            exchange_id,
            tokens.token("account", source.platform, account_id),
            account_id,
            read_text(raw, "organization_id"),
            read_text(raw, "workspace_id"),
            self._read_token(raw, "apikey", "api_key_id"),
            self._read_token(raw, "session", "session_id"),
            event_at,
            event_date,
            event_at.hour,
            self._day,
            model,
            endpoint,
            status,
            read_count(raw, "input_tokens"),
            read_count(raw, "output_tokens"),
            read_count(raw, "cached_input_tokens"),
            read_count(raw, "reasoning_tokens"),
            read_count(raw, "max_tokens"),
            read_number(raw, "temperature"),
            read_number(raw, "top_p"),
            read_count(raw, "n", INT32_MAX),
            read_count(raw, "seed", minimum=-INT64_MAX - 1),
            read_flag(raw, "stream"),
            tool_count,
            image_count,
            read_count(raw, "message_count", INT32_MAX),
            read_count(raw, "latency_ms"),
            *self._read_client(raw),
            self._read_token(raw, "enduser", "end_user_id"),
            list_tokens(tokens, "artifact", read_list(raw, "artifacts_issued")),
            list_tokens(tokens, "artifact", read_list(raw, "artifacts_submitted")),
        )
        if self._adapter.has_caseless_accounts:  # another case is no other content
            raw = {**raw, "account_id": account_id}
        self._contents.append(digest_fields(self._keyer, raw, EXCHANGE_FIELDS))
        self._rows.append(row)
        self._texts.append(text)
        self._keys.append(shorten_token(exchange_key))

    def finish(self) -> tuple[Any, Integers, Integers, Integers]:
        """Return the rows taken since the last call, as a table of the canonical schema."""
        columns: dict[str, Any] = {}
        plain = zip(*self._rows, strict=True) if self._rows else [()] * len(_PLAIN_COLUMNS)
        for name, values in zip(_PLAIN_COLUMNS, plain, strict=True):
            columns[name] = pa.array(values, EXCHANGES.field(name).type)
        columns |= self._featurizer.make_columns(self._texts)
        table = pa.Table.from_arrays([columns[name] for name in EXCHANGES.names], schema=EXCHANGES)
        days = np.array([(row[_EVENT_DATE] - _EPOCH).days for row in self._rows], dtype=np.int64)
        keys = np.array(self._keys, dtype=np.int64)
        contents = np.array(self._contents, dtype=np.int64)
        self._rows, self._texts, self._keys, self._contents = [], [], [], []
        return table, keys, contents, days

    def _read_event_at(self, raw: dict[str, Any]) -> datetime:
        event_at: datetime = require(read_instant(raw, "event_at"), "event_at")
        if event_at > self._latest:
            raise FieldError("future", "event_at is after the end of the delivery day")
        if event_at < self._earliest:
            raise FieldError(
                "too_late", f"event_at is more than {LATE_DAYS} days before the delivery day"
            )
        return event_at

    def _read_token(self, raw: dict[str, Any], kind: str, name: str) -> str | None:
        value = read_text(raw, name, MAX_LONG_CHARS)
        return None if value is None else self._identities.token(kind, value)

    def _read_client(self, raw: dict[str, Any]) -> tuple[str | None, ...]:
        tokens = self._identities
        address = read_address(tokens, raw, "client_ip")
        user_agent = read_text(raw, "user_agent", MAX_LONG_CHARS)
        family, agent_token = (None, None) if user_agent is None else tokens.user_agent(user_agent)
        ja4 = read_text(raw, "ja4")
        return (
            *(
                (None,) * 4
                if address is None
                else (address.text, address.hex, address.token, address.net_token)
            ),
            read_country(raw, "client_country"),
            family,
            agent_token,
            ja4,
            tokens.client(family, ja4, read_text(raw, "header_order_hash")),
        )


def read_account_id(adapter: Adapter, raw: dict[str, Any]) -> str:
    """Return the account's id, in lower case where the platform compares it without case."""
    account_id = read_required_text(raw, "account_id")
    return account_id.lower() if adapter.has_caseless_accounts else account_id


def read_address(tokens: Identities, raw: dict[str, Any], name: str) -> Address | None:
    """Return the address in a raw field, None if it is absent; nonsense is a FieldError."""
    text = read_text(raw, name)
    if text is None:
        return None
    address = tokens.address(text)
    if address is None:
        raise FieldError(f"bad_value_{name}", f"{name} is not an IP address")
    return address


_EVENT_AT = _PLAIN_COLUMNS.index("event_at")
_EVENT_DATE = _PLAIN_COLUMNS.index("event_date")
