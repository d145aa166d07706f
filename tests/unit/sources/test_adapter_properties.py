"""Arbitrary JSON in every adapter and through the whole building of chunks."""

from __future__ import annotations

from typing import Any

import pytest
from adapter_kit import build, count_exchanges, parse, read_full
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stillwatch.landing.lines import Batch, Record
from stillwatch.sources.chunks import split_records
from stillwatch.sources.fields import FieldError
from stillwatch.sources.formats import ADAPTERS, recognise

FORMATS = sorted(ADAPTERS)
NAMES = {
    format_id: sorted({name for line in read_full(format_id) for name in line}
                      | {"role", "content", "parts", "key", "value", "text", "type"})
    for format_id in FORMATS
}  # fmt: skip

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["user", "{", "[1]", '{"messages":[{}]}', "2026-11-02 10:00:00", "1" * 25])
)
QUIET = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def values(names: list[str]) -> st.SearchStrategy[Any]:
    keys = st.sampled_from(names) | st.text(max_size=8)
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
        max_leaves=15,
    )


@st.composite
def lines(draw: st.DrawFn, format_id: str) -> dict[str, Any]:
    """Draw an object of known names, or a full record with some of its places replaced."""
    inner = values(NAMES[format_id])
    if draw(st.booleans()):
        return draw(st.dictionaries(st.sampled_from(NAMES[format_id]), inner, max_size=8))
    record: dict[str, Any] = draw(st.sampled_from(read_full(format_id)))
    replaced: dict[str, Any] = replace(draw, record, inner)
    return replaced


def replace(draw: st.DrawFn, value: Any, inner: st.SearchStrategy[Any]) -> Any:
    if isinstance(value, dict):
        return {
            name: draw(inner) if draw(st.integers(0, 9)) == 0 else replace(draw, item, inner)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [replace(draw, item, inner) for item in value]
    return value


@pytest.mark.parametrize("format_id", FORMATS)
@given(data=st.data())
@QUIET
def test_map_record__returns_fields_or_raises_a_field_error(
    data: st.DataObject, format_id: str
) -> None:
    line = data.draw(lines(format_id))
    adapter = ADAPTERS[format_id]
    recognise(line)
    for record in adapter.list_records(line):
        if not isinstance(record, dict):
            continue
        key = adapter.find_exchange(record)
        assert key is None or isinstance(key, str)
        try:
            fields = adapter.map_record(record)
            names = list(adapter.list_unknown(record))
        except FieldError:
            continue
        assert isinstance(fields, dict)
        assert all(isinstance(name, str) for name in names)


@pytest.mark.parametrize("format_id", FORMATS)
@given(data=st.data())
@QUIET
def test_build_chunk__turns_every_record_into_a_row_or_a_reject(
    data: st.DataObject, format_id: str
) -> None:
    given_lines = data.draw(st.lists(lines(format_id), min_size=1, max_size=4))
    batches = parse(given_lines)
    parsed = sum(len(batch.records) for batch in batches)
    assert parsed + sum(len(batch.rejects) for batch in batches) == len(given_lines)
    records = [record for batch in batches for record in split(format_id, batch)]
    exchanges = count_exchanges(format_id, [record.value for record in records])
    lost = sum(len(split_rejects(format_id, batch)) for batch in batches)
    chunks = build(format_id, batches)
    taken = sum(chunk.table.num_rows for chunk in chunks)
    assert taken + sum(len(chunk.rejects) for chunk in chunks) == exchanges + lost


def split(format_id: str, batch: Batch) -> list[Record]:
    return split_records(batch, ADAPTERS[format_id].list_records).records


def split_rejects(format_id: str, batch: Batch) -> list[Any]:
    return split_records(batch, ADAPTERS[format_id].list_records).rejects
