"""What a record and a manifest of a MISP feed folder say."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from stillwatch.feeds.misp_pull import is_folder
from stillwatch.feeds.misp_state import read_held, select_fresh
from stillwatch.feeds.parsed import VersionRefusedError

AT = datetime(2026, 8, 1, tzinfo=UTC)
TTL = timedelta(days=10)
OLDEST = int((AT - TTL).timestamp())
UUID = "10000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("entry", "is_fresh"),
    [
        ({"timestamp": str(OLDEST + 1)}, True),
        ({"timestamp": OLDEST + 1}, True),
        ({"timestamp": str(OLDEST)}, False),
        ({"timestamp": "1"}, False),
        ({"timestamp": "soon"}, True),  # without a time it may count
        ({}, True),
        (None, True),
        ("text", True),
    ],
)
def test_select_fresh__drops_what_was_last_edited_before_the_time_to_live(entry, is_fresh):
    assert select_fresh({UUID: entry}, AT, TTL) == ({UUID: entry} if is_fresh else {})


@pytest.mark.parametrize("record", [{}, {"events": None}, {"events": 7}, {"url": "x"}])
def test_read_held__another_record_holds_no_events(record):
    assert read_held(record) is None


@pytest.mark.parametrize("item", ["text", {}, {"version": "v"}, {"colour": "red"}])
def test_read_held__a_record_that_no_pull_wrote_is_refused(item):
    with pytest.raises(VersionRefusedError, match=r"`events` of a pull\.json"):
        read_held({"events": {UUID: item}})


def test_misp_version__a_record_that_no_pull_wrote_refuses_the_version(deployment):
    deployment.configure({"id": "peers", "kind": "misp"})
    folder = deployment.land("peers", "2026-08-01T060000Z", "{}", "manifest.json")
    (folder / "pull.json").write_text(json.dumps({"events": {UUID: 7}}))
    result = deployment.refresh("peers", "2026-08-01")
    assert (result.state, result.refused_versions[0][1]) == ("missing", "unreadable")


@pytest.mark.parametrize(
    ("url", "hints", "expected"),
    [
        ("https://misp.example.com/feed", {}, True),
        ("https://misp.example.com/feed/", {}, True),
        ("https://misp.example.com/feed/manifest.json?x=1", {}, True),
        ("https://misp.example.com/feed/manifest.json.gz", {}, False),
        ("https://misp.example.com/export.JSON?x=1", {}, False),
        ("https://misp.example.com/export.json.zst", {}, False),
        ("https://misp.example.com/export.json", {"layout": "folder"}, True),
        ("https://misp.example.com/feed", {"layout": "file"}, False),
    ],
)
def test_is_folder__goes_by_the_end_of_the_url_unless_the_entry_says(
    make_feed, url, hints, expected
):
    assert is_folder(make_feed("misp", url=url, misp=hints)) is expected
