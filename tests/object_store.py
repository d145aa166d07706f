"""A real S3-compatible server, filled like an object store that a platform delivers to."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

KEY, SECRET = "AKIACANARYCANARY0001", "canary/secret+of/the+object-store/0002"


@dataclass(frozen=True)
class Store:
    """The server's address and a client that may do everything."""

    url: str
    client: Any

    def put_folder(self, folder: Path, bucket: str, prefix: str = "") -> None:
        """Copy everything below a local folder into a bucket."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                key = f"{prefix}{path.relative_to(folder)}"
                self.client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())


@pytest.fixture(scope="session")
def store_server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def store(store_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty store with the buckets `inputs` and `bare`; no AWS setting of the machine counts."""
    import boto3
    import httpx

    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    httpx.post(f"{store_server}/moto-api/reset")
    client = boto3.client(
        "s3",
        endpoint_url=store_server,
        aws_access_key_id="setup",
        aws_secret_access_key="setup",
        region_name="us-east-1",
    )
    for bucket in ("inputs", "bare"):
        client.create_bucket(Bucket=bucket)
    yield Store(store_server, client)
    httpx.post(f"{store_server}/moto-api/reset")


@pytest.fixture
def connection(store: Store, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a connection to the store, defined as Airflow's environment variable."""
    return define(monkeypatch, store.url)


def define(monkeypatch: pytest.MonkeyPatch, url: str, connection_id: str = "my_s3") -> str:
    """Define a connection with the canary credentials and return its name."""
    value = {
        "conn_type": "aws",
        "login": KEY,
        "password": SECRET,
        "extra": {"endpoint_url": url, "region_name": "us-east-1"},
    }
    monkeypatch.setenv(f"AIRFLOW_CONN_{connection_id.upper()}", json.dumps(value))
    return connection_id
