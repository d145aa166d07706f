"""Every public list of the team's data folder, pulled by the real feed code; prints a table (-s).

Each list becomes a configured feed whose origin is the file, so it lands, is judged and written as
any other. Where the folder holds the history of a list, each state is one version.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stillwatch.feeds.pull import pull_feed
from stillwatch.feeds.registry import find_feeds

FEEDS = Path("/work/shared/data/feeds")
pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not FEEDS.is_dir(), reason=f"{FEEDS} is not on this machine"),
]
_LIST = {"json_path": "list", "format": "json"}
_MAIL_LIST = _LIST | {"indicator_type": "email_domain"}
_DATE = re.compile(r"2026-\d{2}-\d{2}")


@dataclass(frozen=True)
class Pulled:
    """A list as a feed: its states in order of time, and what is to come of the newest."""

    id: str
    kind: str
    patterns: tuple[str, ...]  # below FEEDS; a state is all files of one day
    versions: int  # how many of the states differ, so that they land
    used: int  # of the newest version
    refused: dict[str, int] = field(default_factory=dict)
    parser: dict[str, Any] = field(default_factory=dict)
    version_refused: str | None = None

    def list_states(self) -> list[tuple[datetime, list[Path]]]:
        states: dict[datetime, list[Path]] = {}
        for pattern in self.patterns:
            for path in sorted(FEEDS.glob(pattern)):
                found = _DATE.search(str(path.relative_to(FEEDS)))
                day = datetime.fromisoformat(found[0] if found else "2026-08-22")
                hours = 23 if "hourly" not in str(path) else int(path.parent.name)
                at = day.replace(tzinfo=UTC) + timedelta(hours=hours)
                states.setdefault(at, []).append(path)
        return sorted(states.items())


LISTS: tuple[Pulled, ...] = (
    Pulled(
        "tor_exits",
        "cidr_list",
        (
            "tor_exits/*/latest.exits.csv.gz",
            "tor_exits/hourly_*/*/latest.exits.csv.gz",
        ),
        17,
        2216,
        refused={"duplicate": 3674},
        parser={"format": "csv", "column": "ipaddr"},
    ),
    Pulled("x4bnet_vpn", "cidr_list", ("x4bnet_lists_vpn/*/output/vpn/ipv4.txt.gz",), 6, 10777),
    Pulled(
        "x4bnet_datacenter",
        "cidr_list",
        ("x4bnet_lists_vpn/*/output/datacenter/ipv4.txt.gz",),
        2,
        42505,
        version_refused="protected_overlap",
    ),
    Pulled("x4bnet_vpn_asn", "asn_list", ("x4bnet_lists_vpn/*/input/vpn/ASN.txt.gz",), 1, 15),
    Pulled(
        "x4bnet_datacenter_asn",
        "asn_list",
        ("x4bnet_lists_vpn/*/input/datacenter/ASN.txt.gz",),
        1,
        892,
        refused={"duplicate": 14},
    ),
    Pulled(
        "bad_asn",
        "asn_list",
        ("bad_asn_list/*.csv",),
        1,
        723,
        refused={"duplicate": 19},
        parser={"column": "ASN"},
    ),
    Pulled(
        "ipcat",
        "cidr_list",
        ("ipcat/*/datacenters.csv.gz",),
        1,
        7368,
        parser={"column": 0, "range_end_column": 1},
    ),
    Pulled(
        "aws_original",
        "cidr_list",
        ("cloud_ranges_original/*.json.gz",),
        1,
        7905,
        refused={"duplicate": 2763},
        parser={"json_path": "prefixes", "column": "ip_prefix"},
    ),
    Pulled(
        "open_proxies",
        "cidr_list",
        ("open_proxies/*/*.txt",),
        1,
        456,
        refused={"duplicate": 528},
        parser={"has_port": True},
    ),
    Pulled(
        "disposable_email",
        "domain_list",
        ("disposable_email/*/*.conf.gz",),
        3,
        8310,
        parser={"indicator_type": "email_domain"},
    ),
    Pulled("ranges_amazon", "cidr_list", ("ipranges/*/amazon/*.txt*",), 2, 3855),
    Pulled("ranges_apple_proxy", "cidr_list", ("ipranges/*/apple-proxy/*.txt*",), 2, 13747),
    Pulled(
        "ranges_cloudflare",
        "cidr_list",
        ("ipranges/*/cloudflare/*.txt*",),
        1,
        22,
        version_refused="protected_overlap",
    ),
    Pulled("ranges_digitalocean", "cidr_list", ("ipranges/*/digitalocean/*.txt*",), 1, 234),
    Pulled("ranges_github", "cidr_list", ("ipranges/*/github/*.txt*",), 2, 5519),
    Pulled(
        "ranges_google",
        "cidr_list",
        ("ipranges/*/google/*.txt*",),
        1,
        112,
        version_refused="protected_overlap",
    ),
    Pulled("ranges_linode", "cidr_list", ("ipranges/*/linode/*.txt*",), 1, 279),
    Pulled("ranges_microsoft", "cidr_list", ("ipranges/*/microsoft/*.txt*",), 1, 520),
    Pulled("ranges_openai", "cidr_list", ("ipranges/*/openai/*.txt*",), 2, 233),
    Pulled("ranges_oracle", "cidr_list", ("ipranges/*/oracle/*.txt*",), 1, 793),
    Pulled("ranges_perplexity", "cidr_list", ("ipranges/*/perplexity/*.txt*",), 1, 12),
    Pulled("ranges_protonvpn", "cidr_list", ("ipranges/*/protonvpn/*.txt*",), 1, 672),
    Pulled("ranges_telegram", "cidr_list", ("ipranges/*/telegram/*.txt*",), 1, 11),
    Pulled(
        "ranges_vultr",
        "cidr_list",
        ("ipranges/*/vultr/*.txt*",),
        2,
        144,
        refused={"documentation": 4, "reserved": 2, "too_wide": 1},
    ),
    Pulled(
        "warninglist_amazon_aws",
        "cidr_list",
        ("misp_warninglists/amazon-aws/list.json*",),
        1,
        3847,
        parser=_LIST,
    ),
    Pulled(
        "warninglist_cloudflare",
        "cidr_list",
        ("misp_warninglists/cloudflare/list.json*",),
        1,
        22,
        parser=_LIST,
        version_refused="protected_overlap",
    ),
    Pulled(
        "warninglist_disposable_email",
        "domain_list",
        ("misp_warninglists/disposable-email/list.json*",),
        1,
        8201,
        parser=_MAIL_LIST,
    ),
    Pulled(
        "warninglist_google_gcp",
        "cidr_list",
        ("misp_warninglists/google-gcp/list.json*",),
        1,
        471,
        parser=_LIST,
    ),
    Pulled(
        "warninglist_icloud_private_relay",
        "cidr_list",
        ("misp_warninglists/icloud-private-relay/list.json*",),
        1,
        13747,
        parser=_LIST,
    ),
    Pulled(
        "warninglist_microsoft_azure",
        "cidr_list",
        ("misp_warninglists/microsoft-azure/list.json*",),
        1,
        2683,
        parser=_LIST,
    ),
    Pulled(
        "warninglist_microsoft_azure_china",
        "cidr_list",
        ("misp_warninglists/microsoft-azure-china/list.json*",),
        1,
        211,
        parser=_LIST,
    ),
    Pulled(
        "warninglist_openai_gptbot",
        "cidr_list",
        ("misp_warninglists/openai-gptbot/list.json*",),
        1,
        2,
        parser=_LIST,
    ),
    Pulled(
        "warninglist_oracle_oci",
        "cidr_list",
        ("misp_warninglists/oracle-oci/list.json*",),
        1,
        793,
        parser=_LIST,
    ),
    Pulled(
        "warninglist_ovh_cluster",
        "cidr_list",
        ("misp_warninglists/ovh-cluster/list.json*",),
        1,
        622,
        parser=_LIST,
    ),
    Pulled(
        "warninglist_rfc1918",
        "cidr_list",
        ("misp_warninglists/rfc1918/list.json*",),
        1,
        0,
        refused={"private": 3},
        parser=_LIST,
        version_refused="empty",
    ),
    Pulled(
        "warninglist_rfc5735",
        "cidr_list",
        ("misp_warninglists/rfc5735/list.json*",),
        1,
        0,
        refused={
            "documentation": 3,
            "link_local": 1,
            "loopback": 1,
            "private": 3,
            "reserved": 5,
            "too_wide": 2,
        },
        parser=_LIST,
        version_refused="empty",
    ),
    Pulled(
        "warninglist_university_domains",
        "domain_list",
        ("misp_warninglists/university_domains/list.json*",),
        1,
        10578,
        parser=_MAIL_LIST,
    ),
    Pulled(
        "warninglist_vpn_ipv4",
        "cidr_list",
        ("misp_warninglists/vpn-ipv4/list.json*",),
        1,
        42426,
        parser=_LIST,
        version_refused="protected_overlap",
    ),
    Pulled(
        "warninglist_vpn_ipv6",
        "cidr_list",
        ("misp_warninglists/vpn-ipv6/list.json*",),
        1,
        1250,
        parser=_LIST,
    ),
    Pulled(
        "warninglist_zscaler",
        "cidr_list",
        ("misp_warninglists/zscaler/list.json*",),
        1,
        78,
        parser=_LIST,
    ),
    Pulled(
        "misp_cloudmensis",
        "misp",
        ("misp_events_eset/cloudmensis.misp.json",),
        1,
        0,
        refused={"hash_only": 9, "not_for_detection": 11, "unsupported_type": 2},
        version_refused="empty",
    ),
    Pulled(
        "misp_misp_powerpool",
        "misp",
        ("misp_events_eset/misp-powerpool.json",),
        1,
        0,
        refused={"not_for_detection": 18},
        version_refused="empty",
    ),
    Pulled(
        "misp_misp_ramsay",
        "misp",
        ("misp_events_eset/misp-ramsay.json.gz",),
        1,
        0,
        refused={"hash_only": 51, "not_for_detection": 30},
        version_refused="empty",
    ),
    Pulled(
        "misp_signsight_misp_event",
        "misp",
        ("misp_events_eset/signsight-misp-event.json",),
        1,
        0,
        refused={"not_for_detection": 13},
        version_refused="empty",
    ),
    Pulled(
        "oasis_apt1",
        "stix21",
        ("stix21_oasis_examples/apt1.json",),
        1,
        7,
        refused={"hash_only": 3, "unsupported_and": 2},
    ),
    Pulled(
        "oasis_defining_campaigns_threat_actors_intrusion_sets",
        "stix21",
        ("stix21_oasis_examples/defining-campaigns-threat-actors-intrusion-sets.json",),
        1,
        0,
        version_refused="empty",
    ),
    Pulled(
        "oasis_identifying_a_threat_actor_profile",
        "stix21",
        ("stix21_oasis_examples/identifying-a-threat-actor-profile.json",),
        1,
        0,
        version_refused="empty",
    ),
    Pulled(
        "oasis_indicator_for_malicious_url",
        "stix21",
        ("stix21_oasis_examples/indicator-for-malicious-url.json",),
        1,
        0,
        refused={"unsupported_object": 1},
        version_refused="empty",
    ),
    Pulled(
        "oasis_malware_indicator_for_file_hash",
        "stix21",
        ("stix21_oasis_examples/malware-indicator-for-file-hash.json",),
        1,
        0,
        refused={"hash_only": 1},
        version_refused="empty",
    ),
    Pulled(
        "oasis_sighting_of_an_indicator",
        "stix21",
        ("stix21_oasis_examples/sighting-of-an-indicator.json",),
        1,
        0,
        refused={"unsupported_object": 1},
        version_refused="empty",
    ),
    Pulled(
        "oasis_threat_actor_leveraging_attack_patterns_and_malware",
        "stix21",
        ("stix21_oasis_examples/threat-actor-leveraging-attack-patterns-and-malware.json",),
        1,
        0,
        version_refused="empty",
    ),
    Pulled(
        "oasis_using_marking_definitions",
        "stix21",
        ("stix21_oasis_examples/using-marking-definitions.json",),
        1,
        0,
        refused={"private": 1},
        version_refused="empty",
    ),
    Pulled(
        "amnesty_cytrox", "stix21", ("stix2_amnesty/*",), 1, 336, refused={"unsupported_object": 7}
    ),
)


@pytest.mark.parametrize("pulled", LISTS, ids=lambda pulled: pulled.id)
def test_pull_feed__every_public_list_is_read_and_every_entry_counted(deployment, pulled):
    entry = {
        "id": pulled.id,
        "kind": pulled.kind,
        "parser": pulled.parser,
        "ttl_days": 3650,
        "bounds": {"max_growth_ratio": 20, "max_shrink_ratio": 1},
    }
    states = pulled.list_states()
    for at, paths in states:
        deployment.configure(entry | {"path": [str(path) for path in paths]})
        (feed,) = find_feeds(deployment.settings)
        outcome = pull_feed(deployment.settings, feed, at)
        assert outcome.state in ("landed", "unchanged")
    result = deployment.refresh(pulled.id, states[-1][0].date().isoformat())
    folders = [
        deployment.root / "var" / "feeds" / pulled.id,
        deployment.root / "var" / "cache" / "feeds" / pulled.id,
    ]
    verdicts = [
        json.loads(file.read_text())
        for folder in folders
        for pattern in ("*/version.json", "*.json")
        for file in folder.glob(pattern)
    ]
    verdicts.sort(key=lambda verdict: verdict["version"])
    for verdict in verdicts:
        refused = verdict["refused_by_reason"]
        print(
            f"| {pulled.id} | {verdict['version'][:13]} | {verdict['entry_count']:,} "
            f"| {verdict['used_count']:,} "
            f"| {', '.join(f'{reason} {count:,}' for reason, count in refused.items())} "
            f"| {verdict['reason'] or 'good'} |"
        )
        assert verdict["entry_count"] == verdict["used_count"] + sum(refused.values())
        assert verdict["entry_count"] == verdict["used_count"] + verdict["refused_count"]
    newest = verdicts[-1]
    assert len(verdicts) == pulled.versions
    assert newest["refused_by_reason"] == pulled.refused
    assert (newest["used_count"], newest["reason"]) == (pulled.used, pulled.version_refused)
    assert result.state == ("missing" if pulled.version_refused else "current")


def test_lists__no_file_of_the_folder_is_left_out():
    read = {path for pulled in LISTS for _, paths in pulled.list_states() for path in paths}
    context = {"misp_galaxy", "mitre_atlas"}  # knowledge about attackers, no indicators
    left = {
        path
        for path in FEEDS.rglob("*")
        if path.is_file() and path.relative_to(FEEDS).parts[0] not in context
    }
    assert sorted(left - read) == []
