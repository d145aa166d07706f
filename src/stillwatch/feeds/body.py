"""The body of an answer, unpacked no further than it may grow."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

_GZIP = ("gzip", "x-gzip")


class BadBodyError(Exception):
    """A body is packed in a way that was not asked for, or its packing is broken."""


def unpack(chunks: Iterable[bytes], encoding: str, most_bytes: int) -> Iterator[bytes]:
    """Yield a body without its `Content-Encoding`, stopping soon after `most_bytes`.

    We ask for plain bodies. Servers that pack all the same use gzip; other or several encodings
    are refused, because a few bytes of them can stand for gigabytes.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        yield from chunks
        return
    if name not in _GZIP:
        raise BadBodyError(f"Content-Encoding {encoding[:80]!r} was not asked for")
    decoder = zlib.decompressobj(wbits=31)
    left = most_bytes + 1
    try:
        for chunk in chunks:
            data = chunk
            while data and left > 0:
                if decoder.eof:  # a further member
                    decoder = zlib.decompressobj(wbits=31)
                plain = decoder.decompress(data, left)
                left -= len(plain)
                yield plain
                data = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
            if left <= 0:
                return
    except zlib.error as error:
        raise BadBodyError(f"broken gzip: {error}") from error
    if not decoder.eof:
        raise BadBodyError("the gzip body ends too early")
