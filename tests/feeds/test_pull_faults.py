"""Servers that fail, stall, lie or lead astray: the last good version serves on."""

import gzip
import socket
import struct
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from click.testing import CliRunner
from feed_servers import COLLECTION, QUICK, TAXII, Reply

from stillwatch.cli import feeds as feeds_cli

T0 = datetime(2026, 8, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)
LIST = b"45.80.0.0/24\n45.80.1.0/24\n"
HASTY = replace(QUICK, read_seconds=0.3, deadline_seconds=1, total_seconds=2, attempts=2)
LOGIN = b"<!doctype html><html><title>Sign in</title></html>"


def _stall(handler):
    time.sleep(1.5)


def _reset(handler):
    """Close with a reset in the middle of the body."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n45.80.")
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.shutdown(socket.SHUT_RD)
    handler.connection.close()


def _cut_short(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n45.80.0.0/24\n")


def _drip_body(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(100):
        handler.wfile.write(b"4")
        time.sleep(0.1)


def _drip_headers(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(100):
        handler.wfile.write(b"4")
        time.sleep(0.1)


def _speak_another_protocol(handler):
    handler.wfile.write(b"220 mail.example.com ESMTP\r\n")


def _send_garbled_gzip(handler):
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n"
    handler.wfile.write(head + b"plain")


@pytest.fixture
def bad_day(deployment, site):
    """Pull a good list, then let the server answer as the test says: the outcome of that day."""

    def run(reply, limits=QUICK):
        site.answer = lambda request: Reply(200, {}, LIST)
        deployment.configure(kind="cidr_list", url=f"{site.root}/list.txt")
        assert deployment.pull(T0, limits).state == "landed"
        site.requests.clear()
        site.answer = reply if callable(reply) else lambda request: reply
        outcome = deployment.pull(T0 + DAY, limits)
        result = deployment.refresh("2026-08-02")
        assert (result.state, result.used_count) == ("last_good", 2)
        assert result.age_days == 1.75
        assert len(deployment.landed) == 1
        return outcome

    return run


@pytest.mark.fault(35)
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_pull__a_server_error_is_tried_again_with_growing_waits(deployment, site, bad_day, status):
    outcome = bad_day(Reply(status), replace(QUICK, first_wait_seconds=1))
    assert (outcome.state, outcome.reason) == ("failed", f"http_{status}")
    assert len(site.requests) == QUICK.attempts
    assert 1 <= deployment.waits[0] <= 2 <= deployment.waits[1] <= 4


@pytest.mark.fault(35)
@pytest.mark.parametrize(
    ("send", "reason"),
    [
        (_stall, "unreachable"),
        (_reset, "unreachable"),
        (_cut_short, "unreachable"),
        (_speak_another_protocol, "unreachable"),
        (_drip_body, "too_slow"),
        (_drip_headers, "too_slow"),
        (_send_garbled_gzip, "unreadable"),
    ],
)
def test_pull__a_broken_connection_ends_in_time(bad_day, send, reason):
    begun = time.monotonic()
    outcome = bad_day(Reply(send=send), HASTY)
    assert (outcome.state, outcome.reason) == ("failed", reason)
    assert time.monotonic() - begun < 6  # two attempts of one second, on a machine that is busy


@pytest.mark.fault(35)
def test_pull__a_host_without_an_address_is_a_failed_pull(deployment, monkeypatch):
    def resolve(*args, **kw):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    deployment.configure(kind="cidr_list", url="https://lists.example.com/list.txt")
    outcome = deployment.pull(T0)
    assert (outcome.state, outcome.reason) == ("failed", "unknown_host")
    assert len(deployment.waits) == QUICK.attempts - 1


@pytest.mark.fault(35)
def test_pull__all_attempts_together_keep_to_one_time_limit(deployment, bad_day, site):
    reply = Reply(503, {"Retry-After": "30"})
    outcome = bad_day(reply, replace(QUICK, attempts=50, total_seconds=20))
    assert (outcome.reason, len(site.requests), deployment.waits) == ("http_503", 1, [])


@pytest.mark.fault(36)
@pytest.mark.parametrize(
    ("asked", "waits"),
    [
        ("7", [7.0]),
        (format_datetime(datetime(2001, 1, 1, tzinfo=UTC), usegmt=True), [0.0]),
        ("-30", [0.0]),
        ("soon", [0.0]),
        ("Mon, 99 Foo 2026 99:99:99 GMT", [0.0]),
    ],
)
def test_pull__retry_after_is_honoured_or_without_meaning(deployment, site, asked, waits):
    replies = [Reply(429, {"Retry-After": asked}), Reply(200, {}, LIST)]
    site.answer = lambda request: replies.pop(0)
    deployment.configure(kind="cidr_list", url=f"{site.root}/list.txt")
    assert deployment.pull(T0).state == "landed"
    assert deployment.waits == waits


@pytest.mark.fault(36)
def test_pull__retry_after_may_be_a_date(deployment, site):
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    replies = [Reply(503, {"Retry-After": soon}), Reply(200, {}, LIST)]
    site.answer = lambda request: replies.pop(0)
    deployment.configure(kind="cidr_list", url=f"{site.root}/list.txt")
    assert deployment.pull(T0).state == "landed"
    assert 20 < deployment.waits[0] <= 40


@pytest.mark.fault(36)
@pytest.mark.parametrize(("asked", "hours"), [("7200", 2), ("1000000000", 20), ("9" * 400, 20)])
def test_pull__a_longer_wait_defers_the_pull(deployment, site, bad_day, asked, hours):
    outcome = bad_day(Reply(429, {"Retry-After": asked}))
    assert (outcome.state, outcome.reason) == ("deferred", "http_429")
    assert outcome.until == T0 + DAY + timedelta(hours=hours)
    assert (len(site.requests), deployment.waits) == (1, [])
    site.answer = lambda request: Reply(200, {}, LIST + b"45.80.2.0/24\n")
    early = deployment.pull(outcome.until - timedelta(seconds=1))
    assert (early.state, len(site.requests)) == ("deferred", 1)
    assert deployment.refresh("2026-08-02").pull == outcome
    assert deployment.pull(outcome.until).state == "landed"


@pytest.mark.fault(36)
def test_pull__another_address_is_asked_at_once(deployment, site, bad_day):
    bad_day(Reply(429, {"Retry-After": "7200"}))
    site.answer = lambda request: Reply(200, {}, LIST + b"45.80.2.0/24\n")
    deployment.configure(kind="cidr_list", url=f"{site.root}/mirror.txt")
    assert deployment.pull(T0 + DAY + timedelta(hours=1)).state == "landed"


@pytest.mark.fault(36)
def test_cli__says_until_when_a_pull_is_deferred(deployment, bad_day, monkeypatch):
    bad_day(Reply(429, {"Retry-After": "7200"}))
    monkeypatch.setattr(feeds_cli, "get_settings", lambda: deployment.settings)
    shown = CliRunner().invoke(feeds_cli.command, ["--date", "2026-08-02"], catch_exceptions=False)
    assert "peers: pull deferred until 2026-08-02T08:00:00Z: http_429" in shown.output
    assert "1.8" in shown.output  # the age of the version in use, in days


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://10.0.0.5/",
        "http://[::ffff:10.0.0.5]/",
        "http://0.0.0.0/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/x",
        "http://user@127.0.0.1/",
        "",
    ],
)
def test_pull__a_redirect_that_leads_astray_is_refused(site, bad_day, location):
    outcome = bad_day(Reply(302, {"Location": location}))
    assert (outcome.state, outcome.reason) == ("failed", "redirect_refused")
    assert [request.path for request in site.requests] == ["/list.txt"]


@pytest.mark.fault(37)
def test_pull__a_redirect_loop_ends(site, bad_day):
    outcome = bad_day(Reply(301, {"Location": "/list.txt"}))
    assert outcome.reason == "redirect_loop"
    assert len(site.requests) == QUICK.max_redirects + 1


def test_pull__a_pass_in_the_address_of_a_redirect_is_not_kept(deployment, site):
    site.answer = lambda request: (
        Reply(200, {}, LIST)
        if request.path == "/y"
        else Reply(302, {"Location": "/y?signature=9f3b"})
    )
    deployment.configure(kind="cidr_list", url=f"{site.root}/x")
    assert deployment.pull(T0).state == "landed"
    assert site.requests[-1].params == {"signature": "9f3b"}
    assert deployment.read_record()["final_url"] == f"{site.root}/y"


def test_pull__a_pull_that_broke_off_while_landing_is_made_again(deployment, site):
    site.answer = lambda request: (
        Reply(304) if "if-none-match" in request.headers else Reply(200, {"ETag": '"v1"'}, LIST)
    )
    deployment.configure(kind="cidr_list", url=f"{site.root}/list.txt")
    deployment.pull(T0)
    (deployment.landed[0] / "list.txt").write_bytes(LIST[:10])
    refused = deployment.refresh("2026-08-01")
    assert (refused.state, refused.refused_versions[0][1]) == ("missing", "incomplete")
    assert deployment.pull(T0 + DAY).state == "landed"
    assert deployment.refresh("2026-08-02").used_count == 2


@pytest.mark.fault(37)
def test_pull__a_redirect_on_the_configured_network_is_followed(deployment, site):
    site.answer = lambda request: (
        Reply(200, {}, LIST) if request.path == "/y" else Reply(302, {"Location": "/y"})
    )
    deployment.configure(kind="cidr_list", url=f"{site.root}/x")
    assert deployment.pull(T0).state == "landed"
    assert deployment.read_record()["final_url"] == f"{site.root}/y"


@pytest.mark.fault(38)
@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, {"Content-Type": "text/html"}, LIST),
        Reply(200, {"Content-Type": "application/xhtml+xml"}, LOGIN),
        Reply(200, {"Content-Type": "text/plain"}, b"\xef\xbb\xbf\n" + LOGIN),
        Reply(200, {}, b"<script>captcha()</script>"),
    ],
)
def test_pull__a_login_page_is_no_list(bad_day, reply):
    assert bad_day(reply).reason == "html_page"


@pytest.mark.fault(38)
def test_pull__a_page_that_does_not_look_like_one_fails_as_a_list(deployment, site):
    site.answer = lambda request: Reply(200, {}, LIST)
    deployment.configure(kind="cidr_list", url=f"{site.root}/list.txt")
    deployment.pull(T0)
    site.answer = lambda request: Reply(200, {}, b"Please log in to continue\n")
    deployment.pull(T0 + DAY)
    result = deployment.refresh("2026-08-02")
    assert (result.state, result.version) == ("last_good", "2026-08-01T060000Z")
    assert result.refused_versions[0][1] == "empty"


def test_pull__an_answer_beyond_the_size_limit_is_refused(bad_day):
    outcome = bad_day(Reply(200, {}, b"4" * 5000), replace(QUICK, max_bytes=1000))
    assert outcome.reason == "too_large"


@pytest.mark.fault(28)
def test_pull__a_packed_answer_beyond_the_size_limit_is_refused(bad_day):
    packed = Reply(200, {"Content-Encoding": "gzip"}, gzip.compress(b"4" * 1_000_000))
    assert bad_day(packed, replace(QUICK, max_bytes=10_000)).reason == "too_large"


def test_pull__unchanged_is_no_answer_to_a_first_question(deployment, site):
    site.answer = lambda request: Reply(304)
    deployment.configure(kind="cidr_list", url=f"{site.root}/list.txt")
    assert deployment.pull(T0).reason == "http_304"
    assert deployment.landed == []


@pytest.fixture
def bad_taxii_day(deployment, site, make_indicator):
    """Pull a good collection, then let the server answer as the test says."""

    def run(answer, limits=QUICK):
        date = "2026-08-01T00:00:00Z"
        good = Reply.taxii({"objects": [make_indicator(0)]}, X_TAXII_Date_Added_Last=date)
        site.serve_collection(lambda request: good)
        hints = {"collection": "suspected"}
        deployment.configure(kind="taxii21", url=f"{site.root}/taxii2/", taxii=hints)
        assert deployment.pull(T0, limits).state == "landed"
        site.requests.clear()
        answer(site)
        outcome = deployment.pull(T0 + DAY, limits)
        result = deployment.refresh("2026-08-02")
        assert (result.state, result.used_count) == ("last_good", 1)
        assert len(deployment.landed) == 1
        return outcome

    return run


def _collection(reply):
    return lambda site: site.serve_collection(lambda request: reply)


def _everywhere(reply):
    def install(site):
        site.answer = lambda request: reply

    return install


@pytest.mark.fault(35, 38, 39)
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (_everywhere(Reply(500)), "http_500"),
        (_everywhere(Reply(406)), "wrong_version"),
        (_everywhere(Reply(200, {"Content-Type": "text/html"}, LOGIN)), "html_page"),
        (_everywhere(Reply(200, {"Content-Type": TAXII}, LOGIN)), "html_page"),
        (
            _everywhere(Reply(200, {"Content-Type": "application/json"}, b"{}")),
            "wrong_content_type",
        ),
        (_everywhere(Reply(200, {}, b"{}")), "wrong_content_type"),
        (_everywhere(Reply.taxii({"title": "no roots"})), "no_api_root"),
        (_everywhere(Reply.taxii({"api_roots": "x"})), "unreadable"),
        (
            _everywhere(Reply.taxii({"api_roots": ["https://evil.example.com/api/"]})),
            "api_root_elsewhere",
        ),
        (
            _everywhere(
                Reply(200, {"Content-Type": "application/vnd.oasis.taxii+json; version=2.0"}, b"{}")
            ),
            "wrong_version",
        ),
        (
            _everywhere(Reply(200, {"Content-Type": "application/taxii+json;version=2.2"}, b"{}")),
            "wrong_version",
        ),
        (_collection(Reply(200, {"Content-Type": TAXII}, b'{"objects": [')), "unreadable"),
        (_collection(Reply(200, {"Content-Type": TAXII}, b"\xff\xfe")), "unreadable"),
        (_collection(Reply(200, {"Content-Type": TAXII}, b"[" * 100_000)), "unreadable"),
        (_collection(Reply.taxii([])), "unreadable"),
        (_collection(Reply.taxii({"objects": {}})), "unreadable"),
        (_collection(Reply.taxii({"objects": [], "more": "yes"})), "unreadable"),
        (_collection(Reply.taxii({"objects": [], "more": True, "next": ["a"]})), "unreadable"),
        (_collection(Reply.taxii({"objects": [], "more": True, "next": "x" * 5000})), "unreadable"),
        (_collection(Reply.taxii({"type": "bundle", "objects": []})), "wrong_version"),
        (_collection(Reply.taxii({"objects": [{"id": "a"}], "more": True})), "no_cursor"),
        (_collection(Reply.taxii({"objects": [], "more": True, "next": "a"})), "no_progress"),
        (
            _collection(
                Reply.taxii(
                    {"objects": [{"id": "a"}], "more": True},
                    X_TAXII_Date_Added_Last="2026-08-01T00:00:00Z",
                )
            ),
            "no_progress",
        ),
        (_collection(Reply(send=_reset)), "unreachable"),
    ],
)
def test_taxii__an_answer_that_cannot_be_right_changes_nothing(bad_taxii_day, answer, reason):
    outcome = bad_taxii_day(answer)
    assert (outcome.state, outcome.reason) == ("failed", reason)


@pytest.mark.parametrize(
    ("discovery", "hints"),
    [
        ({"api_roots": ["/api/"]}, {}),
        ({"api_roots": ["/other/", "/api"]}, {}),
        ({"default": "/api/"}, {}),
        ({"api_roots": ["https://evil.example.com/api/", "/api/"]}, {}),
        (None, {"api_root": "/api"}),
    ],
)
def test_taxii__the_api_root_that_lists_the_collection_is_found(
    deployment, site, make_indicator, discovery, hints
):
    page = Reply.taxii({"objects": [make_indicator(0)]})
    site.serve_collection(lambda request: page if "objects" in request.path else Reply(404))
    rest = site.answer
    site.answer = lambda request: (
        (Reply.taxii(discovery) if discovery else Reply(404))
        if request.path == "/taxii2/"
        else rest(request)
    )
    hints = {"collection": "suspected"} | {key: site.root + path for key, path in hints.items()}
    deployment.configure(kind="taxii21", url=f"{site.root}/taxii2", taxii=hints)
    assert deployment.pull(T0).state == "landed"
    assert {request.headers["accept"] for request in site.requests} == {TAXII}


def test_taxii__a_title_that_two_collections_share_is_ambiguous(deployment, site):
    site.serve_collection(lambda request: Reply.taxii({}))
    rest = site.answer
    twice = {"collections": [COLLECTION, COLLECTION | {"id": "b"}]}
    site.answer = lambda request: (
        Reply.taxii(twice) if request.path == "/api/collections/" else rest(request)
    )
    hints = {"collection": "suspected"}
    deployment.configure(kind="taxii21", url=f"{site.root}/taxii2/", taxii=hints)
    outcome = deployment.pull(T0)
    assert outcome.reason == "no_collection"
    assert "2 collections with title 'suspected': give the id" in outcome.detail


@pytest.mark.fault(36)
def test_taxii__a_rate_limit_in_the_middle_defers_the_whole_pull(bad_taxii_day, deployment, site):
    def answer(request):
        if "next" in request.params:
            return Reply(429, {"Retry-After": "600"})
        return Reply.taxii({"objects": [{"id": "a"}], "more": True, "next": "b"})

    outcome = bad_taxii_day(lambda site: site.serve_collection(answer))
    assert (outcome.state, outcome.until) == ("deferred", T0 + DAY + timedelta(seconds=600))


@pytest.mark.fault(36)
def test_taxii__a_short_rate_limit_in_the_middle_is_waited_for(deployment, site, make_indicator):
    replies = [
        Reply.taxii({"objects": [make_indicator(0)], "more": True, "next": "b"}),
        Reply(429, {"Retry-After": "3"}),
        Reply.taxii({"objects": [make_indicator(1)]}),
    ]
    site.serve_collection(lambda request: replies.pop(0))
    hints = {"collection": "suspected"}
    deployment.configure(kind="taxii21", url=f"{site.root}/taxii2/", taxii=hints)
    assert deployment.pull(T0).state == "landed"
    assert deployment.waits == [3.0]
    assert deployment.refresh("2026-08-01").used_count == 2


@pytest.mark.fault(39)
def test_taxii__a_date_from_the_far_future_does_not_blind_the_next_pull(
    deployment, site, make_indicator
):
    far = Reply.taxii(
        {"objects": [make_indicator(0)]}, X_TAXII_Date_Added_Last="9999-12-31T23:59:59Z"
    )
    site.serve_collection(lambda request: far)
    hints = {"collection": "suspected"}
    deployment.configure(kind="taxii21", url=f"{site.root}/taxii2/", taxii=hints)
    deployment.pull(T0)
    assert deployment.read_record()["date_added_last"] is None
    both = Reply.taxii({"objects": [make_indicator(0), make_indicator(1)]})
    site.serve_collection(lambda request: both)
    assert deployment.pull(T0 + DAY).state == "landed"
    assert "added_after" not in site.object_requests[-1].params
    assert deployment.refresh("2026-08-02").used_count == 2


@pytest.mark.fault(38, 39)
def test_taxii__an_empty_collection_leaves_the_last_good_one(deployment, site, make_indicator):
    site.serve_collection(lambda request: Reply.taxii({"objects": [make_indicator(0)]}))
    hints = {"collection": "suspected"}
    deployment.configure(kind="taxii21", url=f"{site.root}/taxii2/", taxii=hints, ttl_days=2)
    deployment.pull(T0)
    site.serve_collection(lambda request: Reply.taxii({}))
    assert deployment.pull(T0 + 3 * DAY).state == "landed"
    result = deployment.refresh("2026-08-04")
    assert (result.state, result.version) == ("last_good", "2026-08-01T060000Z")
