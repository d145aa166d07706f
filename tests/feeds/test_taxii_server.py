"""The TAXII client against a real server: medallion, the reference implementation of OASIS."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from feed_servers import QUICK

AUTH = {"type": "basic", "username": "reader", "secret_env": "PEERS_PASSWORD"}
DATA = Path("/work/shared/data/feeds")
T0 = datetime(2026, 8, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def configure(deployment):
    def run(server, **fields):
        hints = {"collection": "suspected", "page_size": 10} | fields.pop("taxii", {})
        entry = {"kind": "taxii21", "url": server.url, "auth": AUTH, "taxii": hints}
        deployment.configure(**(entry | fields))

    return run


def test_taxii__pages_land_as_received(deployment, start_medallion, configure, make_indicator):
    server = start_medallion(page_size=4)
    server.add([make_indicator(n) for n in range(10)], T0 - DAY)
    configure(server)
    assert deployment.pull(T0).state == "landed"
    names = sorted(path.name for path in deployment.landed[0].iterdir())
    assert names == ["page-00001.json", "page-00002.json", "page-00003.json", "pull.json"]
    pages = [json.loads((deployment.landed[0] / name).read_text()) for name in names[:3]]
    assert [len(page["objects"]) for page in pages] == [4, 4, 2]
    record = deployment.read_record()
    assert (record["object_count"], record["duplicate_count"], record["new_count"]) == (10, 0, 10)
    assert record["date_added_last"] == "2026-07-31T06:00:00.000000Z"
    result = deployment.refresh("2026-08-01")
    assert (result.state, result.entry_count, result.used_count) == ("current", 10, 10)


@pytest.mark.parametrize("name", ["suspected", "peers", "91a7b528-80eb-42ed-a74d-c6fbd5a26116"])
def test_taxii__a_collection_goes_by_title_alias_or_id(
    deployment, start_medallion, configure, make_indicator, name
):
    server = start_medallion()
    server.add([make_indicator(1)], T0 - DAY)
    configure(server, taxii={"collection": name})
    assert deployment.pull(T0).state == "landed"


@pytest.mark.parametrize(
    ("name", "part"), [("absent", "does not list it"), ("write only", "may not be read")]
)
def test_taxii__a_collection_that_cannot_be_read_is_a_failed_pull(
    deployment, start_medallion, configure, name, part
):
    configure(start_medallion(), taxii={"collection": name})
    outcome = deployment.pull(T0)
    assert (outcome.state, outcome.reason) == ("failed", "no_collection")
    assert part in outcome.detail


def test_taxii__an_incremental_pull_lands_only_what_is_new(
    deployment, start_medallion, configure, make_indicator
):
    server = start_medallion()
    server.add([make_indicator(n) for n in range(4)], T0 - 2 * DAY)
    server.add([make_indicator(4)], T0 - DAY)
    configure(server)
    deployment.pull(T0)
    assert deployment.pull(T0 + DAY).state == "unchanged"
    server.add([make_indicator(5), make_indicator(6)], T0 + DAY)
    assert deployment.pull(T0 + 2 * DAY).state == "landed"
    record = deployment.read_record()
    assert (record["object_count"], record["new_count"]) == (3, 2)  # the last date comes again
    assert record["added_after"] == "2026-07-31T05:00:00.000000Z"  # an hour before the last date
    assert record["full_version"] == "2026-08-01T060000Z"
    assert deployment.refresh("2026-08-03").used_count == 7


def test_taxii__a_day_knows_the_collection_of_its_end(
    deployment, start_medallion, configure, make_indicator
):
    server = start_medallion()
    configure(server)
    server.add([make_indicator(0), make_indicator(1)], T0 - DAY)
    deployment.pull(T0)
    server.add([make_indicator(2)], T0 + DAY)
    later = "2026-08-03T00:00:00.000Z"
    server.add([make_indicator(0, later, revoked=True)], T0 + DAY)
    deployment.pull(T0 + 2 * DAY)
    server.add([make_indicator(3)], T0 + 3 * DAY)
    deployment.pull(T0 + 4 * DAY)
    expected = {
        "2026-08-05": ["45.80.0.2/32", "45.80.0.3/32", "45.80.0.4/32"],
        "2026-08-01": ["45.80.0.1/32", "45.80.0.2/32"],
        "2026-08-03": ["45.80.0.2/32", "45.80.0.3/32"],
        "2026-08-02": ["45.80.0.1/32", "45.80.0.2/32"],
    }
    deployment.check_days(expected)


def test_taxii__everything_is_asked_for_again_at_half_the_time_to_live(
    deployment, start_medallion, configure, make_indicator
):
    server = start_medallion()
    configure(server, ttl_days=10)
    server.add([make_indicator(0)], T0 - DAY)
    deployment.pull(T0)
    assert deployment.pull(T0 + 5 * DAY).state == "unchanged"
    assert deployment.pull(T0 + 6 * DAY).state == "landed"
    assert deployment.read_record()["added_after"] is None
    assert deployment.refresh("2026-08-07").used_count == 1


def test_taxii__an_object_that_the_server_drops_counts_to_the_end_of_its_time(
    deployment, start_medallion, configure, make_indicator
):
    server = start_medallion()
    configure(server, ttl_days=10)
    server.add([make_indicator(0), make_indicator(1)], T0 - DAY)
    deployment.pull(T0)
    server._backend.data["api"]["collections"][0]["objects"].pop(0)
    server._backend.data["api"]["collections"][0]["manifest"].pop(0)
    deployment.pull(T0 + 6 * DAY)
    assert deployment.refresh("2026-08-08").used_count == 2
    deployment.pull(T0 + 12 * DAY)
    assert deployment.read_values("2026-08-13") == ["45.80.0.2/32"]


def test_taxii__a_lost_full_pull_is_noticed_and_made_again(
    deployment, start_medallion, configure, make_indicator
):
    server = start_medallion()
    configure(server)
    server.add([make_indicator(0)], T0 - DAY)
    deployment.pull(T0)
    server.add([make_indicator(1)], T0 + DAY)
    deployment.pull(T0 + 2 * DAY)
    for path in deployment.landed[0].iterdir():
        path.unlink()
    deployment.landed[0].rmdir()
    refused = deployment.refresh("2026-08-03")
    assert (refused.state, refused.refused_versions[0][1]) == ("missing", "incomplete")
    assert deployment.pull(T0 + 3 * DAY).state == "landed"
    assert deployment.read_record()["added_after"] is None
    assert deployment.refresh("2026-08-04").used_count == 2


def test_taxii__a_pull_that_broke_off_while_landing_is_made_again(
    deployment, start_medallion, configure, make_indicator
):
    server = start_medallion(page_size=2)
    configure(server)
    server.add([make_indicator(n) for n in range(4)], T0 - DAY)
    deployment.pull(T0)
    server.add([make_indicator(n) for n in range(4, 8)], T0 + DAY)
    deployment.pull(T0 + 2 * DAY)
    (deployment.landed[1] / "page-00002.json").unlink()
    result = deployment.refresh("2026-08-03")
    assert (result.state, result.used_count) == ("last_good", 4)
    assert result.refused_versions[0][1] == "incomplete"
    assert deployment.pull(T0 + 3 * DAY).state == "landed"
    assert deployment.read_record()["added_after"] is None
    assert deployment.refresh("2026-08-04").used_count == 8


def test_taxii__another_collection_starts_anew(
    deployment, start_medallion, configure, make_indicator
):
    first, second = start_medallion(), start_medallion()
    first.add([make_indicator(0)], T0 - DAY)
    second.add([make_indicator(1)], T0 - 2 * DAY)
    configure(first)
    deployment.pull(T0)
    configure(second)
    assert deployment.pull(T0 + DAY).state == "landed"
    assert deployment.read_values("2026-08-02") == ["45.80.0.2/32"]


def test_taxii__a_wrong_password_is_a_failed_pull(
    deployment, start_medallion, configure, monkeypatch
):
    monkeypatch.setenv("PEERS_PASSWORD", "another-password")
    configure(start_medallion())
    outcome = deployment.pull(T0)
    assert (outcome.state, outcome.reason) == ("failed", "http_401")
    assert "another-password" not in outcome.detail


@pytest.mark.shared_data
@pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not on this machine")
@pytest.mark.parametrize("page_size", [7, 100])
def test_taxii__real_bundles_come_through_complete(
    deployment, start_medallion, configure, page_size
):
    bundles = [
        json.loads(path.read_text()) for path in (DATA / "stix21_oasis_examples").glob("*.json")
    ]
    with gzip.open(DATA / "stix2_amnesty" / "cytrox.stix2.gz", "rt") as file:
        bundles.append(json.load(file))
    # medallion compares every object with every other: 700 of them take it minutes. It gives the
    # newest version of each, and cannot page an object that has none.
    listed = [item for bundle in bundles for item in bundle["objects"][:200]]
    objects = {item["id"]: item for item in listed if "modified" in item}
    server = start_medallion(page_size)
    for number, item in enumerate(objects.values()):
        server.add([item], T0 - DAY + timedelta(seconds=number // 5))
    configure(server, taxii={"page_size": 1000})
    assert deployment.pull(T0, replace(QUICK, read_seconds=60)).state == "landed"
    record = deployment.read_record()
    result = deployment.refresh("2026-08-01")
    print(f"{len(objects)} objects, {record['page_count']} pages: {result.to_json()}")
    assert record["object_count"] - record["duplicate_count"] == len(objects)
    assert record["page_count"] == -(-len(objects) // page_size)
    assert result.entry_count == result.used_count + result.refused_count
    assert result.used_count > 90
