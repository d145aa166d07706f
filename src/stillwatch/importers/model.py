"""What an importer is: a reader of one published format, and what it says about every field."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

_SCALE = 1 << 64


class Origin(StrEnum):
    """Where a field of an imported exchange comes from."""

    REAL = "real"  # stands in the source as it is
    DERIVED = "derived"  # computed from what stands in the source
    DRAWN = "drawn"  # drawn at random from a distribution that the source gives
    INVENTED = "invented"  # the source says nothing; made up, because the field is mandatory
    ABSENT = "absent"  # the source says nothing; left out


@dataclass(frozen=True)
class FieldNote:
    """What is to be known about one field."""

    field: str
    origin: Origin
    how: str


@dataclass(frozen=True)
class Exchange:
    """One imported request: when on the source's own clock, whose, and what is known about it.

    `identity` is unique within the import. `unit` is what sampling keeps or drops as a whole.
    """

    second: float
    account: str
    identity: str
    unit: str
    fields: dict[str, Any]


@dataclass(frozen=True)
class Skipped:
    """A record that gives no exchange: why, and for a bad record its file, line and column."""

    reason: str
    where: str = ""


Item = Exchange | Skipped

BAD_RECORD = "bad_record"


@dataclass(frozen=True)
class Options:
    """What a reader needs to know beyond its files."""

    account_count: int = 200
    seed: int = 20261101
    sample: float = 1.0
    drop_flagged: bool = False


class Importer(Protocol):
    """A published format. It streams: what it holds in memory does not grow with the rows."""

    @property
    def kind(self) -> str:
        """The word on the command line."""

    @property
    def title(self) -> str:
        """What the source is called."""

    @property
    def licence(self) -> str:
        """Under which terms it is published; goes to the source's `source.yml`."""

    @property
    def obtain(self) -> str:
        """Where a user gets it."""

    @property
    def record(self) -> str:
        """What one record of the source is."""

    @property
    def is_ordered(self) -> bool:
        """Whether the first exchange of a file is its earliest."""

    @property
    def samples_itself(self) -> bool:
        """Whether `read` already applies `Options.sample`."""

    @property
    def notes(self) -> tuple[FieldNote, ...]:
        """One note for every field that is not absent."""

    def read(self, paths: Sequence[Path], options: Options) -> Iterator[Item]:
        """Yield one item per record, or per request of a record."""


def draw_share(seed: int, *parts: object) -> float:
    """Return a number in [0, 1) that depends on the seed and the parts only, never on the order.

    >>> draw_share(1, "a") == draw_share(1, "a") != draw_share(2, "a")
    True
    """
    digest = hashlib.blake2b(repr((seed, *parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / _SCALE


def shorten(*parts: object) -> str:
    """Return 20 hexadecimal digits that stand for the parts."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=10).hexdigest()
