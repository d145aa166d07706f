"""The deployment and the servers of the feed tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from feed_servers import Deployment, Medallion, MispFolder, Site


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(tmp_path)


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()
    yield found
    found.close()


@pytest.fixture
def make_indicator() -> Callable[..., dict[str, Any]]:
    """Return indicator objects: number n says the address 45.80.0.n."""

    def make(number: int, modified: str = "2026-08-01T00:00:00.000Z", **fields: Any) -> Any:
        return {
            "type": "indicator",
            "spec_version": "2.1",
            "id": f"indicator--00000000-0000-4000-8000-{number:012d}",
            "created": "2026-08-01T00:00:00.000Z",
            "modified": modified,
            "pattern": f"[ipv4-addr:value = '45.80.{number // 250}.{number % 250 + 1}']",
            "pattern_type": "stix",
            "valid_from": "2026-08-01T00:00:00Z",
        } | fields

    return make


@pytest.fixture
def start_medallion(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Medallion]]:
    started = []

    def start(page_size: int = 100) -> Medallion:
        started.append(Medallion(page_size))
        return started[-1]

    monkeypatch.setenv("PEERS_PASSWORD", "reader-password")
    yield start
    for server in started:
        server.close()


@pytest.fixture
def folder(site: Site) -> MispFolder:
    """Return an empty MISP feed folder that the site serves."""
    return MispFolder(site)
