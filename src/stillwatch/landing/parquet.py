"""Landed Parquet files: checked by reading them once to the end, then read row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.landing.decoding import MAX_DECODED_BYTES, Fingerprint, RefusedFile, hash_stored
from stillwatch.landing.lines import Batch, Record
from stillwatch.landing.storage import LandedFile, Landing

_BATCH_ROWS = 4096


def check_parquet(
    landing: Landing, file: LandedFile, mandatory: tuple[str, ...] = ()
) -> Fingerprint:
    """Return the identity of a Parquet file after reading every page, or raise RefusedFile.

    It is refused if one of the mandatory columns is not in its schema.
    """
    if file.byte_count == 0:
        raise RefusedFile("empty_file", "the file has no bytes")
    try:
        with landing.open(file.name) as stream:
            parquet = pq.ParquetFile(stream, page_checksum_verification=True)
            metadata = parquet.metadata
            missing = [name for name in mandatory if name not in parquet.schema_arrow.names]
            if missing:
                raise RefusedFile("missing_column", f"without column {', '.join(missing)}")
            size = sum(
                metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups)
            )
            if size > MAX_DECODED_BYTES:
                raise RefusedFile("too_big", f"more than {MAX_DECODED_BYTES} bytes when decoded")
            for _ in parquet.iter_batches(batch_size=_BATCH_ROWS):
                pass
    except (pa.ArrowException, OSError) as error:
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


def _list_rows(batch: Any) -> list[dict[str, Any]]:
    columns = batch.schema.names
    nanoseconds = [
        n for n, field in enumerate(batch.schema) if str(field.type).startswith("timestamp[ns")
    ]
    arrays = [
        # Python instants end at microseconds: finer digits are cut, as in text
        column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
        if n in nanoseconds
        else column
        for n, column in enumerate(batch.columns)
    ]
    values = [array.to_pylist() for array in arrays]
    return [
        {name: value for name, value in zip(columns, row, strict=True) if value is not None}
        for row in zip(*values, strict=True)
    ]
