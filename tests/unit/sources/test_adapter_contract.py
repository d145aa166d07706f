"""What every adapter promises, whatever its format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from adapter_kit import (
    build,
    count_exchanges,
    land_parquet,
    list_reasons,
    list_rows,
    parse,
    read_full,
)

from stillwatch.canonical import EXCHANGES
from stillwatch.sources.fields import FieldError
from stillwatch.sources.formats import ADAPTERS, recognise

FORMATS = sorted(ADAPTERS)
HOSTILE: tuple[Any, ...] = (
    None, True, -1, 2**63, 1e308, "", "x", "{", "[1]", '{"a":{"b":[]}}', "\u2028", [], [[]],
    [None, 1, "x", {}], {}, {"x": None}, {"": {"": []}}, {"role": 3, "content": {"parts": "x"}},
    {"key": [], "value": {"intValue": {}}}, "2026-13-01T00:00:00Z", "9" * 40,
)  # fmt: skip


def vary(value: Any, wrong: Any) -> list[Any]:
    """Return copies of a value, in each of which one place holds `wrong` instead."""
    copies: list[Any] = [wrong]
    if isinstance(value, dict):
        copies += [{**value, key: copy} for key in value for copy in vary(value[key], wrong)]
    if isinstance(value, list):
        for place, item in enumerate(value):
            copies += [[*value[:place], copy, *value[place + 1 :]] for copy in vary(item, wrong)]
    if isinstance(value, str) and value[:1] in ("{", "["):
        copies += [orjson.dumps(copy).decode() for copy in vary(orjson.loads(value), wrong)]
    return copies


@pytest.mark.parametrize("format_id", FORMATS)
def test_adapter__fills_exactly_the_columns_that_it_states(format_id: str) -> None:
    chunks = build(format_id, parse(read_full(format_id)))
    assert list_reasons(chunks) == []
    filled = {name for row in list_rows(chunks) for name, value in row.items() if value is not None}
    too_short = {"prefix_fp_32"}  # the prompt of the fixtures has fewer words
    assert filled <= ADAPTERS[format_id].columns <= set(EXCHANGES.names)
    assert ADAPTERS[format_id].columns - filled <= too_short


@pytest.mark.parametrize("format_id", FORMATS)
def test_adapter__knows_all_names_of_its_full_records(format_id: str) -> None:
    lines = read_full(format_id)
    assert {name for c in build(format_id, parse(lines)) for name in c.unknown_fields} == set()
    assert {recognise(line) for line in lines} == {format_id}


@pytest.mark.parametrize("format_id", FORMATS)
def test_adapter__gives_the_same_rows_from_json_lines_and_parquet(
    format_id: str, tmp_path: Path
) -> None:
    for line in read_full(format_id):
        as_lines = build(format_id, parse([line]))
        as_columns = build(format_id, land_parquet([line], tmp_path))
        assert list_reasons(as_columns) == []
        assert list_rows(as_columns) == list_rows(as_lines) != []
        for one, other in zip(as_lines, as_columns, strict=True):
            assert one.keys.tolist() == other.keys.tolist()
            if format_id != "native":  # a native time stays as it is written
                assert one.contents.tolist() == other.contents.tolist()


@pytest.mark.parametrize("format_id", FORMATS)
def test_adapter__raises_nothing_but_field_errors_on_hostile_records(format_id: str) -> None:
    adapter = ADAPTERS[format_id]
    for line in read_full(format_id):
        for wrong in HOSTILE:
            for copy in vary(line, wrong):
                if not isinstance(copy, dict):
                    continue
                recognise(copy)
                records = adapter.list_records(copy)
                assert records
                for record in records:
                    if not isinstance(record, dict):
                        continue
                    adapter.find_exchange(record)
                    try:
                        assert isinstance(adapter.map_record(record), dict)
                        list(adapter.list_unknown(record))
                    except FieldError:
                        continue


@pytest.mark.fault(21)
@pytest.mark.parametrize("format_id", FORMATS)
def test_adapter__loses_no_record_whatever_a_line_holds(format_id: str) -> None:
    adapter = ADAPTERS[format_id]
    full = read_full(format_id)
    for wrong in HOSTILE:
        lines = [copy for line in full for copy in vary(line, wrong)]
        good = [copy for copy in lines if isinstance(copy, dict)]
        chunks = build(format_id, parse(lines))
        seen = sum(chunk.table.num_rows + len(chunk.rejects) for chunk in chunks)
        records = [record for line in good for record in adapter.list_records(line)]
        assert seen == count_exchanges(format_id, records) + (len(lines) - len(good))


@pytest.mark.parametrize("format_id", FORMATS)
def test_adapter__takes_a_record_again_as_the_same_exchange_with_the_same_content(
    format_id: str,
) -> None:
    lines = read_full(format_id)
    (first,), (second,) = build(format_id, parse(lines)), build(format_id, parse(lines))
    assert first.keys.tolist() == second.keys.tolist()
    assert first.contents.tolist() == second.contents.tolist()


@pytest.mark.parametrize("format_id", FORMATS)
def test_adapter__says_what_it_cannot_see(format_id: str) -> None:
    info = ADAPTERS[format_id].info
    assert info.title
    assert info.account
    assert all(spot.endswith(".") for spot in info.blind_spots)
    assert info.blind_spots
