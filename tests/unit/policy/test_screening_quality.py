"""How well names are found, on the team's copies of real lists; figures are printed (pytest -s).

Every listed name must find its own entry; names with seeded errors mostly; names of other lists and
of private people hardly ever.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from stillwatch.feeds.csl import parse_csl
from stillwatch.feeds.registry import Feed
from stillwatch.policy.matching import Grade, NameIndex, Origin, Party
from stillwatch.policy.screening import is_certain
from stillwatch.settings import Settings

DATA = Path("/work/shared/data/reference")
MINIMUM = Settings.model_fields["screening_match_minimum"].default
pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not on this machine"),
]
FEED = Feed.model_validate(
    {
        "id": "lists",
        "kind": "csl",
        "labels": ["listed"],
        "source_reliability": "A",
        "information_credibility": 1,
        "marking": "TLP:CLEAR",
        "licence": "public domain",
        "ttl_days": 30,
    }
)


def read(*names):
    return parse_csl(FEED, {Path(name).name: (DATA / name).read_bytes() for name in names})


def make_parties(parsed):
    return [
        Party(
            key, item.party_type, item.name, item.aliases, item.weak_aliases, item.address_countries
        )
        for key, item in parsed.parties.items()
    ]


@pytest.fixture(scope="module")
def entity_list():
    return make_parties(read("us_restricted_parties/bis_entity_list.json.gz"))


@pytest.fixture(scope="module")
def index(entity_list):
    return NameIndex(entity_list)


@pytest.mark.parametrize(
    ("files", "entries", "used"),
    [
        (["us_csl/consolidated_2025_sample.csv"], 13, 13),
        (["us_csl/csl_2019_sample.csv"], 115, 115),
        (["us_csl/dpl_2019.txt"], 546, 473),  # 73 rows are further addresses of one entry
        (["us_restricted_parties/bis_entity_list.json.gz"], 3409, 3407),
        (["us_restricted_parties/bis_meu.json"], 70, 70),
        ([f"ofac_sample/{name}.csv" for name in ("sdn", "alt", "add", "sdn_comments")], 26, 17),
    ],
)
def test_parse_csl__real_lists(files, entries, used):
    parsed = read(*files)
    with_country = sum(1 for item in parsed.parties.values() if item.address_countries)
    aliases = sum(len(item.aliases) + len(item.weak_aliases) for item in parsed.parties.values())
    print(
        f"{files[0]}: {parsed.entry_count} entries, {parsed.used_count} used, "
        f"{dict(parsed.refused)}, {with_country} with a country, {aliases} aliases"
    )
    assert (parsed.entry_count, parsed.used_count) == (entries, used)
    assert parsed.entry_count == parsed.used_count + parsed.refused.total()


def test_find_country__every_country_of_the_entity_list(entity_list):
    assert all(party.countries for party in entity_list)


def test_find__every_listed_name_finds_its_own_entry(entity_list, index):
    names = [(party, text) for party in entity_list for _, text in party.list_names()]
    sample = random.Random(1).sample(names, 1200)
    start = time.perf_counter()
    found = [(party, index.find(text, MINIMUM)) for party, text in sample]
    seconds = (time.perf_counter() - start) / len(sample)
    own = sum(
        any(m.party is party and m.grade is Grade.EXACT for m in hits) for party, hits in found
    )
    total = sum(len(hits) for _, hits in found)
    print(f"{len(sample)} listed names: {own} find their own entry, {total} matches in all")
    print(f"{seconds * 1000:.1f} ms a name against {len(names)} names")
    assert own == len(sample)


def spoil(dice: random.Random, text: str) -> tuple[str, str]:
    """Return a name with one error of the kinds that the FEBRL data sets are made with."""
    words = text.split()
    kind = dice.choice(["letter", "left out", "swapped", "order", "legal form", "spacing"])
    longest = max(range(len(words)), key=lambda n: len(words[n]))
    word = words[longest]
    if kind in ("letter", "left out", "swapped") and len(word) > 3:
        n = dice.randrange(1, len(word) - 1)
        words[longest] = {
            "letter": word[:n] + dice.choice("abcdefghijklmnopqrstuvwxyz") + word[n + 1 :],
            "left out": word[:n] + word[n + 1 :],
            "swapped": word[:n] + word[n + 1] + word[n] + word[n + 2 :],
        }[kind]
    elif kind == "order":
        dice.shuffle(words)
    elif kind == "legal form":
        words += ["Co.,", "Ltd."]
    elif kind == "spacing" and len(words) > 1:
        words[:2] = ["".join(words[:2])]
    return kind, " ".join(words)


def test_find__names_with_one_error(entity_list, index):
    names = [
        (party, text)
        for party in entity_list
        for origin, text in party.list_names()
        if origin is not Origin.WEAK_ALIAS
    ]
    dice = random.Random(2)
    tried: Counter[str] = Counter()
    found: Counter[str] = Counter()
    first: Counter[str] = Counter()
    returned = 0
    for party, text in dice.sample(names, 900):
        kind, query = spoil(dice, text)
        hits = index.find(query, MINIMUM)
        tried[kind] += 1
        found[kind] += any(match.party is party for match in hits)
        first[kind] += bool(hits) and hits[0].party is party
        returned += len(hits)
    recall = found.total() / tried.total()
    precision = found.total() / returned
    for kind in sorted(tried):
        print(f"{kind}: {found[kind]} of {tried[kind]} found")
    print(f"recall {recall:.3f}, precision {precision:.3f} (several entries may be one party)")
    print(f"first place {first.total() / tried.total():.3f}")
    assert recall > 0.90
    assert precision > 0.75


def test_find__other_lists_and_private_people_are_hardly_ever_found(index):
    denied = [item.name for item in read("us_csl/dpl_2019.txt").parties.values()]
    text = gzip.decompress((DATA / "febrl/dataset1.csv.gz").read_bytes()).decode()
    people = [
        f"{row[1]} {row[2]}".strip()
        for row in csv.reader(io.StringIO(text), skipinitialspace=True)
        if row[0].endswith("org")
    ]
    for label, names, most in (("denied persons", denied, 0.02), ("FEBRL people", people, 0.01)):
        hits = {name: index.find(name, MINIMUM) for name in names if name}
        wrong = [name for name, matches in hits.items() if matches]
        certain = [
            name for name, found in hits.items() if any(is_certain(m, "agree") for m in found)
        ]
        print(f"{label}: {len(wrong)} of {len(hits)} match, {len(certain)} certainly: {wrong[:6]}")
        assert len(wrong) <= most * len(hits)


def test_find__febrl_people_with_their_recorded_errors():
    """Link the duplicates of FEBRL dataset 1 to their originals by name alone."""
    text = gzip.decompress((DATA / "febrl/dataset1.csv.gz").read_bytes()).decode()
    rows = list(csv.reader(io.StringIO(text), skipinitialspace=True))[1:]
    named = [(row[0], f"{row[1]} {row[2]}".strip()) for row in rows]
    originals = [
        Party(record.removesuffix("-org"), "individual", name)
        for record, name in named
        if record.endswith("-org") and name
    ]
    index = NameIndex(originals)
    right = returned = tried = 0
    for record, name in named:
        if record.endswith("-org") or not name:
            continue
        hits = index.find(name, MINIMUM)
        tried += 1
        returned += len(hits)
        right += any(m.party.party_key == record.rsplit("-dup", 1)[0] for m in hits)
    print(f"FEBRL 1: {right} of {tried} found (recall {right / tried:.3f})")
    print(f"FEBRL 1: precision {right / returned:.3f} of {returned} matches")
    assert right / tried > 0.6
    assert right / returned > 0.8
