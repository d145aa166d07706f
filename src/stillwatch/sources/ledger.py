"""The account of one ingestion: what was read of each file and what became of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from stillwatch.sources.delivery import Absence, DeliveryState
from stillwatch.sources.registry import Source


@dataclass(frozen=True)
class FileResult:
    """What became of one landed file. Lines read = accepted + duplicate + quarantined."""

    file_name: str
    byte_count: int
    sha256: str
    state: str  # loaded | duplicate_file | refused
    reason: str | None = None  # why it was refused, or where the same content came before
    read_count: int = 0
    accepted_count: int = 0
    duplicate_count: int = 0
    quarantined_by_reason: dict[str, int] = field(default_factory=dict)
    blank_count: int = 0

    @property
    def quarantined_count(self) -> int:
        """How many lines of the file were rejected."""
        return sum(self.quarantined_by_reason.values())

    def to_json(self) -> dict[str, Any]:
        """Return the file's entry in the ledger."""
        return {
            "file_name": self.file_name,
            "byte_count": self.byte_count,
            "sha256": self.sha256,
            "state": self.state,
            "reason": self.reason,
            "read_count": self.read_count,
            "accepted_count": self.accepted_count,
            "duplicate_count": self.duplicate_count,
            "quarantined_by_reason": self.quarantined_by_reason,
            "blank_count": self.blank_count,
        }


@dataclass(frozen=True)
class IngestResult:
    """What became of the files of one kind, source and delivery day."""

    kind: str  # usage | accounts
    source: Source
    day: date
    files: tuple[FileResult, ...]
    unknown_fields: dict[str, int]
    absent_columns: tuple[str, ...]
    later_days: tuple[date, ...]  # later partitions that hold some of these exchanges
    seconds: float
    state: DeliveryState = DeliveryState.COMPLETE
    absence: Absence = Absence.UNUSUAL
    has_no_traffic: bool = False  # as a marker of the platform declares

    @property
    def read_count(self) -> int:
        """Lines read, blank ones not counted."""
        return sum(file.read_count for file in self.files)

    @property
    def accepted_count(self) -> int:
        """Rows in the canonical partition."""
        return sum(file.accepted_count for file in self.files)

    @property
    def duplicate_count(self) -> int:
        """Lines that were delivered before with the same content."""
        return sum(file.duplicate_count for file in self.files)

    @property
    def quarantined_count(self) -> int:
        """Lines that were rejected."""
        return sum(file.quarantined_count for file in self.files)

    @property
    def quarantined_by_reason(self) -> dict[str, int]:
        """Rejected lines by reason code, sorted by code."""
        total: Counter[str] = Counter()
        for file in self.files:
            total.update(file.quarantined_by_reason)
        return dict(sorted(total.items()))

    def count_files(self, state: str) -> int:
        """Return how many files ended in that state."""
        return sum(1 for file in self.files if file.state == state)

    def to_json(self) -> dict[str, Any]:
        """Return the ledger of this ingestion.

        It depends on the inputs alone, but for the state `open`: that the day was not over yet.
        """
        return {
            "kind": self.kind,
            "source_id": self.source.source_id,
            "platform": self.source.platform,
            "format": self.source.format,
            "delivered_date": self.day.isoformat(),
            "delivery_state": self.state.value,
            "absence": self.absence.value,
            "has_no_traffic": self.has_no_traffic,
            "file_count": len(self.files),
            "byte_count": sum(file.byte_count for file in self.files),
            "read_count": self.read_count,
            "accepted_count": self.accepted_count,
            "duplicate_count": self.duplicate_count,
            "quarantined_count": self.quarantined_count,
            "quarantined_by_reason": self.quarantined_by_reason,
            "blank_count": sum(file.blank_count for file in self.files),
            "duplicate_file_count": self.count_files("duplicate_file"),
            "refused_file_count": self.count_files("refused"),
            "unknown_fields": self.unknown_fields,
            "absent_columns": list(self.absent_columns),
            "files": [file.to_json() for file in self.files],
        }
