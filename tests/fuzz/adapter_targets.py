"""One target for each log format: lines to rows and rejects, none lost."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path

from stillwatch.keyed import Keyer
from stillwatch.landing.lines import Batch, parse_lines, split_lines
from stillwatch.sources.chunks import build_chunk, split_records
from stillwatch.sources.exchanges import ExchangeBuilder
from stillwatch.sources.formats import ADAPTERS, recognise
from stillwatch.sources.joining import join_blocks
from stillwatch.sources.registry import Source

from .registry import target

_RECORDS = Path(__file__).parents[1] / "unit" / "sources" / "records"
_DAY = date(2026, 11, 2)


def _register(format_id: str) -> None:
    def read_seeds() -> list[bytes]:
        whole = (_RECORDS / f"{format_id}.jsonl").read_bytes()
        return [whole, *whole.splitlines(keepends=True)]

    source = Source(
        source_id="s", platform="p", format=format_id, location="u", accounts_location="a"
    )
    builder = ExchangeBuilder(source, _DAY, Keyer(b"k" * 32))

    @target(f"adapter.{format_id}", read_seeds, is_json=True)
    def run(data: bytes) -> Counter[str]:
        """Build the rows of the lines and compare with an independent count of the records."""
        batches = [parse_lines(lines) for lines in split_lines([data])]
        for batch in batches:
            for record in batch.records:
                recognise(record.value)
        expected = _count_exchanges(format_id, batches)
        adapter = ADAPTERS[format_id]
        blocks = join_blocks(adapter, batches) if adapter.has_parts else batches
        chunks = [build_chunk(builder, block) for block in blocks]
        rows = sum(chunk.table.num_rows for chunk in chunks)
        rejects = sum(len(chunk.rejects) for chunk in chunks)
        if rows + rejects != expected:
            raise AssertionError(f"{expected} records gave {rows} rows and {rejects} rejects")
        for chunk in chunks:
            chunk.table.validate(full=True)
        return Counter(records=expected, rows=rows, rejects=rejects)


def _count_exchanges(format_id: str, batches: list[Batch]) -> int:
    """Return how many exchanges the lines hold: as many as its most repeated part comes."""
    adapter = ADAPTERS[format_id]
    count = 0
    together: dict[str, Counter[str]] = {}
    for batch in batches:
        split = split_records(batch, adapter.list_records)
        count += len(split.rejects)
        for record in split.records:
            key = adapter.find_exchange(record.value) if adapter.has_parts else None
            if key is None:
                count += 1
            else:
                content = json.dumps(record.value, sort_keys=True)
                together.setdefault(key, Counter())[content] += 1
    return count + sum(max(contents.values()) for contents in together.values())


for _format_id in ADAPTERS:
    _register(_format_id)
