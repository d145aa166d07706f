"""What landed pulls of a collection add up to on a day."""

import json
from datetime import UTC, datetime

import pytest

V1, V2, V3 = "2026-08-01T060000Z", "2026-08-02T060000Z", "2026-08-12T060000Z"
COLLECTION = "https://taxii.example.com/api/collections/1/"


def _indicator(number, modified="2026-08-01T00:00:00Z", **fields):
    return {
        "type": "indicator",
        "id": f"indicator--{number}",
        "modified": modified,
        "pattern": f"[ipv4-addr:value = '45.80.0.{number}']",
        "pattern_type": "stix",
        "valid_from": "2026-07-01T00:00:00Z",
    } | fields


@pytest.fixture
def land(deployment):
    deployment.configure({"id": "peers", "kind": "taxii21", "ttl_days": 10})

    def run(version, *pages, **record):
        for number, objects in enumerate(pages, 1):
            text = json.dumps({"objects": objects})
            folder = deployment.land("peers", version, text, f"page-{number:05d}.json")
        record = {"collection": COLLECTION} | record
        (folder / "pull.json").write_text(json.dumps(record))

    return run


def _values(deployment, version):
    return {row["value"]: row for row in deployment.read("peers", version)}


def test_state__pages_and_pulls_add_up(deployment, land):
    land(V1, [_indicator(1)], [_indicator(2)])
    land(V2, [_indicator(3)], full_version=V1)
    result = deployment.refresh("peers", "2026-08-02")
    assert (result.version, result.entry_count, result.used_count) == (V2, 3, 3)
    assert deployment.refresh("peers", "2026-08-01").used_count == 2


def test_state__an_object_counts_a_time_to_live_after_it_was_received(deployment, land):
    land(V1, [_indicator(1), _indicator(2, valid_until="2026-12-01T00:00:00Z")])
    land(V2, [_indicator(2, valid_until="2026-12-01T00:00:00Z"), _indicator(3)])
    deployment.refresh("peers", "2026-08-02")
    until = {value: row["valid_until"] for value, row in _values(deployment, V2).items()}
    assert until == {
        "45.80.0.1/32": datetime(2026, 8, 11, 6, tzinfo=UTC),
        "45.80.0.2/32": datetime(2026, 12, 1, tzinfo=UTC),
        "45.80.0.3/32": datetime(2026, 8, 12, 6, tzinfo=UTC),
    }


def test_state__what_was_not_received_for_a_time_to_live_is_gone(deployment, land):
    land(V1, [_indicator(1, valid_until="2026-12-01T00:00:00Z")])
    land(V2, [_indicator(2)])
    land(V3, [_indicator(3)])
    deployment.refresh("peers", "2026-08-12")
    assert set(_values(deployment, V3)) == {"45.80.0.3/32"}


def test_state__a_later_version_of_an_object_supersedes_the_earlier(deployment, land):
    land(V1, [_indicator(1)])
    land(V2, [_indicator(1, "2026-08-02T00:00:00Z", pattern="[ipv4-addr:value = '45.80.0.9']")])
    result = deployment.refresh("peers", "2026-08-02")
    assert set(_values(deployment, V2)) == {"45.80.0.9/32"}
    assert result.refused_by_reason == {"superseded": 1}


def test_state__a_revoked_object_stops_counting_from_then_on(deployment, land):
    land(V1, [_indicator(1), _indicator(2)])
    land(V2, [_indicator(1, "2026-08-02T00:00:00Z", revoked=True)])
    assert deployment.refresh("peers", "2026-08-02").used_count == 1
    assert deployment.refresh("peers", "2026-08-01").used_count == 2


def test_state__an_object_that_changed_without_a_new_modified_counts_as_last_received(
    deployment, land
):
    land(V1, [_indicator(1), _indicator(2)])
    land(V2, [_indicator(1, revoked=True)])
    assert deployment.refresh("peers", "2026-08-02").used_count == 1


def test_state__pulls_of_another_collection_do_not_count(deployment, land):
    land(V1, [_indicator(1)])
    land(V2, [_indicator(2)], collection="https://taxii.example.com/api/collections/2/")
    deployment.refresh("peers", "2026-08-02")
    assert set(_values(deployment, V2)) == {"45.80.0.2/32"}


def test_state__an_indicator_of_the_far_future_is_kept_for_then(deployment, land):
    land(V1, [_indicator(1, valid_from="2027-01-01T00:00:00Z"), _indicator(2)])
    result = deployment.refresh("peers", "2026-08-01")
    assert "malformed" not in result.refused_by_reason
    assert result.used_count == 1


@pytest.mark.fault(40)
def test_state__objects_that_are_none_are_counted(deployment, land):
    land(V1, ["text", {"id": "x"}, {"type": "indicator"}, None, _indicator(1)])
    result = deployment.refresh("peers", "2026-08-01")
    assert result.entry_count == result.used_count + result.refused_count == 5
    assert result.refused_by_reason == {"malformed": 3, "no_type": 1}


@pytest.mark.fault(41)
def test_state__a_poisoned_pull_leaves_the_last_good_collection(deployment, land):
    land(V1, [_indicator(1)])
    land(V2, [_indicator(2, pattern="[ipv4-addr:value = '8.8.8.8']")])
    result = deployment.refresh("peers", "2026-08-02")
    assert (result.state, result.version) == ("last_good", V1)
    assert result.refused_versions[0][:2] == (V2, "protected_overlap")


def test_state__a_delivered_folder_without_a_record_is_a_pull(deployment):
    deployment.configure({"id": "peers", "kind": "taxii21"})
    deployment.land("peers", V1, json.dumps({"objects": [_indicator(1)]}), "page.json")
    assert deployment.refresh("peers", "2026-08-01").used_count == 1


@pytest.mark.parametrize("text", ["[]", '{"objects": {}}', "not json", "<html>log in</html>"])
def test_state__a_file_that_is_no_page_refuses_the_version(deployment, text):
    deployment.configure({"id": "peers", "kind": "taxii21"})
    deployment.land("peers", V1, text, "page.json")
    result = deployment.refresh("peers", "2026-08-01")
    assert result.state == "missing"
    assert result.refused_versions[0][1] in ("unreadable", "html_page")
