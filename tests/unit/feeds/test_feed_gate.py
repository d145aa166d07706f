"""Poisoned, broken and malformed feeds: the rows of the fault table for the sanity gate."""

import json
import resource

import pytest

from stillwatch.errors import ConfigError

DAY1, DAY2 = "2026-08-01T060000Z", "2026-08-02T060000Z"
GOOD = "".join(f"45.80.{n}.0/24\n" for n in range(20))


def _indicator(number, pattern, **fields):
    return {
        "type": "indicator",
        "id": f"indicator--{number}",
        "pattern": pattern,
        "pattern_type": "stix",
        "modified": "2026-07-01T00:00:00Z",
    } | fields


def _configure(deployment, *entries, protected=()):
    deployment.configure(*entries)
    if protected:
        path = deployment.root / "config" / "feeds.yml"
        values = [{"value": value, "reason": "own egress"} for value in protected]
        path.write_text(path.read_text() + f"protected: {json.dumps(values)}\n")


@pytest.mark.fault(40)
def test_gate__a_malformed_stix_bundle_loses_only_the_objects_at_fault(deployment):
    deployment.configure({"id": "peer", "kind": "stix21"})
    huge = _indicator(3, "[domain-name:value = 'c.de']", description="x" * (100 << 20))
    objects = [
        _indicator(1, "[domain-name:value = 'good.example.com']"),
        _indicator(2, "[domain-name:value = "),
        huge,
        {"id": "indicator--4", "pattern": "[domain-name:value = 'd.de']"},  # no type
        _indicator(5, "[domain-name:value = 'e.de']", revoked=True),
        _indicator(6, "[domain-name:value = 'f.de']", valid_until="2026-07-31T00:00:00Z"),
        _indicator(
            7,
            "[domain-name:value = 'extended.example.com']",
            extensions={"extension-definition--nobody": {"extension_type": "property-extension"}},
        ),
        _indicator(8, "[domain-name:value = 'marked.example.com']", object_marking_refs="x"),
        {"type": "x-new-object", "id": "x-new-object--1"},
        {"type": "sighting", "id": "sighting--1", "sighting_of_ref": "indicator--1"},
        {"type": "note", "id": "note--1", "object_refs": ["note--1"]},
        *(
            {
                "type": "relationship",
                "id": f"relationship--{here}",
                "relationship_type": "derived-from",
                "source_ref": f"indicator--{here}",
                "target_ref": f"indicator--{there}",
            }
            for here, there in ((1, 7), (7, 1))  # a cycle
        ),
    ]
    bundle = json.dumps({"type": "bundle", "objects": objects}).encode()
    deployment.land("peer", DAY1, bundle, "bundle.json")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = deployment.refresh("peer", "2026-08-01")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 1500  # MiB for 100 MiB of text: some copies of it, no explosion
    rows = {row["value"]: row for row in deployment.read("peer", DAY1)}
    assert sorted(rows) == ["extended.example.com", "good.example.com", "marked.example.com"]
    assert rows["marked.example.com"]["marking"] == "TLP:RED"  # a marking that cannot be read
    assert result.refused_by_reason == {
        "expired": 1,
        "malformed_pattern": 1,
        "no_type": 1,
        "object_too_large": 1,
        "revoked": 1,
    }
    verdict = json.loads(
        (deployment.root / "var" / "feeds" / "peer" / DAY1 / "version.json").read_text()
    )
    assert verdict["other_objects"] == {
        "ignored_extension": 1,
        "note": 1,
        "relationship": 2,
        "sighting": 1,
        "x-new-object": 1,
    }


@pytest.mark.fault(40)
def test_gate__an_object_updated_in_a_later_file_of_the_version_counts(deployment):
    deployment.configure({"id": "peer", "kind": "stix21"})
    old = _indicator(1, "[domain-name:value = 'old.example.com']")
    new = old | {"modified": "2026-07-02T00:00:00Z", "revoked": True}
    kept = _indicator(2, "[domain-name:value = 'kept.example.com']")
    deployment.land("peer", DAY1, json.dumps({"type": "bundle", "objects": [old, kept]}), "1.json")
    deployment.land("peer", DAY1, json.dumps({"objects": [new]}), "2.json")  # a TAXII envelope
    result = deployment.refresh("peer", "2026-08-01")
    assert [row["value"] for row in deployment.read("peer", DAY1)] == ["kept.example.com"]
    assert result.refused_by_reason == {"revoked": 1, "superseded": 1}


@pytest.mark.fault(41)
@pytest.mark.parametrize(
    ("poison", "reason"),
    [("0.0.0.0/0", "too_wide"), ("::/0", "too_wide"), ("10.0.0.0/8", "private")],
)
def test_gate__a_poisoned_entry_is_refused_and_the_others_count(deployment, poison, reason):
    deployment.configure({"id": "proxies", "kind": "cidr_list"})
    deployment.land("proxies", DAY1, f"{GOOD}{poison}\n")
    result = deployment.refresh("proxies", "2026-08-01")
    assert (result.state, result.used_count) == ("current", 20)
    assert result.refused_by_reason == {reason: 1}


@pytest.mark.fault(41)
@pytest.mark.parametrize(
    ("poison", "named"),
    [
        ("8.8.8.8", "8.8.8.8 of the protected list well_known_resolvers"),
        ("8.8.0.0/16", "8.8.4.4 of the protected list well_known_resolvers"),
        ("45.99.7.9", "45.99.7.9 of the protected list protected"),
        ("45.99.0.0/16", "45.99.7.0 of the protected list protected"),
        ("2a02:ff0:1::/48", "2a02:ff0:1:2:: of the protected list protected"),
        ("45.112.0.0/16", "45.112.0.0 of the protected list cloud"),
        ("45.0.0.0/9", "45.99.7.0 of the protected list protected"),
    ],
)
def test_gate__a_protected_address_refuses_the_version_and_keeps_the_last_good_one(
    deployment, poison, named
):
    cloud = {
        "id": "cloud",
        "kind": "cidr_list",
        "is_protected_list": True,
        "protects": "networks",
    }
    feed = {"id": "proxies", "kind": "cidr_list"}
    _configure(deployment, cloud, feed, protected=["45.99.7.0/24", "2a02:ff0:1:2::/64"])
    deployment.land("cloud", DAY1, "45.112.0.0/14\n")
    deployment.land("proxies", DAY1, GOOD)
    deployment.land("proxies", DAY2, f"{GOOD}{poison}\n")
    result = deployment.refresh("proxies", "2026-08-02")
    assert (result.state, result.version, result.age_days) == ("last_good", DAY1, 1.75)
    ((version, reason, detail),) = result.refused_versions
    assert (version, reason) == (DAY2, "protected_overlap")
    assert detail.endswith(named)


@pytest.mark.fault(41)
@pytest.mark.parametrize("listed", ["45.112.3.4", "45.112.3.0/24", "45.0.0.1"])
def test_gate__a_host_in_a_cloud_may_be_listed(deployment, listed):
    cloud = {
        "id": "cloud",
        "kind": "cidr_list",
        "is_protected_list": True,
        "protects": "networks",
    }
    deployment.configure(cloud, {"id": "proxies", "kind": "cidr_list"})
    deployment.land("cloud", DAY1, "45.112.0.0/14\n")
    deployment.land("proxies", DAY1, f"{listed}\n")
    assert deployment.refresh("proxies", "2026-08-01").state == "current"
    assert deployment.refresh("cloud", "2026-08-01").state == "current"  # it is the cloud list


@pytest.mark.fault(41)
@pytest.mark.parametrize("kind", ["domain_list", "stix21", "misp"])
@pytest.mark.parametrize("domain", ["gmail.com", "GOOGLE.com.", "mail.example.org"])
def test_gate__a_domain_of_everybody_refuses_the_version(deployment, kind, domain):
    _configure(deployment, {"id": "f", "kind": kind}, protected=["mail.example.org"])
    texts = {
        "domain_list": f"evil.example.com\n{domain}\n",
        "stix21": json.dumps(
            {
                "type": "bundle",
                "objects": [_indicator(1, f"[domain-name:value = '{domain}']")],
            }
        ),
        "misp": json.dumps(
            {
                "Event": {
                    "uuid": "e",
                    "Attribute": [{"uuid": "a", "type": "domain", "value": domain, "to_ids": True}],
                }
            }
        ),
    }
    deployment.land("f", DAY1, texts[kind], "list.txt" if kind == "domain_list" else "x.json")
    result = deployment.refresh("f", "2026-08-01")
    assert (result.state, result.refused_versions[0][1]) == ("missing", "protected_overlap")


@pytest.mark.parametrize("value", ["hello", "1.2.3.4/33", "999.1.1.1", "com"])
def test_gate__a_protected_value_that_is_nothing_is_named(deployment, value):
    _configure(deployment, {"id": "f", "kind": "cidr_list"}, protected=[value])
    deployment.land("f", DAY1, GOOD)
    with pytest.raises(ConfigError, match="protected value"):
        deployment.refresh("f", "2026-08-01")


@pytest.mark.parametrize("text", ["protected: 3\n", "protected: [45.99.7.0/24]\n"])
def test_gate__a_protected_list_of_another_shape_is_named(deployment, text):
    deployment.configure({"id": "f", "kind": "cidr_list"})
    path = deployment.root / "config" / "feeds.yml"
    path.write_text(path.read_text() + text)
    with pytest.raises(ConfigError, match="key protected"):
        deployment.refresh("f", "2026-08-01")


@pytest.mark.fault(42)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("10.0.0.1\n", "empty"),
        ("45.80.0.0/24\n", "shrank"),
        ("".join(f"45.{80 + n // 250}.{n % 250}.0/24\n" for n in range(1000)), "grew"),
    ],
)
def test_gate__a_feed_that_shrinks_or_explodes_keeps_the_last_good_version(
    deployment, text, reason
):
    deployment.configure({"id": "proxies", "kind": "cidr_list"})
    deployment.land("proxies", DAY1, GOOD)
    deployment.land("proxies", DAY2, text)
    result = deployment.refresh("proxies", "2026-08-05")
    assert (result.state, result.version, result.used_count) == ("last_good", DAY1, 20)
    assert result.age_days == 4.75
    assert [item[:2] for item in result.refused_versions] == [(DAY2, reason)]


@pytest.mark.fault(43)
def test_gate__invalid_addresses_are_refused_or_made_canonical_and_counted(deployment):
    deployment.configure({"id": "proxies", "kind": "cidr_list"})
    text = (
        "143.404.146.87\n010.0.0.1\n::ffff:1.2.3.4\n1.2.3.4/33\n45.80.1.9/24\n2A00:1450:0::1\n"
        "45.80.1.0/24\n"
    )
    deployment.land("proxies", DAY1, text)
    result = deployment.refresh("proxies", "2026-08-01")
    assert {row["value"] for row in deployment.read("proxies", DAY1)} == {
        "45.80.1.0/24",
        "2a00:1450::1/128",
    }
    assert result.refused_by_reason == {
        "duplicate": 1,  # the network with host bits, once canonical
        "invalid_address": 2,
        "ipv4_mapped": 1,
        "leading_zero": 1,
    }
    assert result.entry_count == result.used_count + result.refused_count == 7


@pytest.mark.fault(43)
def test_gate__homographs_are_refused_and_other_scripts_are_punycode(deployment):
    deployment.configure({"id": "mail", "kind": "domain_list"})
    deployment.land("mail", DAY1, "pаypal.com\nxn--pypal-4ve.com\nbücher.example\nмосква.рф\n")
    result = deployment.refresh("mail", "2026-08-01")
    assert {row["value"] for row in deployment.read("mail", DAY1)} == {
        "xn--80adxhks.xn--p1ai",
        "xn--bcher-kva.example",
    }
    assert result.refused_by_reason == {"mixed_scripts": 2}
