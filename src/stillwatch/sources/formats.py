"""The log formats that a source may have, and how to tell them apart."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from stillwatch.landing.decoding import RefusedFile, decode_blocks
from stillwatch.landing.lines import Batch, parse_lines, split_lines
from stillwatch.landing.parquet import check_parquet, read_parquet
from stillwatch.landing.storage import LandedFile, Landing
from stillwatch.sources.adapter import Adapter
from stillwatch.sources.aws_bedrock_invocation import BedrockInvocationAdapter
from stillwatch.sources.native import NativeAdapter

ADAPTERS: dict[str, Adapter] = {
    adapter.format_id: adapter for adapter in (NativeAdapter(), BedrockInvocationAdapter())
}

_SNIFFED_RECORDS = 20


def sniff_format(landing: Landing, files: list[LandedFile]) -> str:
    """Return the format of the first records that can be read in the files; else `native`."""
    for file in files:
        for record in _list_first_records(landing, file):
            if record.get("schemaType") == "ModelInvocationLog":
                return BedrockInvocationAdapter.format_id
            return NativeAdapter.format_id
    return NativeAdapter.format_id


def _list_first_records(landing: Landing, file: LandedFile) -> list[dict[str, object]]:
    try:
        if file.name.endswith(".parquet"):
            check_parquet(landing, file)
            batches: Iterable[Batch] = islice(read_parquet(landing, file), 1)
        else:
            blocks = islice(decode_blocks(landing, file), 1)
            batches = (parse_lines(lines[:_SNIFFED_RECORDS]) for lines in split_lines(blocks))
        return [record.value for batch in batches for record in batch.records]
    except RefusedFile:
        return []
