"""One tiny world, written once for all tests of this folder."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from stillwatch.worlds.simulate import WorldSummary, write_world


@dataclass(frozen=True)
class WrittenWorld:
    landing: Path
    truth: Path
    summary: WorldSummary

    def read_lines(self, pattern: str) -> Iterator[bytes]:
        for path in sorted(self.landing.glob(pattern)):
            yield from gzip.decompress(path.read_bytes()).splitlines()

    def read_rows(self, pattern: str) -> Iterator[dict[str, Any]]:
        for line in self.read_lines(pattern):
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                continue

    def read_truth(self, table: str) -> list[dict[str, Any]]:
        return pq.read_table(self.truth / f"{table}.parquet").to_pylist()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> WrittenWorld:
    root = tmp_path_factory.mktemp("tiny")
    summary = write_world("tiny", root / "landing", root / "truth", None)
    return WrittenWorld(root / "landing", root / "truth", summary)
