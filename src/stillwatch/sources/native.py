"""`native`: logs that are written as `stillwatch.exchange.v1` already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stillwatch.sources.adapter import EXCHANGE_FIELDS, FormatInfo, SingleRecords, list_columns

_KNOWN = frozenset(EXCHANGE_FIELDS)


class NativeAdapter(SingleRecords):
    """Takes the fields as they are; it can fill every canonical column."""

    format_id = "native"
    info = FormatInfo(
        title="`stillwatch.exchange.v1`, JSON lines or Parquet",
        exchange_id="`exchange_id`",
        account="`account_id`",
        blind_spots=("None by the format: what the platform leaves out is absent.",),
    )
    columns = list_columns(EXCHANGE_FIELDS)

    def is_format(self, record: dict[str, Any]) -> bool:
        """Return whether the record has the ids of `stillwatch.exchange.v1`."""
        return "exchange_id" in record and "account_id" in record

    def map_record(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the record itself."""
        return record

    def list_unknown(self, record: dict[str, Any]) -> Iterable[str]:
        """Return the keys that `stillwatch.exchange.v1` does not define."""
        return record.keys() - _KNOWN
