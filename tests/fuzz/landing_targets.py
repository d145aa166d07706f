"""Targets for what decodes landed files: a file is whole, or it is refused with a reason."""

from __future__ import annotations

import gzip
import io
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from stillwatch.landing.decoding import RefusedFile, check_file, decode_blocks
from stillwatch.landing.lines import parse_lines, split_lines
from stillwatch.landing.parquet import check_parquet, read_parquet
from stillwatch.landing.storage import LandedFile, Landing

from .registry import target

_TEXT = b'{"exchange_id":"x1","n":1,"nested":{"a":[1,{"b":null}]}}\n{"a":"\\u0000"}\n\n[1]\nnull\n'
_ROWS = [
    {"a": "x", "b": {"c": [1, 2], "d": None}, "e": [{"f": 1.5}, {"f": None}]},
    {"a": None, "b": {"c": [], "d": "y"}, "e": None},
]


def _land(name: str, data: bytes, folder: str) -> tuple[Landing, LandedFile]:
    (Path(folder) / name).write_bytes(data)
    return Landing(folder), LandedFile(name, len(data))


def _check_text(name: str, data: bytes) -> Counter[str]:
    with tempfile.TemporaryDirectory() as folder:
        landing, file = _land(name, data, folder)
        try:
            whole = check_file(landing, file)
        except RefusedFile as refusal:
            return Counter({"refused": 1, f"refused: {refusal.reason}": 1})
        size = sum(len(piece) for piece in decode_blocks(landing, file))
        if size != whole.decoded_byte_count:
            raise AssertionError(f"{whole.decoded_byte_count} bytes checked, {size} bytes read")
        return Counter(whole=1)


@target("landing.gzip", lambda: [gzip.compress(_TEXT), gzip.compress(_TEXT * 50) * 2], False)
def check_gzip(data: bytes) -> Counter[str]:
    """Check and decode a gzip file."""
    return _check_text("a.jsonl.gz", data)


def _make_zstd() -> list[bytes]:
    compressor = zstandard.ZstdCompressor(write_checksum=True)
    return [compressor.compress(_TEXT), compressor.compress(_TEXT * 50) * 2]


@target("landing.zstd", _make_zstd, False)
def check_zstd(data: bytes) -> Counter[str]:
    """Check and decode a zstd file."""
    return _check_text("a.jsonl.zst", data)


@target("landing.lines", lambda: [_TEXT, _TEXT * 3], False)
def check_lines(data: bytes) -> Counter[str]:
    """Split and parse lines; each is a record, a reject or blank."""
    batches = [parse_lines(lines) for lines in split_lines([data[:7], data[7:]])]
    text = data.removeprefix(b"\xef\xbb\xbf")
    count = len(text.removesuffix(b"\n").split(b"\n")) if text else 0
    records = sum(len(batch.records) for batch in batches)
    rejects = sum(len(batch.rejects) for batch in batches)
    blank = sum(batch.blank_count for batch in batches)
    if records + rejects + blank != count:
        raise AssertionError(
            f"{count} lines gave {records} records, {rejects} rejects, {blank} blank"
        )
    return Counter(records=records, rejects=rejects)


def _make_parquet() -> list[bytes]:
    seeds = []
    for compression in ("none", "zstd"):
        file = io.BytesIO()
        pq.write_table(
            pa.Table.from_pylist(_ROWS * 3), file, compression=compression,
            write_page_checksum=True,
        )  # fmt: skip
        seeds.append(file.getvalue())
    return seeds


@target("landing.parquet", _make_parquet, False)
def check_parquet_file(data: bytes) -> Counter[str]:
    """Check and read a Parquet file; a checked file gives as many records as it says."""
    with tempfile.TemporaryDirectory() as folder:
        landing, file = _land("a.parquet", data, folder)
        try:
            check_parquet(landing, file)
        except RefusedFile as refusal:
            return Counter({"refused": 1, f"refused: {refusal.reason}": 1})
        count = sum(len(batch.records) for batch in read_parquet(landing, file))
        said = pq.ParquetFile(Path(folder) / file.name).metadata.num_rows
        if count != said:
            raise AssertionError(f"{said} rows gave {count} records")
        return Counter(whole=1, records=count)
