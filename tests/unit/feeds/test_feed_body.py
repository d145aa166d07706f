"""Packed bodies: unpacked as they come, never beyond what is allowed."""

import gzip
import zlib

import pytest

from stillwatch.feeds.body import BadBodyError, unpack

TEXT = b"45.80.0.0/24\n" * 1000


def _split(content, size=100):
    return [content[n : n + size] for n in range(0, len(content), size)]


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_unpack__a_plain_body_comes_through(encoding):
    assert b"".join(unpack(_split(TEXT), encoding, 10)) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZip"])
def test_unpack__gzip_with_several_members(encoding):
    packed = gzip.compress(TEXT) + gzip.compress(b"end")
    assert b"".join(unpack(_split(packed, 7), encoding, 1 << 20)) == TEXT + b"end"


@pytest.mark.fault(28)
def test_unpack__a_bomb_stops_just_after_the_limit():
    packed = gzip.compress(b"\0" * (50 << 20))
    pieces = list(unpack([packed], "gzip", 1000))
    assert sum(map(len, pieces)) == 1001


@pytest.mark.fault(28)
@pytest.mark.parametrize("encoding", ["gzip, gzip", "zstd", "br", "deflate", "x" * 1000])
def test_unpack__what_was_not_asked_for_is_refused(encoding):
    with pytest.raises(BadBodyError, match="was not asked for"):
        list(unpack([b"x"], encoding, 1000))


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (gzip.compress(TEXT, mtime=0)[:-9], "ends too early"),
        (gzip.compress(TEXT, mtime=0)[:-8] + b"\0" * 8, "incorrect data check"),
        (b"plain", "incorrect header"),
        (zlib.compress(TEXT), "incorrect header"),
        (b"", "ends too early"),
    ],
)
def test_unpack__broken_gzip_is_refused(content, part):
    with pytest.raises(BadBodyError, match=part):
        list(unpack(_split(content), "gzip", 1 << 20))
