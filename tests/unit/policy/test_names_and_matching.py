"""Names: what is set aside before they are compared, what a match says, what is never a match."""

from __future__ import annotations

import pytest

from stillwatch.policy.explanations import explain_match
from stillwatch.policy.matching import Grade, NameIndex, Origin, Party
from stillwatch.policy.names import normalise
from stillwatch.policy.screening import is_certain

PARTIES = [
    Party(
        "EL:1",
        "unknown",
        "Quillstone Optical Systems Co., Ltd.",
        ("Qulon Optics",),
        ("QOS",),
        ("CN",),
    ),
    Party("EL:2", "unknown", "Marrowfen 13th Research Institute", (), (), ("CN",)),
    Party("SDN:3", "individual", "VANTERIK, Osgood", (), (), ("RU",)),
    Party("EL:4", "unknown", "Harbourlight", (), (), ("RU",)),
    *(
        Party(f"X:{n}", "unknown", f"Filler{n} Technology Trading", (), (), ("CN",))
        for n in range(300)
    ),
]


@pytest.fixture(scope="module")
def index():
    return NameIndex(PARTIES)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Example Trading Co., Ltd.", "EXAMPLE TRADING LIMITED"),
        ("Example Trading", "Trading Example, Inc."),
        ("Ooo Primer", "ООО «Primer»"),
        ("Пример", "Primer"),
        ("示例科技股份有限公司", "示例科技有限公司"),
        ("示例科技（北京）有限公司", "示例科技(北京)"),
        ("Beispiel GmbH & Co. KG", "Beispiel"),
        ("Exemple S.A.R.L.", "Exemple SARL"),
        ("Eksempel A/S", "Eksempel AS"),
        ("Société Générique", "Societe Generique"),
        ("O'Sample Labs", "O’Sample Labs"),
        ("Otkrytoe Aktsionernoe Obshchestvo Primer", "JSC Primer"),
    ],
)
def test_normalise__same_name(one, other):
    assert normalise(one).key == normalise(other).key


@pytest.mark.parametrize(
    ("one", "other"),
    [("Example Labs", "Example Trading"), ("Institute 13", "Institute 14"), ("Co Ltd", "LLC Inc")],
)
def test_normalise__other_name(one, other):
    assert normalise(one).key != normalise(other).key


def test_find__a_name_without_its_legal_form_is_exact_and_certain_in_its_country(index):
    (match,) = index.find("quillstone optical SYSTEMS", 0.8)
    assert (match.grade, match.origin, match.score) == (Grade.EXACT, Origin.NAME, 1.0)
    assert is_certain(match, "agree")
    assert not is_certain(match, "differ")
    assert not is_certain(match, "unknown")


def test_find__an_alias_names_the_party_behind_it(index):
    (match,) = index.find("Qulon Optics Ltd", 0.8)
    assert (match.party.party_key, match.origin) == ("EL:1", Origin.ALIAS)
    assert is_certain(match, "agree")


def test_find__an_abbreviation_is_never_certain(index):
    (match,) = index.find("QOS", 0.8)
    assert (match.origin, match.grade) == (Origin.WEAK_ALIAS, Grade.EXACT)
    assert not is_certain(match, "agree")


def test_find__the_name_of_a_person_is_never_certain(index):
    (match,) = index.find("Osgood Vanterik", 0.8)
    assert match.grade is Grade.EXACT
    assert not is_certain(match, "agree")


@pytest.mark.parametrize(
    "text",
    [
        "Quilstone Optical Systems",  # letter left out
        "Quillstnoe Optical Systems",  # letters swapped
        "Quill stone Optical Systems",  # spaced
        "QuillstoneOptical Systems",
        "Quillstone Optical",  # word left out
    ],
)
def test_find__a_small_error_is_near_and_never_certain(index, text):
    match = index.find(text, 0.8)[0]
    assert match.party.party_key == "EL:1"
    assert not (match.grade is Grade.NEAR and is_certain(match, "agree"))


@pytest.mark.parametrize(
    "text",
    [
        "Marrowfen 14th Research Institute",  # another institute
        "Technology Trading",  # only common words
        "Unrelated Bakery",
        "Systems",
    ],
)
def test_find__another_party_is_not_found(index, text):
    assert [match for match in index.find(text, 0.8) if match.party.party_key < "X"] == []


def test_find__an_empty_index_finds_nothing():
    assert NameIndex([]).find("Anybody", 0.8) == []


def test_explain_match__names_what_agrees_and_what_does_not(index):
    match = index.find("Quilstone Optical Systems Singapore", 0.7)[0]
    told = explain_match(match, "SG", "differ")
    assert "agree in optical, systems" in told
    assert "alike in quilstone / quillstone" in told
    assert "only here singapore" in told
    assert "countries differ: SG here, CN on the list" in told
