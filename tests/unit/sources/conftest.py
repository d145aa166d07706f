"""A small landing root with one native source."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from stillwatch.runs import read_json
from stillwatch.settings import Settings
from stillwatch.sources.ingest import ingest_source
from stillwatch.sources.ledger import IngestResult

DAY = date(2026, 11, 2)


class Desk:
    """Writes landed files, ingests days and reads what came out."""

    def __init__(self, root: Path) -> None:
        self.landing = root / "landing"
        self.settings = Settings(
            home=root / "home", landing_uri=str(self.landing), config=root / "config"
        )
        self.home = root / "home"

    def exchange(self, number: int = 1, **fields: Any) -> dict[str, Any]:
        record = {
            "exchange_id": f"x{number}",
            "event_at": "2026-11-02T10:00:00Z",
            "account_id": "acct_1",
            "model": "meridian-1",
            "status": "ok",
        } | fields
        return {name: value for name, value in record.items() if value is not ...}

    def account(self, number: int = 1, **fields: Any) -> dict[str, Any]:
        return {
            "account_id": f"acct_{number}",
            "created_at": "2026-01-02T00:00:00Z",
            "status": "active",
        } | fields

    def land(
        self,
        content: list[Any] | bytes,
        day: date = DAY,
        name: str = "part-000.jsonl",
        kind: str = "usage",
        source: str = "native",
    ) -> Path:
        path = self.landing / kind / source / f"dt={day}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, bytes):
            content = b"".join(orjson.dumps(record) + b"\n" for record in content)
            if name.endswith(".gz"):
                content = gzip.compress(content, mtime=0)
        path.write_bytes(content)
        return path

    def ingest(self, day: date = DAY, source: str = "native") -> IngestResult:
        return ingest_source(self.settings, source, day)[0]

    def ingest_accounts(self, day: date = DAY, source: str = "native") -> IngestResult:
        return ingest_source(self.settings, source, day)[1]

    def partition(self, day: date = DAY, source: str = "native") -> Path:
        folder = self.home / "canonical" / "exchanges" / f"dt={day}" / f"source={source}"
        return folder / "part-0.parquet"

    def rows(self, day: date = DAY, source: str = "native") -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = pq.ParquetFile(self.partition(day, source)).read().to_pylist()
        return rows

    def account_rows(self, day: date = DAY, source: str = "native") -> list[dict[str, Any]]:
        path = self.home / "canonical" / "accounts" / f"dt={day}" / f"source={source}"
        rows: list[dict[str, Any]] = pq.ParquetFile(path / "accounts.parquet").read().to_pylist()
        return rows

    def quarantine(
        self, day: date = DAY, source: str = "native", kind: str = "usage"
    ) -> list[dict[str, Any]]:
        path = self.home / "canonical" / "quarantine" / f"dt={day}" / f"source={source}"
        rows: list[dict[str, Any]] = pq.ParquetFile(path / f"{kind}.parquet").read().to_pylist()
        return rows

    def ledger(
        self, day: date = DAY, source: str = "native", kind: str = "usage"
    ) -> dict[str, Any]:
        path = self.home / "ledger" / "ingestion" / f"dt={day}" / f"{kind}.{source}.json"
        content: dict[str, Any] = read_json(path)
        return content


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
