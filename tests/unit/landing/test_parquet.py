"""Parquet rows as JSON would give them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.landing.decoding import RefusedFile
from stillwatch.landing.parquet import check_parquet, read_parquet
from stillwatch.landing.storage import LandedFile, Landing


def land(table: Any, folder: Path) -> tuple[Landing, LandedFile]:
    pq.write_table(table, folder / "part.parquet")
    size = (folder / "part.parquet").stat().st_size
    return Landing(str(folder)), LandedFile("part.parquet", size)


def read(values: list[Any], kind: Any, folder: Path) -> list[Any]:
    landing, file = land(pa.table({"a": pa.array(values, kind)}), folder)
    check_parquet(landing, file)
    return [record.value.get("a") for batch in read_parquet(landing, file)
            for record in batch.records]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ({"x": 1, "y": None}, pa.struct([("x", pa.int64()), ("y", pa.string())]), {"x": 1}),
        ([{"x": None}], pa.list_(pa.struct([("x", pa.int64())])), [{}]),
        ([("k", "v"), ("n", None)], pa.map_(pa.string(), pa.string()), {"k": "v"}),
        ([(7, [1])], pa.map_(pa.int64(), pa.list_(pa.int64())), {"7": [1]}),
        (Decimal("5374205265901353984"), pa.decimal128(38, 9), 5374205265901353984),
        (Decimal("1.5"), pa.decimal128(38, 9), 1.5),
        ([Decimal("2")], pa.list_(pa.decimal128(10, 2)), [2]),
        ([None, {"x": 1}], pa.large_list(pa.struct([("x", pa.int8())])), [None, {"x": 1}]),
        ([[1], None], pa.list_(pa.list_(pa.int64())), [[1], None]),
    ],
)
def test_read_parquet__gives_nested_values_as_json_would(
    value: Any, kind: Any, expected: Any, tmp_path: Path
) -> None:
    assert read([value, None], kind, tmp_path) == [expected, None]


def test_read_parquet__cuts_nanoseconds_inside_nested_columns(tmp_path: Path) -> None:
    inner = pa.StructArray.from_arrays(
        [pa.array([1_793_613_600_000_000_123], pa.timestamp("ns", tz="UTC"))], ["at"]
    )
    landing, file = land(pa.table({"a": inner}), tmp_path)
    ((record,),) = [batch.records for batch in read_parquet(landing, file)]
    assert record.value == {"a": {"at": datetime(2026, 11, 2, 10, tzinfo=UTC)}}


def test_check_parquet__refuses_text_that_is_not_utf8(tmp_path: Path) -> None:
    column = pa.array([b"\xff\xfe"], pa.binary()).view(pa.string())
    landing, file = land(pa.table({"a": column}), tmp_path)
    with pytest.raises(RefusedFile, match="bad_parquet"):
        check_parquet(landing, file)


def test_check_parquet__refuses_columns_with_the_same_name(tmp_path: Path) -> None:
    inner = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["x", "x"])
    for table in (
        pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]),
        pa.table({"a": inner}),
    ):
        landing, file = land(table, tmp_path)
        with pytest.raises(RefusedFile, match="duplicate_column"):
            check_parquet(landing, file)


def test_check_parquet__refuses_a_file_that_holds_fewer_rows_than_it_says(tmp_path: Path) -> None:
    landing, file = land(pa.table({"a": [1, 2, 3, 4, 5, 6]}), tmp_path)
    check_parquet(landing, file)
    data = (tmp_path / file.name).read_bytes()
    six_rows = bytes([0x16, 2 * 6, 0x19])  # the footer's row count and the list behind it
    assert data.count(six_rows) == 1
    (tmp_path / file.name).write_bytes(data.replace(six_rows, bytes([0x16, 2 * 7, 0x19])))
    with pytest.raises(RefusedFile, match="another number of rows"):
        check_parquet(landing, file)


def test_check_parquet__refuses_a_column_name_that_is_not_utf8(tmp_path: Path) -> None:
    landing, file = land(pa.table({"column_one": [1]}), tmp_path)
    data = (tmp_path / file.name).read_bytes()
    (tmp_path / file.name).write_bytes(data.replace(b"column_one", b"\xdc" + b"olumn_one"))
    with pytest.raises(RefusedFile, match="bad_parquet"):
        check_parquet(landing, file)
