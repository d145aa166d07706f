"""A deployment, a real TAXII 2.1 server, and a web server that misbehaves as a test wishes."""

import hashlib
import json
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import yaml

from stillwatch.feeds.download import PullLimits
from stillwatch.feeds.pull import PullOutcome, pull_feed
from stillwatch.feeds.refresh import FeedResult, refresh_feed
from stillwatch.feeds.registry import find_feeds
from stillwatch.settings import Settings

TAXII = "application/taxii+json;version=2.1"
QUICK = PullLimits(connect_seconds=5, read_seconds=10, attempts=3, first_wait_seconds=0)


class Deployment:
    """Settings, one feed, and short ways to pull it and look at what came of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        key_file = root / "deployment.key"
        key_file.write_text("ab" * 32)
        key_file.chmod(0o600)
        self.config = root / "config"
        self.config.mkdir()
        self.settings = Settings(
            home=root / "var",
            landing_uri=str(root / "landing"),
            config=self.config,
            key_file=key_file,
        )
        self.waits: list[float] = []

    def configure(self, **entry: Any) -> None:
        terms = {
            "id": "peers",
            "labels": ["campaign_infrastructure"],
            "source_reliability": "B",
            "information_credibility": 2,
            "marking": "TLP:AMBER",
            "licence": "sharing agreement",
            "ttl_days": 30,
            "bounds": {"max_growth_ratio": 1000, "max_shrink_ratio": 1},
        }
        document = {"feeds": [terms | entry]}
        (self.config / "feeds.yml").write_text(yaml.safe_dump(document))

    def pull(self, at: datetime, limits: PullLimits = QUICK) -> PullOutcome:
        feed = find_feeds(self.settings)[0]
        return pull_feed(self.settings, feed, at, limits, self.waits.append)

    def refresh(self, day: str) -> FeedResult:
        return refresh_feed(self.settings, "peers", date.fromisoformat(day), pull=False)

    @property
    def landed(self) -> list[Path]:
        return sorted((self.root / "landing" / "feeds" / "peers").glob("dt=*"))

    def read_record(self, index: int = -1) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.landed[index] / "pull.json").read_text())
        return record

    def read_values(self, day: str) -> list[str]:
        """Return the values that count on a day, sorted."""
        version = self.refresh(day).version
        assert version is not None
        path = self.root / "var" / "feeds" / "peers" / version / "indicators.parquet"
        values: list[str] = sorted(pq.read_table(path)["value"].to_pylist())
        return values

    def check_days(self, expected: dict[str, list[str]]) -> None:
        """Check what counts on some days; judged anew in another order the tables are the same."""
        assert {day: self.read_values(day) for day in expected} == expected
        folder = self.root / "var" / "feeds" / "peers"
        first = {path: path.read_bytes() for path in folder.rglob("*.parquet")}
        for path in folder.rglob("version.json"):
            path.unlink()
        for day in sorted(expected, reverse=True):
            self.refresh(day)
        assert {path: path.read_bytes() for path in folder.rglob("*.parquet")} == first

    def list_files(self) -> list[Path]:
        return [path for path in self.root.rglob("*") if path.is_file()]


@dataclass
class Reply:
    """What the misbehaving server answers; `send` takes over the whole connection."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    send: Callable[[BaseHTTPRequestHandler], None] | None = None

    @classmethod
    def taxii(cls, document: Any, **headers: str) -> "Reply":
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return cls(200, {"Content-Type": TAXII} | named, json.dumps(document).encode())


@dataclass
class Request:
    """One request as the server saw it."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]


class Site:
    """A web server on loopback: `answer` is called with each request."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Reply] = lambda request: Reply(404)
        self.closing = threading.Event()
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                params = {key: values[0] for key, values in parse_qs(parts.query).items()}
                headers = {key.lower(): value for key, value in self.headers.items()}
                request = Request(parts.path, params, headers)
                site.requests.append(request)
                reply = site.answer(request)
                with suppress(OSError):
                    if reply.send is not None:
                        self.close_connection = True
                        reply.send(self)
                        return
                    self.send_response(reply.status)
                    for key, value in reply.headers.items():
                        self.send_header(key, value)
                    self.send_header("Content-Length", str(len(reply.body)))
                    self.end_headers()
                    self.wfile.write(reply.body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if certificate is None else "https"
        self.root = f"{scheme}://127.0.0.1:{self._server.server_port}"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def serve_collection(self, answer: Callable[[Request], Reply]) -> None:
        """Answer discovery, API root and collections rightly, and objects as `answer` says."""
        fixed = {
            "/taxii2/": {"title": "peers", "api_roots": [f"{self.root}/api/"]},
            "/api/": {"title": "peers", "versions": [TAXII], "max_content_length": 1},
            "/api/collections/": {"collections": [COLLECTION]},
        }

        def answer_all(request: Request) -> Reply:
            if request.path in fixed:
                return Reply.taxii(fixed[request.path])
            return answer(request)

        self.answer = answer_all

    @property
    def object_requests(self) -> list[Request]:
        return [request for request in self.requests if request.path.endswith("/objects/")]

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


COLLECTION = {"id": "91a7b528-80eb-42ed-a74d-c6fbd5a26116", "title": "suspected", "can_read": True}


class Medallion:
    """OASIS' own TAXII 2.1 server in this process; objects are added under a date of ours."""

    def __init__(self, page_size: int) -> None:
        import medallion
        from flask import Flask
        from medallion.exceptions import ProcessingError
        from werkzeug.serving import make_server

        app = Flask("taxii")
        config = {
            "backend": {
                "module": "medallion.backends.memory_backend",
                "module_class": "MemoryBackend",
            },
            "users": {"reader": "reader-password"},
            "taxii": {"max_page_size": page_size},
        }
        for name in config:
            medallion.set_config(app, name, config)
        medallion.register_blueprints(app)
        app.register_error_handler(ProcessingError, medallion.handle_processing_error)
        self._backend = app.medallion_backend  # type: ignore[attr-defined]
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/taxii2/"
        root = f"http://127.0.0.1:{self._server.server_port}/api/"
        collection = COLLECTION | {
            "can_write": True, "media_types": [], "objects": [], "manifest": [], "alias": "peers",
        }  # fmt: skip
        secret = COLLECTION | {"id": "52892447-4d7e-4f70-b94d-d7f22742ff63", "can_read": False}
        self._backend.data = {
            "/discovery": {"title": "peers", "default": root, "api_roots": [root]},
            "api": {
                "information": {"title": "peers", "versions": [TAXII], "max_content_length": 1},
                "status": [],
                "collections": [collection, secret | {"title": "write only"}],
            },
        }
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def add(self, objects: list[dict[str, Any]], at: datetime) -> None:
        envelope = {"objects": json.loads(json.dumps(objects))}
        status = self._backend.add_objects("api", COLLECTION["id"], envelope, at)
        assert status["failure_count"] == 0, status

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class MispFolder:
    """A MISP feed folder below `/feed/` of a site; event n says the addresses of its last edit."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.url = f"{site.root}/feed"
        self.manifest: dict[str, Any] = {}
        self.replies: dict[str, Reply] = {}  # by file name, in place of the right answer
        self._files: dict[str, bytes] = {}
        site.answer = self._answer

    def put(self, number: int, edited: datetime, *values: str) -> str:
        """Write or change an event; return its UUID."""
        uuid = f"10000000-0000-4000-8000-{number:012d}"
        timestamp = str(int(edited.timestamp()))
        attributes = [
            {
                "uuid": f"2{number:07d}-{n:04d}-4000-8000-000000000000",
                "type": "ip-dst",
                "value": value,
                "to_ids": True,
                "timestamp": timestamp,
            }
            for n, value in enumerate(values or [f"45.80.{number // 250}.{number % 250 + 1}"])
        ]
        head = {"info": f"event {number}", "timestamp": timestamp}
        self.manifest[uuid] = head
        event = head | {"uuid": uuid, "Attribute": attributes}
        self._files[f"{uuid}.json"] = json.dumps({"Event": event}).encode()
        return uuid

    def remove(self, uuid: str) -> None:
        del self.manifest[uuid], self._files[f"{uuid}.json"]

    def take_asked(self) -> list[str]:
        """Return the names asked for since the last call, in order."""
        names = [request.path.removeprefix("/feed/") for request in self.site.requests]
        self.site.requests.clear()
        return names

    def _answer(self, request: Request) -> Reply:
        name = request.path.removeprefix("/feed/")
        if name in self.replies:
            return self.replies[name]
        if name == "manifest.json":
            body = json.dumps(self.manifest).encode()
            etag = f'"{hashlib.sha256(body).hexdigest()}"'
            if request.headers.get("if-none-match") == etag:
                return Reply(304, {"ETag": etag})
            return Reply(200, {"ETag": etag}, body)
        body = self._files.get(name, b"")
        return Reply(200, {}, body) if body else Reply(404)
