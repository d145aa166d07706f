"""A small deployment for the feed tests: an empty home, a landing folder, one configured feed."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from stillwatch.feeds.refresh import FeedResult, refresh_feed
from stillwatch.feeds.registry import Feed
from stillwatch.settings import Settings

TERMS = {
    "labels": ["proxy"],
    "source_reliability": "B",
    "information_credibility": 2,
    "marking": "TLP:GREEN",
    "licence": "CC0-1.0",
    "ttl_days": 30,
}


class Deployment:
    """Settings plus short ways to configure, land and refresh."""

    def __init__(self, root: Path) -> None:
        self.root = root
        key_file = root / "deployment.key"
        key_file.write_text("ab" * 32)
        key_file.chmod(0o600)
        (root / "config").mkdir()
        self.settings = Settings(
            home=root / "var",
            landing_uri=str(root / "landing"),
            config=root / "config",
            key_file=key_file,
        )

    def configure(self, *entries: dict[str, Any]) -> None:
        document = {"feeds": [TERMS | entry for entry in entries]}
        (self.root / "config" / "feeds.yml").write_text(yaml.safe_dump(document))

    def land(self, feed_id: str, version: str, text: str | bytes, name: str = "list.txt") -> Path:
        folder = self.root / "landing" / "feeds" / feed_id / f"dt={version}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return folder

    def refresh(self, feed_id: str, day: str, **options: Any) -> FeedResult:
        options = {"pull": False} | options
        return refresh_feed(self.settings, feed_id, date.fromisoformat(day), **options)

    def read(self, feed_id: str, version: str, table: str = "indicators") -> list[dict[str, Any]]:
        path = self.root / "var" / "feeds" / feed_id / version / f"{table}.parquet"
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return rows

    def read_ledger(self, feed_id: str, day: str) -> dict[str, Any]:
        path = self.root / "var" / "ledger" / "feeds" / f"dt={day}" / f"{feed_id}.json"
        record: dict[str, Any] = json.loads(path.read_text())
        return record


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(tmp_path)


@pytest.fixture
def make_feed() -> Callable[..., Feed]:
    def make(kind: str, **fields: Any) -> Feed:
        return Feed.model_validate(TERMS | {"id": "f", "kind": kind} | fields)

    return make
