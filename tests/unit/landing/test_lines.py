"""Splitting and parsing of JSON lines."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.landing.lines import MAX_DEPTH, MAX_LINE_BYTES, Batch, parse_lines, split_lines


def read(data: bytes, piece: int = 7) -> Batch:
    pieces = [data[start : start + piece] for start in range(0, len(data), piece)]
    batches = [parse_lines(lines) for lines in split_lines(pieces)]
    return Batch(
        [record for batch in batches for record in batch.records],
        [reject for batch in batches for reject in batch.rejects],
        sum(batch.blank_count for batch in batches),
    )


def reasons(data: bytes) -> list[str]:
    return [reject.reason for reject in read(data).rejects]


def test_split_lines__counts_lines_and_bytes_from_the_start_of_the_file() -> None:
    batch = read(b'{"a":1}\n\n{"b":\n{"c":3}')
    assert [(r.line_number, r.byte_offset) for r in batch.records] == [(1, 0), (4, 15)]
    assert [(r.line_number, r.byte_offset) for r in batch.rejects] == [(3, 9)]
    assert batch.blank_count == 1


@pytest.mark.parametrize(
    "data",
    [
        b'\xef\xbb\xbf{"a":1}\n{"a":2}\n',
        b'{"a":1}\r\n{"a":2}\r\n',
        b'{"a":1}\n{"a":2}',
    ],
)
def test_parse_lines__takes_bom_crlf_and_a_missing_final_newline(data: bytes) -> None:
    batch = read(data)
    assert [record.value for record in batch.records] == [{"a": 1}, {"a": 2}]
    assert not batch.rejects
    assert batch.blank_count == 0


def test_parse_lines__skips_the_bom_of_the_only_line_and_keeps_offsets() -> None:
    batch = read(b"\xef\xbb\xbf{}\n[1]\n")
    assert (batch.rejects[0].line_number, batch.rejects[0].byte_offset) == (2, 6)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a":"\xff"}', "bad_utf8"),
        (b'{"a":"\xed\xa0\x80"}', "bad_utf8"),
        (b'{"a":"x', "bad_json"),
        (b'{"a":1} {"b":2}', "bad_json"),
        (b'{"a":"\x00"}', "bad_json"),
        (b'{"a":NaN}', "bad_json"),
        (b'{"a":1e400}', "bad_json"),
        (b'{"a":"\\ud800"}', "bad_json"),
        (b"[1,2]", "not_object"),
        (b"null", "not_object"),
        (b'"text"', "not_object"),
        (b"12", "not_object"),
        (b'{"a":1,"a":1}', "duplicate_json_key"),
        (b'{"a" :1,"a":2}', "duplicate_json_key"),
        (b'{"x":{"a":1,"\\u0061":2}}', "duplicate_json_key"),
        (b'{"a":1,"a":2,"x\\\\":1}', "duplicate_json_key"),
        (b'{"k":[{"a":1,"a":":"}]}', "duplicate_json_key"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep"),
        (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), "too_deep"),
    ],
)
def test_parse_lines__names_why_a_line_is_rejected(line: bytes, reason: str) -> None:
    assert reasons(b'{"ok":1}\n' + line + b'\n{"ok":2}\n') == [reason]
    assert len(read(b'{"ok":1}\n' + line + b'\n{"ok":2}\n').records) == 2


@pytest.mark.parametrize(
    "line",
    [
        b'{"a":":b","c":"\\":"}',
        b'{"a" : 1, "b" : 2}',
        b'{"a":"say \\"x\\": y","b":{"a":1},"c":[{"a":1},{"a":2}]}',
        b'{"a\\\\":1,"b\\\\":2}',
        b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH,
    ],
)
def test_parse_lines__does_not_take_unusual_writing_for_a_repeated_key(line: bytes) -> None:
    assert reasons(line) == []


def test_split_lines__passes_over_a_line_that_is_too_long_in_bounded_memory() -> None:
    data = b'{"a":1}\n' + b"x" * (MAX_LINE_BYTES + 9_000_000) + b'\n{"a":2}\n'
    batch = read(data, piece=1 << 20)
    assert [record.line_number for record in batch.records] == [1, 3]
    assert [(r.line_number, r.byte_offset, r.reason) for r in batch.rejects] == [
        (2, 8, "too_large")
    ]
    assert batch.records[1].byte_offset == len(data) - 8


def test_parse_lines__never_repeats_what_a_rejected_line_says() -> None:
    rejects = read(b'{"prompt":"my secret words\n["my secret words"]\n').rejects
    assert len(rejects) == 2
    assert not any("secret" in reject.detail for reject in rejects)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
_LINES = st.lists(
    st.one_of(
        st.dictionaries(st.text(max_size=4), _JSON, max_size=4).map(orjson.dumps),
        st.dictionaries(st.text(max_size=4), _JSON, max_size=4).map(
            lambda value: json.dumps(value, separators=(" , ", " : ")).encode()
        ),
        _JSON.map(orjson.dumps),
        st.binary(max_size=20).map(lambda data: data.replace(b"\n", b"")),
        st.just(b""),
        st.just(b"  \r"),
    ),
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(lines=_LINES, piece=st.integers(1, 30), final=st.booleans())
def test_split_lines__accounts_for_every_line_however_the_bytes_are_cut(
    lines: list[bytes], piece: int, final: bool
) -> None:
    data = b"\n".join(lines) + (b"\n" if final else b"")
    batch = read(data, piece)
    text = data.removeprefix(b"\xef\xbb\xbf")
    expected = text.removesuffix(b"\n").split(b"\n") if text else []
    assert len(batch.records) + len(batch.rejects) + batch.blank_count == len(expected)
    for record in batch.records:
        assert orjson.loads(expected[record.line_number - 1]) == record.value
        assert record.byte_offset is not None
        assert data[record.byte_offset :].startswith(expected[record.line_number - 1])


@settings(max_examples=100, deadline=None)
@given(value=st.dictionaries(st.text(max_size=5), _JSON, min_size=1, max_size=4))
def test_parse_lines__finds_a_repeated_key_and_nothing_else(value: dict[str, object]) -> None:
    clean = orjson.dumps(value)
    key = orjson.dumps(next(iter(value)))
    assert reasons(clean) == []
    assert reasons(b"{" + key + b":1," + clean[1:]) == ["duplicate_json_key"]
