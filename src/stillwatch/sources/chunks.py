"""Records of one kind turned into canonical rows, a block at a time.

A chunk travels between processes and from the parser to the de-duplication, so it carries beside
the canonical rows what the ledger and the quarantine need, and no raw text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import orjson

from stillwatch.keyed import Keyer
from stillwatch.landing.lines import Batch, Record, Reject
from stillwatch.sources.fields import FieldError

_MAX_NAME_CHARS = 64
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Chunk:
    """Canonical rows of one block, what identifies them, and the records that gave none."""

    table: Any  # pyarrow.Table
    keys: Integers  # of the exchange or account, from its token
    contents: Integers  # digest of the raw fields: tells a duplicate from a conflict
    event_days: Integers  # days since 1970; empty for accounts
    line_numbers: list[int]
    byte_offsets: list[int | None]
    places: list[int | None]  # of the record in its line, if the line holds several
    rejects: list[Reject]
    blank_count: int
    unknown_fields: Counter[str]

    def make_reject(self, row: int, reason: str, detail: str) -> Reject:
        """Return the reject of a row that turns out not to be usable."""
        return Reject(
            self.line_numbers[row],
            self.byte_offsets[row],
            reason,
            _name_place(self.places[row]) + detail,
        )


class Builder(Protocol):
    """Builds the rows of one kind; `finish` ends a block."""

    @property
    def split(self) -> Callable[[dict[str, Any]], list[Any]] | None:
        """Gives the records of one line; None if a line is always one record."""
        ...

    def add(self, record: dict[str, Any]) -> None:
        """Take one record, or raise FieldError and take nothing of it."""
        ...

    def list_unknown(self, record: dict[str, Any]) -> Iterable[str]:
        """Return the names in the record that its format does not define."""
        ...

    def finish(self) -> tuple[Any, Integers, Integers, Integers]:
        """Return table, keys, contents and event days of the records taken since the last call."""
        ...


def build_chunk(builder: Builder, batch: Batch) -> Chunk:
    """Return the chunk of one batch: each record is a row or a reject."""
    if builder.split is not None and not batch.is_split:
        batch = split_records(batch, builder.split)
    rejects = list(batch.rejects)
    taken: list[Record] = []
    unknown: Counter[str] = Counter()
    for record in batch.records:
        try:
            builder.add(record.value)
        except FieldError as error:
            detail = _name_place(record.place) + error.detail
            rejects.append(Reject(record.line_number, record.byte_offset, error.reason, detail))
            continue
        taken.append(record)
        names = builder.list_unknown(record.value)
        if names:
            unknown.update(clean_name(name) for name in names)
    table, keys, contents, event_days = builder.finish()
    return Chunk(
        table=table,
        keys=keys,
        contents=contents,
        event_days=event_days,
        line_numbers=[record.line_number for record in taken],
        byte_offsets=[record.byte_offset for record in taken],
        places=[record.place for record in taken],
        rejects=rejects,
        blank_count=batch.blank_count,
        unknown_fields=unknown,
    )


def split_records(batch: Batch, split: Callable[[dict[str, Any]], list[Any]]) -> Batch:
    """Return the batch with one record for each that its lines hold; no line gets lost.

    A line that holds several names the place of each; what is no object is a reject of its own.
    """
    records: list[Record] = []
    rejects = list(batch.rejects)
    for line in batch.records:
        values = split(line.value)
        for place, value in enumerate(values, 1):
            named = place if len(values) > 1 else None
            if type(value) is dict:
                records.append(Record(line.line_number, line.byte_offset, value, named))
            else:
                detail = f"{_name_place(named)}not a JSON object"
                rejects.append(Reject(line.line_number, line.byte_offset, "not_object", detail))
    return Batch(records, rejects, batch.blank_count, is_split=True)


def _name_place(place: int | None) -> str:
    return "" if place is None else f"record {place} of the line: "


def clean_name(name: str) -> str:
    """Return a field name that is safe to keep: a name may hold anything, even a prompt."""
    return name if len(name) <= _MAX_NAME_CHARS and _NAME.fullmatch(name) else "(other)"


# A timestamp without a zone counts as UTC, as in `read_instant`.
_DIGEST_OPTIONS = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_NAIVE_UTC


def digest_fields(keyer: Keyer, raw: dict[str, Any], names: tuple[str, ...]) -> int:
    """Return a keyed digest of the named raw fields, whatever their order in the record."""
    values = [raw.get(name) for name in names]
    return keyer.fingerprint(
        "content", orjson.dumps(values, default=str, option=_DIGEST_OPTIONS).decode()
    )


def shorten_token(token: str) -> int:
    """Return the first 64 bits of a token as a signed number."""
    return int.from_bytes(bytes.fromhex(token[:16]), "big", signed=True)
