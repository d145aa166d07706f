import pytest
import yaml

from stillwatch.errors import ConfigError
from stillwatch.feeds.registry import Marking, find_feeds, get_strictest


def test_find_feeds__no_file_and_no_landing_means_no_feeds(deployment):
    assert find_feeds(deployment.settings) == []


def test_find_feeds__returns_entries_sorted_with_default_bounds(deployment):
    deployment.configure({"id": "b", "kind": "cidr_list"}, {"id": "a", "kind": "asn_list"})
    feeds = find_feeds(deployment.settings)
    assert [feed.id for feed in feeds] == ["a", "b"]
    assert feeds[1].bounds.widest_prefix_v4 == 8
    assert feeds[1].permitted_use == "internal"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"kind": "csv_list"}, "kind"),
        ({"colour": "red"}, "colour"),
        ({"bounds": {"widest_prefx_v4": 8}}, "bounds.widest_prefx_v4"),
        ({"bounds": {"min_entries": 9, "max_entries": 3}}, "max_entries 3 < min_entries 9"),
        ({"source_reliability": "G"}, "source_reliability"),
        ({"information_credibility": 7}, "information_credibility"),
        ({"marking": "TLP:BLUE"}, "marking"),
        ({"labels": []}, "labels"),
        ({"url": "ftp://lists.example.com/x"}, "url"),
        ({"url": "https://lists.example.com/x", "path": "x"}, "`url` or `path`"),
        ({"id": "../up"}, "id"),
        ({"misp": {}, "url": "https://misp.example.com/feed"}, "`misp` belongs to kind misp"),
        ({"kind": "misp", "misp": {}}, "`misp` belongs to kind misp, with a `url`"),
        (
            {"kind": "misp", "url": "https://misp.example.com/", "misp": {"layout": "tree"}},
            "misp.layout",
        ),
        ({"may_cover": ["nobody"]}, "nobody"),
    ],
)
def test_find_feeds__a_wrong_entry_is_named(deployment, change, named):
    deployment.configure({"id": "a", "kind": "cidr_list"} | change)
    with pytest.raises(ConfigError) as raised:
        find_feeds(deployment.settings)
    assert named in str(raised.value)
    if named != "nobody":
        assert "feeds.yml" in str(raised.value)


def test_find_feeds__an_id_used_twice_is_refused(deployment):
    deployment.configure({"id": "a", "kind": "cidr_list"}, {"id": "a", "kind": "asn_list"})
    with pytest.raises(ConfigError, match="'a' is used 2 times"):
        find_feeds(deployment.settings)


@pytest.mark.parametrize("text", ["- a", "feeds: [", "feeds: 3", "fedes: []"])
def test_find_feeds__a_broken_file_is_named(deployment, text):
    (deployment.root / "config" / "feeds.yml").write_text(text)
    with pytest.raises(ConfigError, match=r"feeds\.yml"):
        find_feeds(deployment.settings)


def test_find_feeds__a_landed_folder_with_a_definition_is_a_feed(deployment):
    deployment.configure({"id": "mine", "kind": "cidr_list"})
    (entry,) = yaml.safe_load((deployment.root / "config" / "feeds.yml").read_text())["feeds"]
    for name in ("mine", "theirs", "undefined"):
        (deployment.root / "landing" / "feeds" / name).mkdir(parents=True)
    url = "https://lists.example.com/x"
    definition = entry | {"kind": "stix21", "labels": ["campaign_infrastructure"], "url": url}
    for name in ("mine", "theirs"):
        path = deployment.root / "landing" / "feeds" / name / "feed.yml"
        path.write_text(yaml.safe_dump(definition | {"id": name}))
    feeds = {feed.id: feed for feed in find_feeds(deployment.settings)}
    assert sorted(feeds) == ["mine", "theirs"]
    assert feeds["theirs"].kind == "stix21"
    assert feeds["theirs"].url is None  # what landed does not decide what is fetched
    assert feeds["mine"].kind == "cidr_list"  # the reviewed entry counts


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"kind: cidr_list\nlabels: [vpn]\nsource_reliability: B\n", "marking"),
        (b"id: other\nkind: cidr_list\nlabels: [vpn]\nsource_reliability: B\n"
         b"marking: 'TLP:CLEAR'\n", "id is 'other', but the folder is 'theirs'"),
        (b"kind: cidr_list\nlabels: [vpn]\nsource_reliability: B\nmarking: 'TLP:CLEAR'\n"
         b"may_cover: [nobody]\n", "nobody"),
        (b"kind: [", "not YAML"),
        (b"\xff\xfe", "not UTF-8"),
        (None, "is missing and no feeds.yml names theirs"),
    ],
)  # fmt: skip
def test_find_feeds__a_wrong_landed_definition_loses_its_feed_alone(
    deployment, caplog, content, named
):
    deployment.configure({"id": "mine", "kind": "cidr_list"})
    folder = deployment.root / "landing" / "feeds" / "theirs"
    folder.mkdir(parents=True)
    if content is not None:
        (folder / "feed.yml").write_bytes(content)
    assert [feed.id for feed in find_feeds(deployment.settings)] == ["mine"]
    assert "landed feed theirs is not used" in caplog.text
    assert named in caplog.text


def test_find_feeds__a_grade_that_is_not_given_says_that_it_cannot_be_judged(deployment):
    folder = deployment.root / "landing" / "feeds" / "theirs"
    folder.mkdir(parents=True)
    (folder / "feed.yml").write_text(
        "kind: cidr_list\nlabels: [vpn]\nsource_reliability: B\nmarking: 'TLP:CLEAR'\n"
    )
    (feed,) = find_feeds(deployment.settings)
    assert feed.information_credibility == 6


def test_get_strictest__amber_strict_lies_between_amber_and_red():
    assert get_strictest([Marking.AMBER_STRICT, Marking.AMBER]) is Marking.AMBER_STRICT
    assert get_strictest([Marking.RED, Marking.AMBER_STRICT]) is Marking.RED
