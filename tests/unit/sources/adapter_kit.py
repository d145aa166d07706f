"""What the tests of the adapters share: full records of ours, and lines to canonical rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.keyed import Keyer
from stillwatch.landing.lines import Batch, parse_lines, split_lines
from stillwatch.landing.parquet import read_parquet
from stillwatch.landing.storage import LandedFile, Landing
from stillwatch.sources.chunks import Chunk, build_chunk
from stillwatch.sources.exchanges import ExchangeBuilder
from stillwatch.sources.formats import ADAPTERS
from stillwatch.sources.joining import WINDOW_RECORDS, join_blocks
from stillwatch.sources.registry import Source

DAY = date(2026, 11, 2)
RECORDS = Path(__file__).parent / "records"
KEY = b"k" * 32


def read_full(format_id: str) -> list[dict[str, Any]]:
    """Return the lines that fill every column of a format between them."""
    text = (RECORDS / f"{format_id}.jsonl").read_bytes()
    return [orjson.loads(line) for line in text.splitlines()]


def make_source(format_id: str) -> Source:
    return Source(
        source_id="s",
        platform="p",
        format=format_id,
        location="usage/s",
        accounts_location="accounts/s",
    )


def make_builder(format_id: str, day: date = DAY) -> ExchangeBuilder:
    return ExchangeBuilder(make_source(format_id), day, Keyer(KEY))


def parse(lines: Iterable[Any]) -> list[Batch]:
    text = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    return [parse_lines(block) for block in split_lines([text])]


def land_parquet(rows: list[dict[str, Any]], folder: Path) -> list[Batch]:
    """Return the rows as they come back from a Parquet file."""
    pq.write_table(pa.Table.from_pylist(rows), folder / "part.parquet")
    size = (folder / "part.parquet").stat().st_size
    return list(read_parquet(Landing(str(folder)), LandedFile("part.parquet", size)))


def build(
    format_id: str, batches: Iterable[Batch], day: date = DAY, window: int = WINDOW_RECORDS
) -> list[Chunk]:
    """Return the chunks of batches, joined and built as ingestion does it."""
    adapter = ADAPTERS[format_id]
    joined = join_blocks(adapter, batches, window) if adapter.has_parts else batches
    builder = make_builder(format_id, day)
    return [build_chunk(builder, batch) for batch in joined]


def count_exchanges(format_id: str, records: Iterable[Any]) -> int:
    """Return how many rows or rejects records must give, whatever is in them.

    Of the records of one exchange, those that differ are its parts; it comes as often as the one
    that comes most often.
    """
    alone = 0
    together: dict[str, Counter[str]] = {}
    for record in records:
        key = ADAPTERS[format_id].find_exchange(record) if isinstance(record, dict) else None
        if key is None:
            alone += 1
        else:
            content = json.dumps(record, sort_keys=True)
            together.setdefault(key, Counter())[content] += 1
    return alone + sum(max(contents.values()) for contents in together.values())


def list_rows(chunks: Iterable[Chunk]) -> list[dict[str, Any]]:
    return [row for chunk in chunks for row in chunk.table.to_pylist()]


def list_reasons(chunks: Iterable[Chunk]) -> list[str]:
    return [reject.reason for chunk in chunks for reject in chunk.rejects]
