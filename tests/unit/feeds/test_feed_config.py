"""The feeds that the repository ships with, on the packages of this environment."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from stillwatch.feeds.refresh import refresh_feed
from stillwatch.feeds.registry import Feed, find_feeds
from stillwatch.project import get_project_root
from stillwatch.settings import Settings

AT = datetime(2026, 10, 31, tzinfo=UTC)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory) -> Settings:
    root: Path = tmp_path_factory.mktemp("shipped")
    key_file = root / "deployment.key"
    key_file.write_text("ab" * 32)
    key_file.chmod(0o600)
    return Settings(
        home=root / "var",
        landing_uri=str(root / "landing"),
        config=get_project_root() / "config",
        key_file=key_file,
    )


def test_shipped_feeds__all_state_their_terms(shipped):
    feeds = find_feeds(shipped)
    assert len(feeds) >= 11
    assert [feed.id for feed in feeds if not feed.licence or not feed.ttl_days] == []
    assert {feed.kind.value for feed in feeds} >= {
        "cidr_list",
        "domain_list",
        "ip2asn",
        "ip2country",
    }


def test_shipped_feeds__the_entry_that_is_commented_out_is_a_right_one(shipped):
    text = (shipped.config / "feeds.yml").read_text()
    commented = text[text.index("  # - id: us_consolidated_screening_list") :]
    entries = yaml.safe_load(re.sub(r"^  # ", "  ", commented, flags=re.MULTILINE))
    (feed,) = [Feed.model_validate(entry) for entry in entries]
    assert feed.kind.is_party_list
    assert feed.effective_use == "public"


def test_shipped_feeds__package_lists_pass_their_bounds(shipped):
    chosen = ("misp_public_dns_v4", "misp_public_dns_v6", "misp_vpn_ipv4", "misp_google_gcp")
    results = {
        feed_id: refresh_feed(shipped, feed_id, date(2026, 11, 1), True, AT) for feed_id in chosen
    }
    for feed_id, result in results.items():
        print(feed_id, result.entry_count, result.used_count, result.refused_by_reason)
        assert (result.state, result.refused_versions) == ("current", ())
        assert result.entry_count == result.used_count + result.refused_count
    version = results["misp_vpn_ipv4"].version
    assert version == "2026-10-31T000000Z"
    path = shipped.home / "feeds" / "misp_vpn_ipv4" / version / "indicators.parquet"
    values = set(pq.read_table(path, columns=["value"])["value"].to_pylist())
    assert len(values) > 10_000
    assert not values & {"8.8.8.0/24", "8.8.4.0/24"}
