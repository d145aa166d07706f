"""Paraphrases of every technique: how many are found, by half, and how many look-alikes are.

The bounds are what was measured when they were set, with room for small changes of the vocabulary.
"""

from __future__ import annotations

import pytest
from benchmarks.text_features import describe_outside, describe_paraphrases, make_table
from benchmarks.texts import outside
from benchmarks.texts.measure import Share, find_techniques, measure_false_hits, measure_recall
from benchmarks.texts.paraphrases import GUIDE, HELD_OUT, list_techniques, read_paraphrases

from stillwatch.text.vocabulary import LANGUAGES, get_vocabulary

TEXTS = list(read_paraphrases())

# A little below what was measured; the next change of the vocabulary may not lose more.
HELD_OUT_MINIMUM = {
    "bulk_instruction": 0.75,
    "censorship_safe_rewriting": 0.92,
    "jailbreak": 0.82,
    "model_identity_probe": 0.74,
    "quality_probe": 0.82,
    "reasoning_elicitation": 0.93,
    "rubric_grading": 0.88,
    "trace_cleaning": 0.91,
}
UNMIMIC_MINIMUM = 0.7


def total(technique: str, half: str) -> Share:
    texts = [text for text in TEXTS if text.technique == technique]
    return measure_recall(texts, "half")[technique][half]


@pytest.mark.parametrize("technique", list_techniques())
def test_paraphrases__are_many_of_each_technique_in_every_language(technique: str) -> None:
    asks = [text for text in TEXTS if text.technique == technique and text.kind is not None]
    assert len({text.text for text in asks}) == len(asks) >= 200
    assert {text.language for text in asks} == set(LANGUAGES)
    assert {text.half for text in asks} == {GUIDE, HELD_OUT}


def test_paraphrases__cover_every_technique_of_the_vocabulary() -> None:
    assert tuple(list_techniques()) == get_vocabulary().technique_codes


@pytest.mark.parametrize("technique", list_techniques())
def test_read__finds_most_paraphrases_that_guided_the_vocabulary(technique: str) -> None:
    share = total(technique, GUIDE)
    assert share.found >= 0.8 * share.total


@pytest.mark.parametrize("technique", list_techniques())
def test_read__finds_paraphrases_that_it_was_not_written_for(technique: str) -> None:
    share = total(technique, HELD_OUT)
    assert share.found >= HELD_OUT_MINIMUM[technique] * share.total


def test_read__leaves_look_alikes_of_paraphrases_alone() -> None:
    shares = [row for rows in measure_false_hits(TEXTS, "half").values() for row in rows.values()]
    total_count = sum(share.total for share in shares)
    assert total_count > 300
    assert sum(share.found for share in shares) <= 0.03 * total_count


def test_describe_paraphrases__gives_a_row_for_each_technique() -> None:
    page = "\n".join(describe_paraphrases())
    for technique in list_techniques():
        assert f"| {technique} |" in page


def test_describe_outside__says_what_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(outside.PROMPTS_VARIABLE, "/nowhere")
    monkeypatch.setenv(outside.UNMIMIC_VARIABLE, "/nowhere")
    page = "\n".join(describe_outside())
    assert "STILLWATCH_PROMPTS names no folder" in page
    assert "STILLWATCH_UNMIMIC names no folder" in page


def test_make_table__writes_markdown() -> None:
    table = make_table("T", ("a", "b"), [("1", str(Share(1, 4)))])
    assert table == "## T\n\n| a | b |\n|---|---|\n| 1 | 25 % (1 of 4) |\n"


@pytest.mark.shared_data
@pytest.mark.skipif(
    outside.find_unmimic_folder() is None, reason="STILLWATCH_UNMIMIC names no unpacked wheel"
)
def test_read__finds_phrases_of_another_project_and_none_of_its_hard_negatives() -> None:
    folder = outside.find_unmimic_folder()
    assert folder is not None
    attacks, negatives = outside.read_unmimic(folder)
    found = [text for text in attacks if "reasoning_elicitation" in find_techniques(text.text)]
    false = [text for text in negatives if find_techniques(text.text)]
    assert len(found) >= UNMIMIC_MINIMUM * len(attacks)
    assert len(false) <= 0.05 * len(negatives)
