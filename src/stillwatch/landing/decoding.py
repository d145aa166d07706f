"""Stored bytes to decoded bytes, checked to the last byte before anything is believed.

A compressed file is decompressed once from end to end to check its lengths and checksums, then
again to read it: decompression is a small part of the cost, and memory stays bounded. A file that
is not whole is refused as a whole, so that nothing of it is half loaded.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import zstandard

from stillwatch.landing.storage import LandedFile, Landing

# `.json` holds JSON lines too: so the clouds name what they deliver.
SUFFIXES = (
    *(".jsonl", ".jsonl.gz", ".jsonl.zst"),
    *(".json", ".json.gz", ".json.zst"),
    ".parquet",
)

MAX_DECODED_BYTES = 16 << 30
MAX_RATIO = 200
RATIO_FREE_BYTES = 64 << 20  # small files may be as repetitive as they like
_PIECE_BYTES = 4 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZIP_MAGIC = b"PK\x03\x04"
_PARQUET_MAGIC = b"PAR1"
_ZSTD_INPUT_BYTES = 1 << 10  # a zstd block of a few bytes may hold 128 KiB: feed it in sips
_ZSTD_WINDOW_BYTES = 128 << 20


class RefusedFile(Exception):
    """The file as a whole cannot be trusted; `reason` is its code for quarantine and ledger."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Fingerprint:
    """What a whole file is: the hash and length of its decoded bytes."""

    sha256: str
    decoded_byte_count: int


class _Frame(Protocol):
    """One compressed member: gives bytes, knows its end and what follows it."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def feed(self, data: bytes) -> Iterator[bytes]: ...


class _GzipFrame:
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data and not self._inner.eof:
            try:
                piece = self._inner.decompress(data, _PIECE_BYTES)
            except zlib.error as error:
                raise RefusedFile(*_explain_zlib(str(error))) from error
            if piece:
                yield piece
            data = self._inner.unconsumed_tail


class _ZstdFrame:
    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj()
        self._rest = b""

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data + self._rest

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _ZSTD_INPUT_BYTES):
            try:
                piece = self._inner.decompress(data[start : start + _ZSTD_INPUT_BYTES])
            except zstandard.ZstdError as error:
                text = str(error).lower()
                if "checksum" in text:
                    raise RefusedFile("crc_mismatch", "a zstd checksum is wrong") from error
                raise RefusedFile("corrupt", "the zstd stream is damaged") from error
            if piece:
                yield piece
            if self._inner.eof:
                self._rest = data[start + _ZSTD_INPUT_BYTES :]
                return


def _explain_zlib(message: str) -> tuple[str, str]:
    if "incorrect data check" in message:
        return "crc_mismatch", "the gzip CRC is wrong"
    if "incorrect length check" in message:
        return "length_mismatch", "the gzip length is wrong"
    return "corrupt", "the gzip stream is damaged"


def decode_blocks(landing: Landing, file: LandedFile) -> Iterator[bytes]:
    """Yield the decoded bytes of a text file in bounded pieces.

    Raises RefusedFile as soon as the file proves not to be whole, so the pieces may only be used
    after one complete pass (`check_file`).
    """
    blocks = landing.read_blocks(file.name)
    if file.name.endswith(".gz"):
        pieces = _decode_frames(blocks, _GZIP_MAGIC, "not_gzip", _GzipFrame)
    elif file.name.endswith(".zst"):
        pieces = _decode_frames(blocks, _ZSTD_MAGIC, "not_zstd", _ZstdFrame)
    else:
        pieces = blocks
    yield from _bound(pieces, file)


def check_file(landing: Landing, file: LandedFile) -> Fingerprint:
    """Return the identity of a text file after reading it to its end, or raise RefusedFile."""
    if file.byte_count == 0:
        raise RefusedFile("empty_file", "the file has no bytes")
    digest = hashlib.sha256()
    size = 0
    for piece in decode_blocks(landing, file):
        if size == 0 and piece.startswith((_GZIP_MAGIC, _ZSTD_MAGIC, _ZIP_MAGIC)):
            raise RefusedFile("nested_compression", "the decoded bytes are compressed again")
        if size == 0 and piece.startswith(_PARQUET_MAGIC):
            raise RefusedFile("wrong_format", "the name says JSON lines, the bytes are Parquet")
        digest.update(piece)
        size += len(piece)
    if size == 0:
        raise RefusedFile("empty_file", "the decompressed file has no bytes")
    return Fingerprint(digest.hexdigest(), size)


def hash_stored(landing: Landing, file: LandedFile) -> str:
    """Return the sha256 of the bytes as they lie in landing."""
    digest = hashlib.sha256()
    for block in landing.read_blocks(file.name):
        digest.update(block)
    return digest.hexdigest()


def _decode_frames(
    blocks: Iterable[bytes], magic: bytes, mismatch: str, frame_type: type[_Frame]
) -> Iterator[bytes]:
    """Yield the content of one or more compressed members that follow each other.

    Zero bytes after the last member are padding; anything else there is junk.
    """
    frame: _Frame | None = None
    pending = b""
    any_frame = False
    padded = False
    for block in blocks:
        pending = pending + block if pending else block
        while pending:
            if frame is None:
                stripped = pending.lstrip(b"\0") if any_frame else pending
                padded = padded or len(stripped) < len(pending)
                pending = stripped
                if not pending:
                    break
                if padded or not pending.startswith(magic[: len(pending)]):
                    if any_frame:
                        raise RefusedFile(
                            "trailing_junk", "bytes follow the last compressed member"
                        )
                    raise RefusedFile(mismatch, "the first bytes are not those of the format")
                if len(pending) < len(magic):
                    break
                frame = frame_type()
                any_frame = True
            yield from frame.feed(pending)
            pending = frame.unused_data if frame.eof else b""
            if frame.eof:
                frame = None
    if frame is not None or pending:
        raise RefusedFile("truncated", "the compressed stream ends before its end")


def _bound(pieces: Iterable[bytes], file: LandedFile) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_DECODED_BYTES:
            raise RefusedFile("too_big", f"more than {MAX_DECODED_BYTES} bytes when decoded")
        if size > RATIO_FREE_BYTES and size > MAX_RATIO * file.byte_count:
            raise RefusedFile(
                "decompression_bomb", f"more than {MAX_RATIO} times as large when decoded"
            )
        yield piece
