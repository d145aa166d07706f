"""Whole files or none."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from stillwatch.landing import decoding
from stillwatch.landing.decoding import RefusedFile, check_file, decode_blocks
from stillwatch.landing.parquet import check_parquet, read_parquet
from stillwatch.landing.storage import LandedFile, Landing

TEXT = b'{"a":1}\n' * 5000
ZSTD = zstandard.ZstdCompressor(write_checksum=True)


def land(folder: Path, name: str, data: bytes) -> tuple[Landing, LandedFile]:
    (folder / name).write_bytes(data)
    landing = Landing(str(folder))
    (file,) = landing.list_files("", (name,))
    return landing, file


def flip(data: bytes, position: int) -> bytes:
    changed = bytearray(data)
    changed[position] ^= 0xFF
    return bytes(changed)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", TEXT),
        ("a.jsonl.gz", gzip.compress(TEXT, mtime=0)),
        ("b.jsonl.gz", gzip.compress(TEXT[:800], mtime=0) + gzip.compress(TEXT[800:], mtime=0)),
        ("c.jsonl.gz", gzip.compress(TEXT, mtime=0) + b"\0" * 512),
        ("a.jsonl.zst", ZSTD.compress(TEXT)),
        ("b.jsonl.zst", ZSTD.compress(TEXT[:800]) + ZSTD.compress(TEXT[800:])),
    ],
)
def test_check_file__gives_the_identity_of_the_decoded_bytes(
    tmp_path: Path, name: str, data: bytes
) -> None:
    landing, file = land(tmp_path, name, data)
    fingerprint = check_file(landing, file)
    assert fingerprint.sha256 == hashlib.sha256(TEXT).hexdigest()
    assert fingerprint.decoded_byte_count == len(TEXT)
    assert b"".join(decode_blocks(landing, file)) == TEXT


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.jsonl", b"", "empty_file"),
        ("a.jsonl.gz", b"", "empty_file"),
        ("a.jsonl.gz", gzip.compress(b"", mtime=0), "empty_file"),
        ("a.jsonl.gz", TEXT, "not_gzip"),
        ("a.jsonl.gz", gzip.compress(TEXT, mtime=0)[:-9], "truncated"),
        ("a.jsonl.gz", gzip.compress(TEXT, mtime=0)[:-3], "truncated"),
        ("a.jsonl.gz", gzip.compress(TEXT, mtime=0)[:1], "truncated"),
        ("a.jsonl.gz", flip(gzip.compress(TEXT, mtime=0), -8), "crc_mismatch"),
        ("a.jsonl.gz", flip(gzip.compress(TEXT, mtime=0), -4), "length_mismatch"),
        ("a.jsonl.gz", gzip.compress(TEXT, mtime=0) + b"junk", "trailing_junk"),
        ("a.jsonl.gz", gzip.compress(TEXT, mtime=0) + b"\0\0junk", "trailing_junk"),
        ("a.jsonl.gz", gzip.compress(gzip.compress(TEXT, mtime=0), mtime=0), "nested_compression"),
        ("a.jsonl", gzip.compress(TEXT, mtime=0), "nested_compression"),
        ("a.jsonl.zst", TEXT, "not_zstd"),
        ("a.jsonl.zst", ZSTD.compress(TEXT)[:-5], "truncated"),
        ("a.jsonl.zst", flip(ZSTD.compress(TEXT), -1), "crc_mismatch"),
        ("a.jsonl.zst", ZSTD.compress(TEXT) + b"junk!", "trailing_junk"),
    ],
)
def test_check_file__refuses_a_file_that_is_not_whole(
    tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    landing, file = land(tmp_path, name, data)
    with pytest.raises(RefusedFile) as refusal:
        check_file(landing, file)
    assert refusal.value.reason == reason


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_check_file__stops_at_the_ratio_before_a_bomb_is_unpacked(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "RATIO_FREE_BYTES", 1 << 20)
    data = b"\n" * (64 << 20)
    packed = gzip.compress(data) if suffix == "gz" else ZSTD.compress(data)
    landing, file = land(tmp_path, f"a.jsonl.{suffix}", packed)
    with pytest.raises(RefusedFile) as refusal:
        check_file(landing, file)
    assert refusal.value.reason == "decompression_bomb"


def test_check_file__refuses_more_than_the_largest_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MAX_DECODED_BYTES", 1000)
    landing, file = land(tmp_path, "a.jsonl", TEXT)
    with pytest.raises(RefusedFile) as refusal:
        check_file(landing, file)
    assert refusal.value.reason == "too_big"


def test_check_parquet__reads_rows_with_nulls_left_out_and_refuses_a_damaged_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [1, None], "b": ["x", "y"]}), path)
    landing, file = land(tmp_path, "a.parquet", path.read_bytes())
    check_parquet(landing, file)
    (batch,) = read_parquet(landing, file)
    assert [record.value for record in batch.records] == [{"a": 1, "b": "x"}, {"b": "y"}]
    assert [record.line_number for record in batch.records] == [1, 2]
    for name, data in (("b.parquet", path.read_bytes()[:-20]), ("c.parquet", TEXT)):
        landing, file = land(tmp_path, name, data)
        with pytest.raises(RefusedFile) as refusal:
            check_parquet(landing, file)
        assert refusal.value.reason == "bad_parquet"


def test_list_folders__is_empty_where_nothing_lies(tmp_path: Path) -> None:
    landing = Landing(str(tmp_path / "nowhere"))
    assert landing.list_folders("usage") == []
    assert landing.list_files("usage", (".jsonl",)) == []
    assert landing.read_text("usage/source.yml") is None


def test_landing__reads_from_any_fsspec_filesystem() -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/landing/usage/a/dt=2026-11-01/x.jsonl", TEXT)
    landing = Landing("memory://landing")
    assert landing.list_folders("usage") == ["a"]
    (file,) = landing.list_files("usage/a/dt=2026-11-01", (".jsonl",))
    assert check_file(landing, file).decoded_byte_count == len(TEXT)
    memory.rm("/landing", recursive=True)
