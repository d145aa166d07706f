"""A landing root to which faulty deliveries are made; every ingestion must add up."""

from __future__ import annotations

import contextlib
import gzip
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import GateFailed
from stillwatch.quality.gates import check_day
from stillwatch.quality.results import CheckRow, read_outcome
from stillwatch.runs import get_paths, read_json
from stillwatch.settings import Settings
from stillwatch.sources.ingest import ingest_source

DAY = date(2026, 11, 2)


def exchange(number: int, day: date = DAY, **fields: Any) -> dict[str, Any]:
    record = {
        "exchange_id": f"x{day:%m%d}{number}",
        "event_at": f"{day}T10:00:00Z",
        "account_id": f"acct_{number % 3}",
        "api_key_id": f"key_{number % 3}",
        "model": "meridian-1",
        "status": "ok",
        "input_tokens": 10,
        "output_tokens": 20,
        "client_ip": "192.0.2.7",
        "user_agent": "ExampleSDK/1.0 python",
        "ja4": "t13d1516h2_example",
        "prompt": f"Please tell me about the number {number}",
    } | fields
    return {name: value for name, value in record.items() if value is not ...}


def exchanges(count: int, day: date = DAY, **fields: Any) -> list[dict[str, Any]]:
    return [exchange(number, day, **fields) for number in range(count)]


class Gateway:
    """One source: lands files, ingests days and runs the raw gate on them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.settings = Settings(
            home=self.home, landing_uri=str(root / "landing"), config=root / "config"
        )

    def declare(self, *lines: str) -> None:
        """Write the source's entry in sources.yml."""
        self.settings.config.mkdir(parents=True, exist_ok=True)
        entry = "".join(f"  {line}\n" for line in ("format: native", *lines))
        (self.settings.config / "sources.yml").write_text(f"sources:\n- id: gateway\n{entry}")

    def land(
        self,
        content: list[dict[str, Any]] | bytes,
        day: date = DAY,
        name: str = "part-000.jsonl",
        kind: str = "usage",
    ) -> Path:
        path = self.root / "landing" / kind / "gateway" / f"dt={day}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".parquet") and not isinstance(content, bytes):
            pq.write_table(pa.Table.from_pylist(content), path)
            return path
        if not isinstance(content, bytes):
            content = b"".join(orjson.dumps(record) + b"\n" for record in content)
            if name.endswith(".gz"):
                content = gzip.compress(content, mtime=0)
        path.write_bytes(content)
        return path

    def ingest(self, day: date = DAY) -> dict[str, Any]:
        """Ingest the day and return its usage ledger, which adds up with what is stored."""
        ingest_source(self.settings, "gateway", day)
        ledger: dict[str, Any] = read_json(
            self.home / f"ledger/ingestion/dt={day}/usage.gateway.json"
        )
        for part in (ledger, *ledger["files"]):
            rejected = sum(part["quarantined_by_reason"].values())
            assert part["read_count"] == (
                part["accepted_count"] + part["duplicate_count"] + rejected
            )
        assert len(self.ids(day)) == ledger["accepted_count"]
        assert len(self.quarantine(day)) == (
            ledger["quarantined_count"] + ledger["refused_file_count"]
        )
        return ledger

    def ids(self, day: date = DAY) -> list[str]:
        path = self.home / f"canonical/exchanges/dt={day}/source=gateway/part-0.parquet"
        ids: list[str] = pq.ParquetFile(path).read(["exchange_id"])["exchange_id"].to_pylist()
        return ids

    def partition(self, day: date = DAY) -> bytes:
        folder = self.home / f"canonical/exchanges/dt={day}/source=gateway"
        return (folder / "part-0.parquet").read_bytes()

    def quarantine(self, day: date = DAY) -> list[dict[str, Any]]:
        path = self.home / f"canonical/quarantine/dt={day}/source=gateway/usage.parquet"
        rows: list[dict[str, Any]] = pq.ParquetFile(path).read().to_pylist()
        return rows

    def check(self, day: date = DAY) -> dict[str, CheckRow]:
        """Run the raw gate, passed or not, and return its rows on usage by name."""
        with contextlib.suppress(GateFailed):
            check_day(self.settings, day, "raw")
        outcome = read_outcome(get_paths(self.settings), day, "raw")
        assert outcome is not None
        rows = {
            row.expectation: row
            for row in outcome.rows
            if row.suite.startswith(("ingestion.usage", "raw.exchanges"))
        }
        assert rows["every_row_is_accounted_for"].success
        assert rows["accepted_rows_are_stored"].success
        return rows


def days(count: int, first: date = DAY) -> list[date]:
    return [first + timedelta(days=n) for n in range(count)]
