"""`native`: logs that are written as `stillwatch.exchange.v1` already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stillwatch.canonical import EXCHANGES
from stillwatch.sources.adapter import EXCHANGE_FIELDS

_KNOWN = frozenset(EXCHANGE_FIELDS)


class NativeAdapter:
    """Takes the fields as they are; it can fill every canonical column."""

    format_id = "native"
    columns = frozenset(EXCHANGES.names)

    def map_record(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the record itself."""
        return record

    def list_unknown(self, record: dict[str, Any]) -> Iterable[str]:
        """Return the keys that `stillwatch.exchange.v1` does not define."""
        return record.keys() - _KNOWN
