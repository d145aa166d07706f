"""A marked key travels to the configured server and to no other place."""

import base64
import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from feed_servers import Reply, Site

T0 = datetime(2026, 8, 1, 6, tzinfo=UTC)
CANARY = "canary-9f3b!secret/+value"
PAIR = base64.b64encode(f"reader:{CANARY}".encode()).decode()
FORMS = (CANARY, "canary-9f3b%21secret", PAIR)
AUTHS = [
    ({"type": "basic", "username": "reader"}, "authorization", f"Basic {PAIR}"),
    ({"type": "bearer"}, "authorization", f"Bearer {CANARY}"),
    ({"type": "api_key", "header": "X-Feed-Key"}, "x-feed-key", CANARY),
]


@pytest.fixture
def configure(deployment, site):
    """Configure a pull with the canary in a file; `kind` is cidr_list or taxii21."""

    def run(auth, kind="taxii21"):
        path = deployment.config / "peers.key"
        path.write_text(f"{CANARY}\n")
        path.chmod(0o600)
        entry = {"kind": kind, "auth": auth | {"secret_file": "peers.key"}}
        if kind == "taxii21":
            hints = {"collection": "suspected"}
            deployment.configure(url=f"{site.root}/taxii2/", taxii=hints, **entry)
        else:
            deployment.configure(url=f"{site.root}/list.txt", **entry)

    return run


def _find_canary(deployment, caplog, capsys):
    places = [
        str(path.relative_to(deployment.root))
        for path in deployment.list_files()
        if path.name != "peers.key" and any(form.encode() in path.read_bytes() for form in FORMS)
    ]
    texts = caplog.text + "".join(capsys.readouterr())
    return places + [form for form in FORMS if form in texts]


@pytest.mark.fault(54)
@pytest.mark.parametrize(("auth", "header", "value"), AUTHS)
def test_pull__the_key_is_sent_and_shown_nowhere(
    deployment, site, configure, make_indicator, caplog, capsys, auth, header, value
):
    caplog.set_level(logging.DEBUG)
    configure(auth)
    page = Reply.taxii({"objects": [make_indicator(0)]})
    site.serve_collection(lambda request: page)
    assert deployment.pull(T0).state == "landed"
    assert {request.headers.get(header) for request in site.requests} == {value}
    deployment.refresh("2026-08-01")
    site.answer = lambda request: Reply(401, {"WWW-Authenticate": f"Basic {CANARY}"})
    assert deployment.pull(T0 + timedelta(days=1)).reason == "http_401"
    assert _find_canary(deployment, caplog, capsys) == []


@pytest.mark.fault(54)
@pytest.mark.parametrize(
    "reply",
    [
        Reply.taxii({"objects": [{"id": "x", "name": CANARY}]}),
        Reply.taxii({"objects": [], "title": f"you sent Basic {PAIR}"}),
        Reply.taxii({"objects": []}, X_TAXII_Date_Added_Last=CANARY),
        Reply(302, {"Location": f"ftp://lists.example.com/{CANARY}"}),
        Reply(302, {"Location": f"/again?key={CANARY}"}),
        Reply(200, {"Content-Type": f"text/{CANARY}"}),
        Reply(503, {"Retry-After": CANARY}, CANARY.encode()),
    ],
)
def test_pull__a_server_that_repeats_the_key_does_not_spread_it(
    deployment, site, configure, caplog, capsys, reply
):
    caplog.set_level(logging.DEBUG)
    configure(AUTHS[0][0])
    site.serve_collection(lambda request: reply)
    assert deployment.pull(T0).state == "failed"
    assert deployment.landed == []
    assert _find_canary(deployment, caplog, capsys) == []


@pytest.mark.fault(54)
def test_pull__the_key_is_not_sent_to_where_a_redirect_leads(deployment, site, configure):
    other = Site()
    other.answer = lambda request: Reply(200, {}, b"45.80.0.0/24\n")
    try:
        configure(AUTHS[2][0], "cidr_list")
        site.answer = lambda request: Reply(302, {"Location": f"{other.root}/moved.txt"})
        assert deployment.pull(T0).state == "landed"
        assert site.requests[0].headers["x-feed-key"] == CANARY
        assert "x-feed-key" not in other.requests[0].headers
        record = json.dumps(deployment.read_record())
        assert CANARY not in record
    finally:
        other.close()


@pytest.mark.parametrize("auth", [auth for auth, _, _ in AUTHS])
def test_pull__a_list_can_ask_for_a_key_too(deployment, site, configure, auth):
    configure(auth, "cidr_list")
    site.answer = lambda request: Reply(200, {}, b"45.80.0.0/24\n")
    assert deployment.pull(T0).state == "landed"


@pytest.mark.parametrize(
    ("content", "mode", "part"),
    [
        (None, 0o600, "cannot be read: No such file"),
        ("long enough", 0o644, "can be read by others: chmod 600"),
        ("two lines\nof text", 0o600, "more than one line"),
        ("schlüssel-wort", 0o600, "plain ASCII"),
        ("short", 0o600, "fewer than 8"),
        ("", 0o600, "fewer than 8"),
    ],
)
def test_pull__a_key_that_cannot_be_used_is_a_failed_pull(
    deployment, site, configure, content, mode, part
):
    configure(AUTHS[1][0])
    path = deployment.config / "peers.key"
    path.unlink()
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    outcome = deployment.pull(T0)
    assert (outcome.state, outcome.reason) == ("failed", "no_secret")
    assert part in outcome.detail
    assert not content or content not in outcome.detail
    assert site.requests == []
