"""What was accepted before, so that a second delivery is known as one.

Beside the exchanges of each partition lies a small file with the 64-bit keys of its exchanges and
the digests of their content, sorted by key. Looking up a handful of keys in a large partition then
costs a few page reads. Only partitions of earlier days count: the result of a day depends on the
files of that day and before, whatever has been ingested since.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.runs import Paths, read_json, replacing
from stillwatch.sources.chunks import Chunk, Integers, shorten_token
from stillwatch.sources.exchanges import LATE_DAYS

DIGESTS_NAME = "_digests.arrow"

Mask = npt.NDArray[np.bool_]

_DIGESTS = pa.schema(
    [
        pa.field("key", pa.int64(), nullable=False),
        pa.field("content", pa.int64()),  # null where only the key is known
    ]
)


def exchange_folder(paths: Paths, source_id: str, day: date) -> Path:
    """Return the folder of one partition of exchanges."""
    return paths.canonical / "exchanges" / f"dt={day.isoformat()}" / f"source={source_id}"


def write_digests(folder: Path, keys: Integers, contents: Integers) -> None:
    """Write the digests of a partition, sorted by key."""
    order = np.argsort(keys, kind="stable")
    table = pa.table({"key": keys[order], "content": contents[order]}, schema=_DIGESTS)
    with (
        replacing(folder / DIGESTS_NAME) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_file(sink, _DIGESTS) as writer,
    ):
        writer.write_table(table.combine_chunks())


class _Digests:
    """The digests of one partition, read where they lie."""

    def __init__(self, folder: Path) -> None:
        path = folder / DIGESTS_NAME
        if path.exists():
            with pa.memory_map(str(path), "rb") as source:
                table = pa.ipc.open_file(source).read_all()
            self.keys = _to_numpy(table.column("key"))
            self.contents: Integers | None = _to_numpy(table.column("content"))
        else:
            self.keys = np.sort(_read_keys(folder))
            self.contents = None

    def find(self, keys: Integers, contents: Integers) -> tuple[Mask, Mask]:
        """Return which keys are there, and which of them with other content."""
        places = np.searchsorted(self.keys, keys)
        inside = places < len(self.keys)
        found = np.zeros(len(keys), dtype=np.bool_)
        found[inside] = self.keys[places[inside]] == keys[inside]
        conflict = np.zeros(len(keys), dtype=np.bool_)
        if self.contents is not None:
            conflict[found] = self.contents[places[found]] != contents[found]
        return found, conflict


def _read_keys(folder: Path) -> Integers:
    """Return the keys of a partition that came without digests."""
    keys: list[int] = []
    for file in sorted(folder.glob("part-*.parquet")):
        column = pq.read_table(file, columns=["exchange_key"]).column("exchange_key")
        keys.extend(shorten_token(token) for token in column.to_pylist())
    return np.array(keys, dtype=np.int64)


def _to_numpy(column: Any) -> Integers:
    if column.num_chunks == 0:
        return np.empty(0, dtype=np.int64)
    values: Integers = column.combine_chunks().to_numpy(zero_copy_only=False)
    return values


class ExchangeHistory:
    """Finds exchanges that an earlier delivery day of the same source has accepted."""

    def __init__(self, paths: Paths, source_id: str, day: date) -> None:
        self._paths = paths
        self._source_id = source_id
        self._day = day
        self._days = self._list_days()
        self._open: dict[date, _Digests] = {}

    def find(self, chunk: Chunk) -> tuple[Mask, Mask]:
        """Return which rows of the chunk were accepted before, and which of those differ.

        An event can stand only in partitions from one day before it (the clock skew that is
        allowed) to `LATE_DAYS` after it.
        """
        found = np.zeros(len(chunk.keys), dtype=np.bool_)
        conflict = np.zeros(len(chunk.keys), dtype=np.bool_)
        if not len(chunk.keys):
            return found, conflict
        for day in self._days:
            number = (day - date(1970, 1, 1)).days
            able = (chunk.event_days <= number + 1) & (chunk.event_days >= number - LATE_DAYS)
            able &= ~found
            if not able.any():
                continue
            digests = self._open.get(day)
            if digests is None:
                digests = self._open[day] = _Digests(
                    exchange_folder(self._paths, self._source_id, day)
                )
            there, other = digests.find(chunk.keys[able], chunk.contents[able])
            rows = np.flatnonzero(able)
            found[rows[there]] = True
            conflict[rows[other]] = True
        return found, conflict

    def _list_days(self) -> list[date]:
        """Return the earlier partition days that can matter, in order."""
        days = (self._day - timedelta(days=n) for n in range(LATE_DAYS + 1, 0, -1))
        return [day for day in days if exchange_folder(self._paths, self._source_id, day).is_dir()]


def find_later_days(paths: Paths, source_id: str, day: date, keys: Integers) -> list[date]:
    """Return the later days whose partitions hold some of the keys: they need a re-run."""
    found = []
    for distance in range(1, LATE_DAYS + 2):
        later = day + timedelta(days=distance)
        folder = exchange_folder(paths, source_id, later)
        if folder.is_dir() and _Digests(folder).find(keys, keys)[0].any():
            found.append(later)
    return found


def ledger_file(paths: Paths, kind: str, source_id: str, day: date) -> Path:
    """Return where the ledger of one kind, source and delivery day lies."""
    return paths.ledger / "ingestion" / f"dt={day.isoformat()}" / f"{kind}.{source_id}.json"


def read_loaded_files(paths: Paths, source_id: str, day: date) -> dict[str, int]:
    """Return the content hashes of usage files that earlier days loaded, with their line counts."""
    loaded: dict[str, int] = {}
    folder = paths.ledger / "ingestion"
    for path in sorted(folder.glob(f"dt=*/usage.{source_id}.json")):
        if path.parent.name.removeprefix("dt=") >= day.isoformat():
            continue
        for file in read_json(path)["files"]:
            if file["state"] == "loaded":
                loaded.setdefault(file["sha256"], file["read_count"])
    return loaded
