"""A MISP feed folder pulled by URL: what is new lands, what the manifest drops goes."""

import gzip
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from feed_servers import QUICK, Reply

ESET = Path("/work/shared/data/feeds/misp_events_eset")
T0 = datetime(2026, 8, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)
BROKEN = Reply(200, {}, b'{"Event": {"uuid": ')


@pytest.fixture
def start(deployment, folder):
    """Configure the feed and put some events, each edited a day before T0."""

    def run(count=3, **entry):
        deployment.configure(kind="misp", **({"url": folder.url} | entry))
        return [folder.put(number, T0 - DAY) for number in range(count)]

    return run


def _name(uuid):
    return f"{uuid}.json"


def _expect(*numbers):
    return [f"45.80.0.{number + 1}/32" for number in numbers]


@pytest.mark.parametrize("ending", ["", "/", "/manifest.json"])
def test_misp_folder__the_first_pull_lands_manifest_and_events(deployment, folder, start, ending):
    uuids = start(url=folder.url + ending)
    assert deployment.pull(T0).state == "landed"
    assert folder.take_asked() == ["manifest.json", *map(_name, uuids)]
    landed = {path.name: path.read_bytes() for path in deployment.landed[0].iterdir()}
    assert sorted(landed) == sorted(["manifest.json", "pull.json", *map(_name, uuids)])
    assert json.loads(landed["manifest.json"]) == folder.manifest
    record = deployment.read_record()
    assert (record["named_count"], record["received_count"], record["failed_events"]) == (3, 3, {})
    assert (record["base_version"], record["status"]) == (None, 200)
    assert deployment.read_values("2026-08-01") == _expect(0, 1, 2)


def test_misp_folder__nothing_new_lands_nothing(deployment, folder, start):
    start()
    deployment.pull(T0)
    folder.take_asked()
    assert deployment.pull(T0 + DAY).state == "unchanged"
    assert folder.take_asked() == ["manifest.json"]
    assert len(deployment.landed) == 1


def test_misp_folder__the_next_pull_fetches_only_new_and_changed_events(deployment, folder, start):
    uuids = start()
    deployment.pull(T0)
    folder.take_asked()
    folder.put(1, T0, "45.81.0.1")
    new = folder.put(3, T0 + DAY / 2)
    assert deployment.pull(T0 + DAY).state == "landed"
    assert folder.take_asked() == ["manifest.json", _name(new), _name(uuids[1])]  # newest first
    record = deployment.read_record()
    assert (record["base_version"], record["received_count"]) == ("2026-08-01T060000Z", 2)
    assert deployment.read_values("2026-08-02") == [*_expect(0, 2, 3), "45.81.0.1/32"]


def test_misp_folder__a_day_knows_the_folder_of_its_end(deployment, folder, start):
    uuids = start()
    deployment.pull(T0)
    folder.put(0, T0 + DAY, "45.81.0.1", "45.81.0.2")
    deployment.pull(T0 + 2 * DAY)
    folder.remove(uuids[1])
    assert deployment.pull(T0 + 4 * DAY).state == "landed"
    assert deployment.read_record()["withdrawn_count"] == 1
    changed = ["45.81.0.1/32", "45.81.0.2/32"]
    expected = {
        "2026-08-05": [*_expect(2), *changed],
        "2026-08-01": _expect(0, 1, 2),
        "2026-08-03": [*_expect(1, 2), *changed],
        "2026-08-02": _expect(0, 1, 2),
    }
    deployment.check_days(expected)


def test_misp_folder__an_event_that_comes_back_is_fetched_again(deployment, folder, start):
    uuids = start()
    deployment.pull(T0)
    folder.remove(uuids[0])
    deployment.pull(T0 + DAY)
    folder.put(0, T0 - DAY)
    folder.take_asked()
    assert deployment.pull(T0 + 2 * DAY).state == "landed"
    assert folder.take_asked() == ["manifest.json", _name(uuids[0])]
    assert deployment.read_values("2026-08-03") == _expect(0, 1, 2)


def test_misp_folder__events_older_than_the_time_to_live_are_not_fetched(deployment, folder, start):
    start(2, ttl_days=10)
    old = folder.put(2, T0 - 10 * DAY)
    folder.put(3, T0 - 10 * DAY + timedelta(seconds=1))
    deployment.pull(T0)
    assert _name(old) not in folder.take_asked()
    result = deployment.refresh("2026-08-01")
    version = deployment.root / "var" / "feeds" / "peers" / result.version / "version.json"
    assert json.loads(version.read_text())["other_objects"] == {"event_expired": 1}
    assert result.used_count == 3


def test_misp_folder__the_manifest_lands_again_at_half_the_time_to_live(deployment, folder, start):
    start(ttl_days=10)
    deployment.pull(T0)
    assert deployment.pull(T0 + 5 * DAY).state == "unchanged"
    folder.take_asked()
    assert deployment.pull(T0 + 6 * DAY).state == "landed"
    assert folder.take_asked() == ["manifest.json"]
    assert sorted(path.name for path in deployment.landed[1].iterdir()) == [
        "manifest.json",
        "pull.json",
    ]
    assert deployment.read_values("2026-08-07") == _expect(0, 1, 2)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(404), "http_404"),
        (BROKEN, "unreadable"),
        (Reply(200, {}, b"<html>Sign in</html>"), "html_page"),
        (Reply(200, {}, b'{"Event": {"uuid": "x", "info": "of another"}}'), "wrong_event"),
        (Reply(200, {}, b"[]"), "wrong_event"),
        (Reply(302, {"Location": "http://169.254.169.254/"}), "redirect_refused"),
        (Reply(500), "http_500"),
    ],
)
def test_misp_folder__a_broken_event_is_counted_and_loses_no_other(
    deployment, folder, start, reply, reason
):
    uuids = start()
    folder.replies[_name(uuids[1])] = reply
    assert deployment.pull(T0).state == "landed"
    assert deployment.read_record()["failed_events"] == {uuids[1]: reason}
    assert deployment.read_values("2026-08-01") == _expect(0, 2)
    path = next((deployment.root / "var" / "feeds" / "peers").rglob("version.json"))
    counted = json.loads(path.read_text())["other_objects"]
    assert counted == {"event_missing": 1, f"event_failed_{reason}": 1}
    folder.take_asked()
    assert deployment.pull(T0 + DAY).state == "unchanged"  # asked for again, still broken
    assert set(folder.take_asked()) == {"manifest.json", _name(uuids[1])}
    folder.replies.clear()
    assert deployment.pull(T0 + 2 * DAY).state == "landed"
    assert deployment.read_values("2026-08-03") == _expect(0, 1, 2)


def test_misp_folder__a_broken_change_leaves_the_event_as_it_was(deployment, folder, start):
    uuids = start()
    deployment.pull(T0)
    folder.put(0, T0, "45.81.0.1")
    folder.replies[_name(uuids[0])] = BROKEN
    assert deployment.pull(T0 + DAY).state == "landed"
    assert deployment.read_values("2026-08-02") == _expect(0, 1, 2)


def test_misp_folder__a_stale_copy_replaces_nothing(deployment, folder, start):
    uuids = start()
    stale = deployment.root / "stale.json"
    deployment.pull(T0)
    stale.write_bytes((deployment.landed[0] / _name(uuids[0])).read_bytes())
    folder.put(0, T0, "45.81.0.1")
    deployment.pull(T0 + DAY)
    folder.put(0, T0 + DAY, "45.81.0.2")
    folder.replies[_name(uuids[0])] = Reply(200, {}, stale.read_bytes())
    deployment.pull(T0 + 2 * DAY)
    assert deployment.read_values("2026-08-03") == [*_expect(1, 2), "45.81.0.1/32"]
    folder.replies.clear()
    deployment.pull(T0 + 3 * DAY)
    assert deployment.read_values("2026-08-04") == [*_expect(1, 2), "45.81.0.2/32"]


def test_misp_folder__an_event_set_back_to_an_earlier_date_is_taken(deployment, folder, start):
    start()
    folder.put(0, T0, "45.81.0.1")
    deployment.pull(T0)
    folder.put(0, T0 - 2 * DAY)
    deployment.pull(T0 + DAY)
    assert deployment.read_values("2026-08-02") == _expect(0, 1, 2)


def test_misp_folder__too_many_broken_events_fail_the_pull_and_stop_it(deployment, folder, start):
    start(2)
    deployment.pull(T0)
    folder.take_asked()
    for number in range(2, 30):
        folder.replies[_name(folder.put(number, T0))] = Reply(404)
    outcome = deployment.pull(T0 + DAY)
    assert (outcome.state, outcome.reason) == ("failed", "too_many_failed")
    assert "4 of 30 events failed (http_404 4), more than 3" in outcome.detail
    assert len(folder.take_asked()) == 5  # the manifest and four events
    result = deployment.refresh("2026-08-02")
    assert (result.state, result.used_count, len(deployment.landed)) == ("last_good", 2, 1)
    deployment.configure(kind="misp", url=folder.url, misp={"max_failed_ratio": 0.95})
    assert deployment.pull(T0 + DAY).state == "landed"


def test_misp_folder__no_event_at_all_fails_the_pull(deployment, folder, start):
    (uuid,) = start(1)
    folder.replies[_name(uuid)] = BROKEN
    assert deployment.pull(T0).reason == "too_many_failed"
    assert deployment.landed == []


@pytest.mark.parametrize("name", ["../../../../escaped", "", "x" * 100_000, "error"])
def test_misp_folder__a_name_that_is_no_uuid_is_never_asked_for(deployment, folder, start, name):
    start()
    folder.manifest[name] = {"info": "not an event", "timestamp": str(int(T0.timestamp()))}
    assert deployment.pull(T0).state == "landed"
    assert len(folder.take_asked()) == 4
    assert deployment.read_record()["failed_events"] == {name[:80]: "bad_name"}
    assert deployment.read_values("2026-08-01") == _expect(0, 1, 2)


def test_misp_folder__more_events_than_allowed_fail_before_any_is_fetched(
    deployment, folder, start
):
    start(4, misp={"max_events": 3})
    outcome = deployment.pull(T0)
    assert (outcome.state, outcome.reason) == ("failed", "too_many_events")
    assert "4 events to fetch, more than 3 (`misp: {max_events}`" in outcome.detail
    assert folder.take_asked() == ["manifest.json"]


def test_misp_folder__all_answers_together_keep_to_the_byte_limit(deployment, folder, start):
    start(20)
    size = len(json.dumps(folder.manifest))
    outcome = deployment.pull(T0, replace(QUICK, max_bytes=size + 1000))
    assert (outcome.state, outcome.reason) == ("failed", "too_large")
    assert len(folder.take_asked()) < 10
    assert deployment.landed == []


@pytest.mark.fault(35)
def test_misp_folder__a_slow_server_ends_with_the_time_of_the_whole_pull(deployment, folder, start):
    start(2)
    deployment.pull(T0)
    for number in range(2, 30):
        folder.put(number, T0)
    answer = folder.site.answer

    def dawdle(request):
        time.sleep(0.25)
        return answer(request)

    folder.site.answer = dawdle
    begun = time.monotonic()
    outcome = deployment.pull(T0 + DAY, replace(QUICK, total_seconds=1.5))
    assert (outcome.state, outcome.reason) == ("failed", "too_many_failed")
    assert "too_slow" in outcome.detail
    assert time.monotonic() - begun < 6
    assert deployment.refresh("2026-08-02").state == "last_good"


@pytest.mark.fault(36)
def test_misp_folder__a_server_that_wants_to_be_left_alone_is(deployment, folder, start):
    uuids = start()
    folder.replies[_name(uuids[0])] = Reply(429, {"Retry-After": "7200"})
    outcome = deployment.pull(T0)
    assert (outcome.state, outcome.reason) == ("deferred", "http_429")
    assert outcome.until == T0 + timedelta(hours=2)
    assert folder.take_asked() == ["manifest.json", _name(uuids[0])]


@pytest.mark.fault(38)
@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(404), "http_404"),
        (Reply(200, {}, b"<html>Sign in</html>"), "html_page"),
        (Reply(200, {}, b"[1]"), "unreadable"),
        (Reply(200, {}, b'{"a": '), "unreadable"),
        (Reply(200, {}, b"\xff\xfe"), "unreadable"),
        (Reply(304), "http_304"),
    ],
)
def test_misp_folder__without_a_manifest_the_pull_fails(deployment, folder, start, reply, reason):
    start()
    folder.replies["manifest.json"] = reply
    outcome = deployment.pull(T0)
    assert (outcome.state, outcome.reason) == ("failed", reason)
    assert deployment.landed == []


def test_misp_folder__a_pull_that_broke_off_while_landing_is_made_good(deployment, folder, start):
    start()
    deployment.pull(T0)
    changed, new = folder.put(1, T0, "45.81.0.1"), folder.put(3, T0)
    deployment.pull(T0 + DAY)
    (deployment.landed[1] / _name(new)).unlink()
    result = deployment.refresh("2026-08-02")
    assert (result.state, result.used_count) == ("last_good", 3)
    assert result.refused_versions[0][1] == "incomplete"
    folder.take_asked()
    assert deployment.pull(T0 + 2 * DAY).state == "landed"
    assert folder.take_asked() == ["manifest.json", _name(changed), _name(new)]
    assert deployment.read_record()["base_version"] == "2026-08-01T060000Z"
    assert deployment.read_values("2026-08-03") == [*_expect(0, 2, 3), "45.81.0.1/32"]


def test_misp_folder__an_earlier_pull_that_is_lost_is_noticed_and_made_again(
    deployment, folder, start
):
    start()
    deployment.pull(T0)
    folder.put(3, T0)
    deployment.pull(T0 + DAY)
    for path in deployment.landed[0].iterdir():
        path.unlink()
    deployment.landed[0].rmdir()
    refused = deployment.refresh("2026-08-02")
    assert (refused.state, refused.refused_versions[0][1]) == ("missing", "incomplete")
    folder.take_asked()
    assert deployment.pull(T0 + 2 * DAY).state == "landed"
    assert len(folder.take_asked()) == 4  # the manifest and the three that are gone
    assert deployment.read_values("2026-08-03") == _expect(0, 1, 2, 3)


def test_misp_folder__a_single_file_that_is_lost_is_noticed_and_fetched_again(
    deployment, folder, start
):
    uuids = start()
    deployment.pull(T0)
    folder.put(3, T0)
    deployment.pull(T0 + DAY)
    (deployment.landed[0] / _name(uuids[0])).unlink()
    refused = deployment.refresh("2026-08-02").refused_versions
    assert [item[1] for item in refused] == ["incomplete", "incomplete"]
    folder.take_asked()
    deployment.pull(T0 + 2 * DAY)
    assert folder.take_asked() == ["manifest.json", _name(uuids[0])]
    assert deployment.read_values("2026-08-03") == _expect(0, 1, 2, 3)


def test_misp_folder__a_folder_set_back_after_a_broken_landing_lands_again(
    deployment, folder, start
):
    start()
    deployment.pull(T0)
    new = folder.put(3, T0)
    deployment.pull(T0 + DAY)
    (deployment.landed[1] / _name(new)).unlink()
    folder.remove(new)
    assert deployment.pull(T0 + 2 * DAY).state == "landed"
    result = deployment.refresh("2026-08-03")
    assert (result.state, result.used_count) == ("current", 3)


def test_misp_folder__an_event_whose_date_differs_from_the_manifest_lands_once(
    deployment, folder, start
):
    uuids = start()
    folder.manifest[uuids[0]] = {"timestamp": str(int(T0.timestamp()))}
    assert deployment.pull(T0).state == "landed"
    folder.take_asked()
    assert deployment.pull(T0 + DAY).state == "unchanged"
    assert folder.take_asked() == ["manifest.json", _name(uuids[0])]  # perhaps it has come by now


def test_misp_folder__an_event_from_the_future_is_fetched_again_after_the_time_to_live(
    deployment, folder, start
):
    start(0, ttl_days=10)
    uuid = folder.put(0, T0 + 100 * DAY)
    for days in (0, 6, 9):
        deployment.pull(T0 + days * DAY)
    assert folder.take_asked().count(_name(uuid)) == 1
    deployment.pull(T0 + 10 * DAY)
    assert folder.take_asked() == ["manifest.json", _name(uuid)]
    assert deployment.read_values("2026-08-11") == _expect(0)


def test_misp_folder__another_address_starts_anew(deployment, folder, start):
    uuids = start()
    deployment.pull(T0)
    folder.take_asked()
    deployment.configure(kind="misp", url=f"{folder.url}/manifest.json")
    assert deployment.pull(T0 + DAY).state == "landed"
    assert folder.take_asked() == ["manifest.json", *map(_name, uuids)]
    assert deployment.read_record()["base_version"] is None


def test_misp_folder__the_key_goes_with_every_request(deployment, folder, start, monkeypatch):
    monkeypatch.setenv("FEED_KEY", "a-key-of-the-tests")
    start(auth={"type": "api_key", "header": "Authorization", "secret_env": "FEED_KEY"})
    assert deployment.pull(T0).state == "landed"
    sent = [request.headers.get("authorization") for request in folder.site.requests]
    assert sent == ["a-key-of-the-tests"] * 4


def test_misp_folder__an_event_that_repeats_the_key_ends_the_pull(
    deployment, folder, start, monkeypatch
):
    monkeypatch.setenv("FEED_KEY", "a-key-of-the-tests")
    uuids = start(auth={"type": "bearer", "secret_env": "FEED_KEY"})
    folder.replies[_name(uuids[0])] = Reply(200, {}, b'{"got": "a-key-of-the-tests"}')
    outcome = deployment.pull(T0)
    assert (outcome.state, outcome.reason, deployment.landed) == ("failed", "secret_echoed", [])


@pytest.mark.parametrize(
    ("path", "hints", "asked"),
    [
        ("/feed/export.json", {}, ["export.json"]),
        ("/feed/view/7", {"layout": "file"}, ["view/7"]),
        ("/feed/index.json", {"layout": "folder"}, ["index.json", "{uuid}"]),
        ("/feed?list=1", {}, ["manifest.json", "{uuid}"]),
    ],
)
def test_misp_folder__the_layout_goes_by_the_url_or_the_entry(
    deployment, folder, start, path, hints, asked
):
    (uuid,) = start(1, url=folder.site.root + path, misp=hints)
    export = folder._files[_name(uuid)]
    folder.replies = {name: Reply(200, {}, export) for name in ("export.json", "view/7")}
    folder.replies["index.json"] = Reply(200, {}, json.dumps(folder.manifest).encode())
    assert deployment.pull(T0).state == "landed"
    assert [name.replace(_name(uuid), "{uuid}") for name in folder.take_asked()] == asked
    assert deployment.read_values("2026-08-01") == _expect(0)


def test_misp_folder__a_folder_delivered_by_hand_is_replaced_by_the_pull(deployment, folder, start):
    uuids = start()
    delivered = deployment.root / "landing" / "feeds" / "peers" / "dt=2026-07-31T060000Z"
    delivered.mkdir(parents=True)
    (delivered / "manifest.json").write_text(json.dumps(folder.manifest))
    (delivered / _name(uuids[0])).write_bytes(folder._files[_name(uuids[0])])
    assert deployment.read_values("2026-07-31") == _expect(0)
    assert deployment.pull(T0).state == "landed"
    assert deployment.read_values("2026-08-01") == _expect(0, 1, 2)


@pytest.mark.shared_data
@pytest.mark.skipif(not ESET.is_dir(), reason=f"{ESET} is not on this machine")
def test_misp_folder__real_events_come_through_complete(deployment, folder, start):
    """ESET's four events, published one after the other, beside one of ours that can be used."""
    start(1, ttl_days=3650)
    found = {}
    for path in ESET.iterdir():
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        (item,) = json.loads(content)["response"]
        found[int(item["Event"]["timestamp"])] = (item["Event"]["uuid"], content)
    at = None
    for timestamp, (uuid, content) in sorted(found.items()):
        folder.manifest[uuid] = {"timestamp": str(timestamp)}
        folder.replies[_name(uuid)] = Reply(200, {}, content)
        at = datetime.fromtimestamp(timestamp, UTC) + DAY
        assert deployment.pull(at).state == "landed"
        assert (deployment.landed[-1] / _name(uuid)).read_bytes() == content
    assert len(folder.take_asked()) == 4 + 5  # a manifest each time, every event once
    record = deployment.read_record()
    assert (record["named_count"], record["received_count"]) == (5, 1)
    result = deployment.refresh(at.date().isoformat())
    print(f"{len(found)} events of ESET: {result.to_json()}")
    assert (result.state, result.entry_count, result.used_count) == ("current", 135, 1)
