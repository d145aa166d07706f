"""What every log format has to offer to the deliveries of a world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import pyarrow as pa

from stillwatch.worlds.exchange import Exchange

Row = dict[str, Any]

# Ways in which a line can be broken. Those above are seen in the bytes of the line, whatever the
# format; those below in one field, which each format damages where it keeps such a field.
BYTE_BREAKS = ("half_line", "bad_utf8")
FIELD_BREAKS = ("wrong_type", "missing_account", "bad_time")


class Writer(Protocol):
    """Writes exchanges in one log format; it knows nothing of who reads them."""

    @property
    def typed_breaks(self) -> tuple[str, ...]:
        """The FIELD_BREAKS that a Parquet row of the format can show; empty without Parquet."""
        ...

    def name_exchange(self, identity: str) -> str:
        """Return the id under which the format logs an exchange."""
        ...

    def make_row(self, exchange: Exchange) -> Row:
        """Return the record of one exchange."""
        ...

    def rename(self, row: Row, fresh: str) -> None:
        """Give the record the id of another exchange, made from 32 hexadecimal digits."""
        ...

    def damage(self, row: Row, kind: str) -> None:
        """Damage the record in one of the FIELD_BREAKS."""
        ...

    def join(self, lines: Sequence[bytes]) -> bytes | None:
        """Return several lines as one delivery line, or None if the format knows no batches."""
        ...

    def make_table(self, rows: Sequence[Row]) -> pa.Table:
        """Return the records as a table with the columns of the platform's Parquet export."""
        ...


class LineWriter:
    """What a format does that delivers one JSON object per line, and no Parquet."""

    typed_breaks: tuple[str, ...] = ()

    def join(self, lines: Sequence[bytes]) -> bytes | None:
        """Return None: every record is a line of its own."""
        return None

    def make_table(self, rows: Sequence[Row]) -> pa.Table:
        """Raise: the platform exports no Parquet."""
        raise TypeError(f"{type(self).__name__} has no Parquet export")
