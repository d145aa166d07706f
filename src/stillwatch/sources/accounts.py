"""Raw account fields to canonical account rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.canonical import ACCOUNT_STATUSES, ACCOUNTS
from stillwatch.keyed import Keyer
from stillwatch.runs import end_of_day
from stillwatch.sources.adapter import ACCOUNT_FIELDS
from stillwatch.sources.chunks import Integers, digest_fields, shorten_token
from stillwatch.sources.exchanges import CLOCK_SKEW, read_account_id, read_address
from stillwatch.sources.fields import (
    INT32_MAX,
    MAX_LONG_CHARS,
    FieldError,
    read_choice,
    read_count,
    read_country,
    read_instant,
    read_text,
    require,
)
from stillwatch.sources.formats import ADAPTERS
from stillwatch.sources.identity import Identities, parse_email, parse_phone
from stillwatch.sources.registry import Source

PAYMENT_TYPES = ("card", "virtual_card", "prepaid", "invoice", "cloud_marketplace")
SIGNUP_PATHS = ("self_serve", "education", "security_research", "startup", "enterprise", "partner")
KYC_LEVELS = ("none", "email", "phone", "payment", "document")

_KNOWN = frozenset(ACCOUNT_FIELDS)
_CODES = {"payment_type": PAYMENT_TYPES, "signup_path": SIGNUP_PATHS, "kyc_level": KYC_LEVELS}


class AccountBuilder:
    """Checks and converts the accounts of one source and snapshot day."""

    split = None  # a line is one account

    def __init__(self, source: Source, day: date, keyer: Keyer) -> None:
        self._source = source
        self._adapter = ADAPTERS[source.format]
        self._day = day
        self._keyer = keyer
        self._identities = Identities(keyer)
        self._latest = end_of_day(day) + CLOCK_SKEW
        self._rows: list[tuple[Any, ...]] = []
        self._keys: list[int] = []
        self._contents: list[int] = []

    def list_unknown(self, record: dict[str, Any]) -> Iterable[str]:
        """Return the keys, and as `<field>.code` the codes, that `stillwatch.account.v1` lacks."""
        codes = {f"{name}.code" for name in _CODES if _is_unknown_code(record, name)}
        return (record.keys() - _KNOWN) | codes

    def add(self, record: dict[str, Any]) -> None:
        """Take one account, or raise FieldError and take nothing of it."""
        source, tokens = self._source, self._identities
        account_id = read_account_id(self._adapter, record)
        created_at: datetime = require(read_instant(record, "created_at"), "created_at")
        if created_at > self._latest:
            raise FieldError("future", "created_at is after the end of the snapshot day")
        account_key = self._keyer.token("account", source.platform, account_id)
        signup = read_address(tokens, record, "signup_ip")
        user_agent = read_text(record, "signup_user_agent", MAX_LONG_CHARS)
        payment = read_text(record, "payment_instrument")
        row = (
            account_key,
            account_id,
            source.source_id,
            source.platform,
            self._day,
            created_at,
            require(read_choice(record, "status", ACCOUNT_STATUSES), "status"),
            read_instant(record, "closed_at"),
            read_instant(record, "banned_at"),
            read_text(record, "ban_reason"),
            read_text(record, "organization_id"),
            *self._read_email(record),
            *self._read_phone(record),
            None if payment is None else tokens.token("payment", payment),
            read_text(record, "payment_bin"),
            _read_code(record, "payment_type"),
            read_country(record, "billing_country"),
            signup and signup.text,
            signup and signup.hex,
            signup and signup.net_token,
            None if user_agent is None else tokens.user_agent(user_agent)[0],
            read_text(record, "signup_ja4"),
            read_country(record, "signup_country"),
            _read_code(record, "signup_path"),
            read_text(record, "plan"),
            read_count(record, "seat_count", INT32_MAX),
            _read_code(record, "kyc_level"),
            read_text(record, "declared_use", MAX_LONG_CHARS),
        )
        self._contents.append(digest_fields(self._keyer, record, ACCOUNT_FIELDS))
        self._rows.append(row)
        self._keys.append(shorten_token(account_key))

    def finish(self) -> tuple[Any, Integers, Integers, Integers]:
        """Return the rows taken since the last call, as a table of the canonical schema."""
        columns = list(zip(*self._rows, strict=True)) if self._rows else [()] * len(ACCOUNTS.names)
        arrays = [
            pa.array(values, field.type) for values, field in zip(columns, ACCOUNTS, strict=True)
        ]
        table = pa.Table.from_arrays(arrays, schema=ACCOUNTS)
        keys = np.array(self._keys, dtype=np.int64)
        contents = np.array(self._contents, dtype=np.int64)
        self._rows, self._keys, self._contents = [], [], []
        return table, keys, contents, np.empty(0, dtype=np.int64)

    def _read_email(self, record: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
        text = read_text(record, "email")
        if text is None:
            return None, None, None
        email = parse_email(text, self._keyer)
        if email is None:
            raise FieldError("bad_value_email", "email is not an e-mail address")
        return email.token, email.domain, email.grammar

    def _read_phone(self, record: dict[str, Any]) -> tuple[str | None, str | None]:
        text = read_text(record, "phone")
        if text is None:
            return None, None
        phone = parse_phone(text, self._keyer)
        if phone is None:
            raise FieldError("bad_value_phone", "phone is not a phone number")
        return phone


def _is_unknown_code(record: dict[str, Any], name: str) -> bool:
    value = record.get(name)
    return type(value) is str and value not in _CODES[name]


def _read_code(record: dict[str, Any], name: str) -> str | None:
    """Return an optional code; one that is new to us is as good as absent, and is counted."""
    return None if _is_unknown_code(record, name) else read_choice(record, name, _CODES[name])
