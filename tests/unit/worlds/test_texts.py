"""Texts from grammars: diverse where people differ, alike where a template is shared."""

from __future__ import annotations

import random
from importlib import resources

import pytest

from stillwatch.errors import ConfigError
from stillwatch.worlds.texts import Voice, load_grammar

NAMES = sorted(
    file.name[:-4]
    for file in resources.files("stillwatch.worlds").joinpath("grammars").iterdir()
    if file.name.endswith(".yml")
)
WITH_FAMILIES = [name for name in NAMES if name not in {"common", "technical"}]


def _write(name: str, count: int, paraphrase: float = 1.0, voice_seed: int = 1) -> list[str]:
    rnd, voice = random.Random(5), Voice(voice_seed)
    grammar = load_grammar(name)
    return [grammar.write(rnd, voice, paraphrase).prompt for _ in range(count)]


def _count_heads(prompts: list[str], words: int) -> int:
    return len({" ".join(prompt.split()[:words]) for prompt in prompts})


@pytest.mark.parametrize("name", WITH_FAMILIES)
def test_grammar__leaves_no_slot_unfilled(name):
    grammar = load_grammar(name)
    rnd = random.Random(1)
    for number in range(300):
        text = grammar.write(rnd, Voice(number))
        assert text.prompt.strip()
        for part in (text.prompt, text.system or ""):
            assert "[[" not in part
            assert not [word for word in ("{@", "{int}", "{word}", "{name}") if word in part]


def test_everyday_texts__come_in_at_least_six_languages():
    assert len([name for name in NAMES if name.startswith("everyday_")]) >= 6


def test_everyday_texts__rarely_share_their_first_eight_words():
    prompts = [prompt for prompt in _write("everyday_en", 3000) if len(prompt.split()) >= 8]
    assert _count_heads(prompts, 8) > 0.9 * len(prompts)


def test_campaign_templates__share_their_first_words():
    assert _count_heads(_write("trace_harvest", 300, paraphrase=0.0), 4) <= 4
    assert _count_heads(_write("grading_sweep", 300, paraphrase=0.0), 8) <= 2


def test_paraphrase__varies_the_wording_by_degrees():
    fixed = _count_heads(_write("reasoning_drip", 400, paraphrase=0.0), 8)
    some = _count_heads(_write("reasoning_drip", 400, paraphrase=0.4), 8)
    free = _count_heads(_write("reasoning_drip", 400, paraphrase=1.0), 8)
    assert fixed == 3
    assert fixed < some < free


def test_wording__two_campaigns_of_one_grammar_share_no_opening():
    grammar, openings = load_grammar("trace_harvest"), []
    for wording in range(8):
        rnd = random.Random(wording)
        texts = [grammar.write(rnd, Voice(1), 0.0, wording=wording).prompt for _ in range(200)]
        openings.append({" ".join(text.split()[:8]) for text in texts})
    assert all(len(each) <= 40 for each in openings)
    for number, each in enumerate(openings):
        for other in openings[:number]:
            assert not each & other


def test_own_slots__stay_with_the_account():
    def draw_system(seed: int, draws: int) -> set[str | None]:
        rnd, voice, grammar = random.Random(seed), Voice(seed), load_grammar("product")
        return {grammar.write(rnd, voice, keep_to=1).system for _ in range(draws)}

    own = [draw_system(seed, 20) for seed in range(30)]
    assert all(len(each) == 1 for each in own)
    assert len(set.union(*own)) == 30


def test_keep_to__limits_an_account_to_its_families():
    grammar = load_grammar("everyday_en")
    rnd, voice = random.Random(2), Voice(9)
    for _ in range(200):
        grammar.write(rnd, voice, keep_to=2)
    assert [len(chosen) for chosen in voice.families.values()] == [2]


def test_load_grammar__names_the_missing_file():
    with pytest.raises(ConfigError, match="no grammar 'sonnets'"):
        load_grammar("sonnets")
