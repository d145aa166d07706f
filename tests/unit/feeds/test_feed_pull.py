import gzip
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from click.testing import CliRunner

from stillwatch.cli import feeds as feeds_cli
from stillwatch.errors import ConfigError, InputError
from stillwatch.feeds import pull as pull_module
from stillwatch.feeds.download import PullFailedError, PullLimits, download, parse_retry_after
from stillwatch.feeds.refresh import refresh_day

T1 = datetime(2026, 8, 1, 6, tzinfo=UTC)
LIST = b"45.80.0.0/24\n45.80.1.0/24\n"
QUICK = PullLimits(connect_seconds=2, read_seconds=2, attempts=3, first_wait_seconds=0)


class _Site:
    """A local web server whose answers a test sets; requests are kept."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.requests: list[dict[str, str]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests.append({key.lower(): value for key, value in self.headers.items()})
                index = min(len(site.requests), len(site.answers)) - 1
                status, headers, body = site.answers[index]
                if status == 200 and headers.get("ETag") == self.headers.get("If-None-Match"):
                    status, body = (304, b"") if headers.get("ETag") else (status, body)
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/lists/proxies.txt"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def site() -> Iterator[_Site]:
    found = _Site()
    yield found
    found.close()


@pytest.fixture
def no_wait(monkeypatch):
    """Pulls of the test neither wait between attempts nor take much."""
    small = replace(QUICK, max_bytes=1 << 20)
    monkeypatch.setattr(pull_module, "PullLimits", lambda: small)


def _versions(deployment, feed_id="proxies"):
    folder = deployment.root / "landing" / "feeds" / feed_id
    return sorted(path.name for path in folder.glob("dt=*"))


def test_pull__lands_the_answer_with_its_record(deployment, site, no_wait):
    site.answers = [(200, {"ETag": '"v1"', "Last-Modified": "yesterday"}, LIST)]
    deployment.configure({"id": "proxies", "kind": "cidr_list", "url": site.url})
    result = deployment.refresh("proxies", "2026-08-01", pull=True, at=T1)
    assert (result.state, result.version, result.used_count) == ("current", "2026-08-01T060000Z", 2)
    folder = deployment.root / "landing" / "feeds" / "proxies" / "dt=2026-08-01T060000Z"
    assert (folder / "proxies.txt").read_bytes() == LIST
    record = json.loads((folder / "pull.json").read_text())
    assert (record["url"], record["status"], record["etag"]) == (site.url, 200, '"v1"')
    assert len(record["sha256"]) == 64


def test_pull__the_etag_is_sent_and_304_lands_nothing(deployment, site, no_wait):
    site.answers = [(200, {"ETag": '"v1"'}, LIST)]
    deployment.configure({"id": "proxies", "kind": "cidr_list", "url": site.url})
    deployment.refresh("proxies", "2026-08-01", pull=True, at=T1)
    result = deployment.refresh("proxies", "2026-08-02", pull=True, at=T1 + timedelta(days=1))
    assert site.requests[1]["if-none-match"] == '"v1"'
    assert (result.pull.state, result.state) == ("unchanged", "current")
    assert _versions(deployment) == ["dt=2026-08-01T060000Z"]


def test_pull__the_same_content_without_etag_lands_nothing(deployment, site, no_wait):
    site.answers = [(200, {}, LIST), (200, {}, LIST), (200, {}, LIST + b"45.80.2.0/24\n")]
    deployment.configure({"id": "proxies", "kind": "cidr_list", "url": site.url})
    for days in range(3):
        deployment.refresh("proxies", "2026-08-03", pull=True, at=T1 + timedelta(days=days))
    assert _versions(deployment) == ["dt=2026-08-01T060000Z", "dt=2026-08-03T060000Z"]


def test_pull__unchanged_content_lands_again_before_its_entries_expire(deployment, site, no_wait):
    site.answers = [(200, {"ETag": '"v1"'}, LIST)]
    deployment.configure({"id": "proxies", "kind": "cidr_list", "url": site.url, "ttl_days": 10})
    deployment.refresh("proxies", "2026-08-01", pull=True, at=T1)
    result = deployment.refresh("proxies", "2026-08-07", pull=True, at=T1 + timedelta(days=6))
    assert (result.version, result.pull.state) == ("2026-08-07T060000Z", "landed")
    again = deployment.refresh("proxies", "2026-08-07", pull=True, at=T1 + timedelta(days=6))
    assert again.pull.state == "unchanged"
    first = deployment.read("proxies", "2026-08-07T060000Z")[0]
    assert first["first_seen_at"] == T1


def test_pull__a_pull_after_the_day_does_not_count_for_the_day(deployment, site, no_wait):
    site.answers = [(200, {}, LIST)]
    deployment.configure({"id": "proxies", "kind": "cidr_list", "url": site.url})
    result = deployment.refresh("proxies", "2026-07-31", pull=True, at=T1)
    assert (result.state, result.pull) == ("missing", None)
    assert deployment.refresh("proxies", "2026-08-01").state == "current"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((500, {}, b""), "http_500"),
        ((502, {}, b""), "http_502"),
        ((403, {}, b"key?"), "http_403"),
        ((204, {}, b""), "http_204"),
        ((429, {"Retry-After": "1000000000"}, b""), "http_429"),
        ((200, {"Content-Type": "text/html; charset=utf-8"}, LIST), "html_page"),
        ((200, {}, b"<!doctype html><title>Log in</title>"), "html_page"),
        ((200, {}, b"x" * (1 << 21)), "too_large"),
        ((302, {"Location": "http://169.254.169.254/latest"}, b""), "redirect_refused"),
        ((302, {"Location": "file:///etc/passwd"}, b""), "redirect_refused"),
        ((301, {"Location": "ftp://lists.example.com/x"}, b""), "redirect_refused"),
        ((302, {}, b""), "redirect_refused"),
    ],
)
def test_pull__a_failed_pull_keeps_the_last_good_version(deployment, site, no_wait, answer, reason):
    site.answers = [(200, {}, LIST), answer]
    deployment.configure({"id": "proxies", "kind": "cidr_list", "url": site.url})
    deployment.refresh("proxies", "2026-08-01", pull=True, at=T1)
    result = deployment.refresh("proxies", "2026-08-02", pull=True, at=T1 + timedelta(days=1))
    assert (result.state, result.used_count, result.pull.reason) == ("last_good", 2, reason)
    assert _versions(deployment) == ["dt=2026-08-01T060000Z"]
    record = deployment.read_ledger("proxies", "2026-08-02")
    assert (record["state"], record["last_pull"]["reason"]) == ("last_good", reason)
    assert deployment.refresh("proxies", "2026-08-02").state == "last_good"  # without asking again
    assert deployment.refresh("proxies", "2026-08-01").state == "current"


def test_pull__a_refused_connection_is_a_failed_pull(deployment, site, no_wait):
    site.close()
    deployment.configure({"id": "proxies", "kind": "cidr_list", "url": site.url})
    result = deployment.refresh("proxies", "2026-08-01", pull=True, at=T1)
    assert (result.state, result.pull.reason) == ("missing", "unreachable")


def test_download__retries_with_growing_waits_and_then_succeeds(site):
    site.answers = [(503, {}, b""), (500, {}, b""), (200, {}, LIST)]
    waits: list[float] = []
    limits = PullLimits(first_wait_seconds=1, attempts=4)
    assert download(site.url, limits=limits, sleep=waits.append).content == LIST
    assert len(waits) == 2
    assert 1 <= waits[0] <= 2
    assert 2 <= waits[1] <= 4


@pytest.mark.parametrize(("asked", "waited"), [("7", [7.0]), ("-5", [0.0]), ("soon", [0.0])])
def test_download__honours_retry_after(site, asked, waited):
    site.answers = [(429, {"Retry-After": asked}, b""), (200, {}, LIST)]
    waits: list[float] = []
    download(site.url, limits=QUICK, sleep=waits.append)
    assert waits == waited


def test_download__an_absurd_retry_after_ends_the_pull_at_once(site):
    site.answers = [(429, {"Retry-After": "1000000000"}, b""), (200, {}, LIST)]
    with pytest.raises(PullFailedError, match="retry after 1000000000 s"):
        download(site.url, limits=QUICK, sleep=lambda seconds: None)
    assert len(site.requests) == 1


def test_download__gives_up_after_the_last_attempt(site):
    site.answers = [(503, {}, b"")]
    with pytest.raises(PullFailedError, match="503"):
        download(site.url, limits=QUICK, sleep=lambda seconds: None)
    assert len(site.requests) == QUICK.attempts


def test_download__does_not_retry_what_will_not_change(site):
    site.answers = [(404, {}, b"")]
    with pytest.raises(PullFailedError, match="404"):
        download(site.url, limits=QUICK)
    assert len(site.requests) == 1


def test_parse_retry_after__reads_seconds_and_dates():
    now = datetime(2026, 8, 1, tzinfo=UTC)
    assert parse_retry_after("90", now) == 90
    assert parse_retry_after("Sat, 01 Aug 2026 00:02:00 GMT", now) == 120
    assert parse_retry_after("Fri, 31 Jul 2026 00:00:00 GMT", now) == 0
    assert parse_retry_after("-1", now) is None
    assert parse_retry_after(None, now) is None


@pytest.fixture
def redirecting(monkeypatch):
    """HTTPS answers without a network: hosts resolve and answer as the test says."""

    def install(answers: dict[str, httpx.Response], addresses: dict[str, str]) -> None:
        transport = httpx.MockTransport(lambda request: answers[str(request.url)])
        real = httpx.Client
        monkeypatch.setattr(httpx, "Client", lambda **kw: real(transport=transport, **kw))
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, port, **kw: [(2, 1, 6, "", (addresses[host], port))],
        )

    return install


@pytest.mark.parametrize(
    "address",
    ["10.0.0.5", "127.0.0.1", "169.254.169.254", "::1", "fe80::1%eth0", "::ffff:10.0.0.5"],
)
def test_download__never_follows_a_redirect_into_a_private_network(redirecting, address):
    moved = httpx.Response(302, headers={"Location": "https://inside.example.com/"})
    answers = {
        "https://lists.example.com/x": moved,
        "https://inside.example.com/": httpx.Response(200, content=b"secret"),
    }
    redirecting(answers, {"inside.example.com": address, "lists.example.com": "45.80.0.1"})
    with pytest.raises(PullFailedError, match="leads into a private network"):
        download("https://lists.example.com/x", limits=QUICK)


def test_download__follows_https_to_a_public_host(redirecting):
    moved = httpx.Response(301, headers={"Location": "/y"})
    answers = {
        "https://lists.example.com/x": moved,
        "https://lists.example.com/y": httpx.Response(200, stream=httpx.ByteStream(LIST)),
    }
    redirecting(answers, {"lists.example.com": "45.80.0.1"})
    assert download("https://lists.example.com/x", limits=QUICK).content == LIST


def test_download__a_redirect_loop_ends(redirecting):
    moved = httpx.Response(301, headers={"Location": "https://lists.example.com/x"})
    redirecting({"https://lists.example.com/x": moved}, {"lists.example.com": "45.80.0.1"})
    with pytest.raises(PullFailedError, match="more than 5 redirects"):
        download("https://lists.example.com/x", limits=QUICK)


def test_download__a_slow_drip_ends_at_the_deadline(site):
    site.answers = [(200, {}, LIST)]
    limits = PullLimits(deadline_seconds=-1, attempts=2, first_wait_seconds=0)
    with pytest.raises(PullFailedError, match="not done after"):
        download(site.url, limits=limits)


def test_pull__files_packages_and_npm_folders_are_origins(deployment):
    (deployment.root / "config" / "own.txt").write_bytes(LIST)
    npm = deployment.root / "var" / "cache" / "npm" / "@scope" / "asn@1.2.3"
    npm.mkdir(parents=True)
    (npm / "v4.csv").write_text("1.0.0.0,1.0.0.255,13335,x\n")
    (npm / "v6.csv.gz").write_bytes(gzip.compress(b"2a00::,2a00::ff,3356,y\n"))
    lists = "package://pymispwarninglists/data/misp-warninglists/lists"
    deployment.configure(
        {"id": "own", "kind": "cidr_list", "path": "own.txt"},
        {
            "id": "asn",
            "kind": "ip2asn",
            "path": ["npm://@scope/asn@1.2.3/v4.csv", "npm://@scope/asn@1.2.3/v6.csv.gz"],
        },
        {
            "id": "misp",
            "kind": "cidr_list",
            "path": f"{lists}/public-dns-v6/list.json",
            "parser": {"json_path": "list"},
            "is_protected_list": True,
        },
        {
            "id": "disposable",
            "kind": "domain_list",
            "path": "package-attr://disposable_email_domains/blocklist",
        },
    )
    results = {
        result.feed_id: result
        for result in refresh_day(deployment.settings, date(2026, 8, 1), True, T1)
    }
    assert {name: result.state for name, result in results.items()} == dict.fromkeys(
        ("asn", "disposable", "misp", "own"), "current"
    )
    assert (results["own"].used_count, results["asn"].used_count) == (2, 2)
    assert results["disposable"].used_count > 5_000


@pytest.mark.parametrize(
    "path",
    [
        "absent.txt",
        "package://no_such_package/x",
        "package://pymispwarninglists/no/such/list.json",
        "package-attr://disposable_email_domains/absent",
        "npm://@scope/asn@1.2.3/absent.csv",
        "npm://@scope/asn@1.2.3/../../../../secret",
        "npm://nonsense",
    ],
)
def test_pull__an_origin_that_is_not_there_is_a_failed_pull(deployment, path):
    deployment.configure({"id": "own", "kind": "cidr_list", "path": path})
    result = deployment.refresh("own", "2026-08-01", pull=True, at=T1)
    assert (result.state, result.pull.state) == ("missing", "failed")
    assert path in result.pull.detail


def test_pull__other_content_under_a_landed_instant_is_refused(deployment):
    path = deployment.root / "config" / "own.txt"
    deployment.configure({"id": "own", "kind": "cidr_list", "path": "own.txt"})
    path.write_bytes(LIST)
    deployment.refresh("own", "2026-08-01", pull=True, at=T1)
    path.write_bytes(LIST * 2)
    with pytest.raises(InputError, match="landed files never change"):
        deployment.refresh("own", "2026-08-01", pull=True, at=T1)


def test_pull__a_delivered_feed_is_never_pulled(deployment):
    deployment.configure({"id": "own", "kind": "cidr_list"})
    deployment.land("own", "2026-08-01T060000Z", LIST)
    result = deployment.refresh("own", "2026-08-01", pull=True, at=T1 + timedelta(hours=1))
    assert (result.state, result.pull) == ("current", None)
    assert _versions(deployment, "own") == ["dt=2026-08-01T060000Z"]


@pytest.fixture
def run_cli(deployment, monkeypatch):
    monkeypatch.setattr(feeds_cli, "get_settings", lambda: deployment.settings)

    def run(*arguments: str):
        return CliRunner().invoke(feeds_cli.command, arguments, catch_exceptions=False)

    return run


def test_cli__shows_each_feed_and_why_a_version_was_refused(deployment, run_cli):
    (deployment.root / "config" / "own.txt").write_bytes(LIST)
    deployment.configure({"id": "own", "kind": "cidr_list", "path": "own.txt"})
    pulled = run_cli("--date", "2026-08-01", "--pull", "--at", "2026-08-01T060000Z")
    assert "own" in pulled.output
    assert "current" in pulled.output
    deployment.land("own", "2026-08-02T060000Z", "8.8.8.8\n45.80.0.0/24\n")
    shown = run_cli("--date", "2026-08-02", "--feed", "own")
    assert "last_good" in shown.output
    assert "own: version 2026-08-02T060000Z refused: protected_overlap" in shown.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--date", "2026-08-32"),
        ("--date", "2026-08-01", "--at", "2026-08-01T060000Z"),
        ("--date", "2026-08-01", "--pull", "--at", "2026-08-01 06:00"),
        ("--date", "2026-08-01", "--feed", "absent"),
    ],
)
def test_cli__a_wrong_argument_is_a_config_error(run_cli, arguments):
    with pytest.raises(ConfigError):
        run_cli(*arguments)


def test_cli__no_feeds_is_said(run_cli):
    assert "no feeds" in run_cli("--date", "2026-08-01").output
