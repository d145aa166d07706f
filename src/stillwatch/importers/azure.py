"""Azure LLM inference traces of 2023 and 2024: when, tokens in, tokens out; nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stillwatch.importers.accounts import AccountPool
from stillwatch.importers.files import BadValue, Row, find_files, read_rows
from stillwatch.importers.model import (
    BAD_RECORD,
    Exchange,
    FieldNote,
    Item,
    Options,
    Origin,
    Skipped,
    shorten,
)

_COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
_FRACTION = re.compile(r"(\.\d{1,6})\d*")
_SERVICE = re.compile(r"(?:^|[^a-z])(conv|code)(?:[^a-z]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class AzureImporter:
    """CSV with TIMESTAMP, ContextTokens, GeneratedTokens, as both years have it."""

    kind: str = "azure"
    title: str = "Azure LLM inference trace 2023 / 2024"
    licence: str = "CC-BY-4.0, Microsoft Azure (AzurePublicDataset)"
    obtain: str = "https://github.com/Azure/AzurePublicDataset"
    record: str = "one request to a service of the platform"
    is_ordered: bool = True
    samples_itself: bool = False
    notes: tuple[FieldNote, ...] = (
        FieldNote("exchange_id", Origin.DERIVED, "from the file's number and the line"),
        FieldNote("event_at", Origin.DERIVED, "TIMESTAMP, moved onto the chosen days"),
        FieldNote(
            "account_id",
            Origin.INVENTED,
            "each request by itself goes to one of `--accounts` accounts of unequal size",
        ),
        FieldNote("model", Origin.INVENTED, "`azure-conv`, `azure-code` by the file's name"),
        FieldNote("status", Origin.INVENTED, "`ok`: the trace holds no failures"),
        FieldNote("input_tokens", Origin.REAL, "ContextTokens"),
        FieldNote("output_tokens", Origin.REAL, "GeneratedTokens"),
    )

    def read(self, paths: Sequence[Path], options: Options) -> Iterator[Item]:
        """Yield one exchange per row."""
        pool = AccountPool("azure", options.account_count, options.seed)
        files = find_files(paths, ("*.csv", "*.csv.gz", "*.csv.zst"))
        for number, path in enumerate(files):
            named = _SERVICE.search(path.name)
            model = f"azure-{named[1].lower()}" if named else "azure-llm"
            for row in read_rows(path, _COLUMNS):
                if isinstance(row, BadValue):
                    yield Skipped(BAD_RECORD, str(row))
                    continue
                try:
                    yield _make_exchange(row, shorten("azure", number, row.line), model, pool)
                except BadValue as error:
                    yield Skipped(BAD_RECORD, str(error))


def _make_exchange(row: Row, identity: str, model: str, pool: AccountPool) -> Exchange:
    return Exchange(
        second=_read_instant(row, "TIMESTAMP"),
        account=pool.pick(identity),
        identity=identity,
        unit=identity,
        fields={
            "model": model,
            "status": "ok",
            "input_tokens": row.read_count("ContextTokens"),
            "output_tokens": row.read_count("GeneratedTokens"),
        },
    )


def _read_instant(row: Row, column: str) -> float:
    """Return seconds since 1970; seven digits of a second (2023) are cut, no zone means UTC."""
    try:
        instant = datetime.fromisoformat(_FRACTION.sub(r"\1", row.read_text(column)))
    except ValueError:
        raise row.complain(column, "a time such as 2023-11-16 18:15:46.6805900") from None
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
