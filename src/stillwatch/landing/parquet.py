"""Landed Parquet files: checked by reading them once to the end, then read row by row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.landing.decoding import MAX_DECODED_BYTES, Fingerprint, RefusedFile, hash_stored
from stillwatch.landing.lines import Batch, Record
from stillwatch.landing.storage import LandedFile, Landing

_BATCH_ROWS = 4096


def check_parquet(landing: Landing, file: LandedFile) -> Fingerprint:
    """Return the identity of a Parquet file after reading every page, or raise RefusedFile."""
    if file.byte_count == 0:
        raise RefusedFile("empty_file", "the file has no bytes")
    try:
        with landing.open(file.name) as stream:
            parquet = pq.ParquetFile(stream, page_checksum_verification=True)
            metadata = parquet.metadata
            size = sum(
                metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups)
            )
            if size > MAX_DECODED_BYTES:
                raise RefusedFile("too_big", f"more than {MAX_DECODED_BYTES} bytes when decoded")
            if _repeats_name(parquet.schema_arrow):
                raise RefusedFile("duplicate_column", "two columns or fields have the same name")
            count = 0
            for batch in parquet.iter_batches(batch_size=_BATCH_ROWS):
                batch.validate(full=True)  # text that is not UTF-8 shows only here
                count += batch.num_rows
            if count != metadata.num_rows:
                raise RefusedFile("bad_parquet", "holds another number of rows than it says")
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise RefusedFile("bad_parquet", "not a whole Parquet file") from error
    return Fingerprint(hash_stored(landing, file), size)


def read_parquet(landing: Landing, file: LandedFile) -> Iterator[Batch]:
    """Yield the rows of a checked file; absent and null values are left out of the records."""
    number = 0
    with landing.open(file.name) as stream:
        for batch in pq.ParquetFile(stream).iter_batches(batch_size=_BATCH_ROWS):
            records = []
            for row in _list_rows(batch):
                number += 1
                records.append(Record(number, None, row))
            yield Batch(records, [], 0)


def _repeats_name(fields: Iterable[Any]) -> bool:
    """Return whether two fields of one level have the same name, at whatever depth."""
    fields = list(fields)
    if len({field.name for field in fields}) < len(fields):
        return True
    return any(
        _repeats_name(field.type.field(n) for n in range(field.type.num_fields))
        for field in fields
        if pa.types.is_nested(field.type)
    )


def _list_rows(batch: Any) -> list[dict[str, Any]]:
    """Return the rows as JSON would give them: maps are objects, absent values are left out."""
    values = []
    for field, column in zip(batch.schema, batch.columns, strict=True):
        wanted = _cut_nanoseconds(field.type)
        plain = column if wanted == field.type else column.cast(wanted, safe=False)
        items = plain.to_pylist()
        if _needs_opening(wanted):
            items = [None if item is None else _open(item, wanted) for item in items]
        values.append(items)
    columns = batch.schema.names
    return [
        {name: value for name, value in zip(columns, row, strict=True) if value is not None}
        for row in zip(*values, strict=True)
    ]


def _cut_nanoseconds(kind: Any) -> Any:
    """Return the type with microseconds for nanoseconds, wherever it stands in a nested type.

    Python instants end at microseconds: finer digits are cut, as in text.
    """
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", tz=kind.tz)
    if pa.types.is_time64(kind) or pa.types.is_duration(kind):
        return pa.time64("us") if pa.types.is_time64(kind) else pa.duration("us")
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_cut_nanoseconds(field.type)) for field in kind.fields])
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_cut_nanoseconds(kind.value_type)))
    if pa.types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_cut_nanoseconds(kind.value_type)))
    if pa.types.is_map(kind):
        return pa.map_(
            kind.key_field.with_type(_cut_nanoseconds(kind.key_type)),
            kind.item_field.with_type(_cut_nanoseconds(kind.item_type)),
        )
    return kind


def _needs_opening(kind: Any) -> bool:
    return bool(pa.types.is_nested(kind) or pa.types.is_decimal(kind))


def _open(value: Any, kind: Any) -> Any:
    """Return a nested value with maps as objects, decimals as numbers and nulls left out."""
    if value is None:
        return None
    if pa.types.is_decimal(kind):
        return int(value) if value == value.to_integral_value() else float(value)
    if pa.types.is_struct(kind):
        return {
            field.name: _open(value[field.name], field.type)
            for field in kind.fields
            if value[field.name] is not None
        }
    if pa.types.is_map(kind):
        return {str(key): _open(item, kind.item_type) for key, item in value if item is not None}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        if not _needs_opening(kind.value_type):
            return value
        return [_open(item, kind.value_type) for item in value]
    return value
