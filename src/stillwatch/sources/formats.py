"""The log formats that a source may have, and how to tell them apart."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from stillwatch.landing.decoding import RefusedFile, decode_blocks
from stillwatch.landing.lines import Batch, parse_lines, split_lines
from stillwatch.landing.parquet import check_parquet, read_parquet
from stillwatch.landing.storage import LandedFile, Landing
from stillwatch.sources.adapter import Adapter
from stillwatch.sources.aws_bedrock_invocation import BedrockInvocationAdapter
from stillwatch.sources.azure_openai_diagnostic import AzureDiagnosticAdapter
from stillwatch.sources.gcp_vertex_request_response import VertexAdapter
from stillwatch.sources.litellm_spend import LiteLlmSpendAdapter
from stillwatch.sources.native import NativeAdapter
from stillwatch.sources.otel_genai import OtelGenAiAdapter

ADAPTERS: dict[str, Adapter] = {
    adapter.format_id: adapter
    for adapter in (
        NativeAdapter(),
        BedrockInvocationAdapter(),
        VertexAdapter(),
        AzureDiagnosticAdapter(),
        OtelGenAiAdapter(),
        LiteLlmSpendAdapter(),
    )
}

_SNIFFED_RECORDS = 20


def sniff_format(landing: Landing, files: list[LandedFile]) -> str:
    """Return the format of the first record in the files that one recognises; else `native`."""
    for file in files:
        for record in _list_first_records(landing, file):
            format_id = recognise(record)
            if format_id is not None:
                return format_id
    return NativeAdapter.format_id


def recognise(record: dict[str, Any]) -> str | None:
    """Return the format that a landed object looks like; None if it looks like none."""
    for format_id, adapter in ADAPTERS.items():
        if adapter.is_format(record):
            return format_id
    return None


def _list_first_records(landing: Landing, file: LandedFile) -> list[dict[str, Any]]:
    try:
        if file.name.endswith(".parquet"):
            check_parquet(landing, file)
            batches: Iterable[Batch] = islice(read_parquet(landing, file), 1)
        else:
            blocks = islice(decode_blocks(landing, file), 1)
            batches = (parse_lines(lines[:_SNIFFED_RECORDS]) for lines in split_lines(blocks))
        records = [record.value for batch in batches for record in batch.records]
        return records[:_SNIFFED_RECORDS]
    except RefusedFile:
        return []
