"""Masking, fingerprints, languages, capability labels."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.canonical import EXCHANGES, MINHASH_BANDS
from stillwatch.keyed import Keyer
from stillwatch.text.features import (
    FEATURE_COLUMNS,
    Featurizer,
    TextFeatures,
    TextRequest,
    features,
)
from stillwatch.text.fingerprints import MinHasher
from stillwatch.text.languages import detect_language
from stillwatch.text.normal import clip, count_words, fold, split_masked_words

KEYER = Keyer(bytes(32))
OTHER_KEYER = Keyer(bytes(31) + b"\x01")
WORDS = [f"w{first}{second}" for first in "abcdefghij" for second in "klmnopqrst"]


def describe(prompt: str | None, **facts: object) -> TextFeatures:
    return features(
        prompt,
        facts.get("system"),  # type: ignore[arg-type]
        facts.get("tools"),  # type: ignore[arg-type]
        facts.get("images"),  # type: ignore[arg-type]
        facts.get("endpoint"),  # type: ignore[arg-type]
        KEYER,
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Add 12 and 3.5, by 10:30!", ["add", "0", "and", "0", "by", "0"]),
        ('Say "hello there" now', ["say", "0quote", "now"]),
        ("Say ‘hello’ or «bonjour» or 「やあ」", ["say", "0quote", "or", "0quote", "or", "0quote"]),
        ("don't mask it's apostrophes", ["dont", "mask", "its", "apostrophes"]),
        ("see https://example.com/a?b=1 and a.b@example.com", ["see", "0url", "and", "0mail"]),
        ("fix:\n```python\nx = 1\n```\nplease", ["fix", "0code", "please"]),
        ("use `x_1` here", ["use", "0code", "here"]),
        ("Ｆｕｌｌ Straße", ["full", "strasse"]),
        ("写一首诗 now", ["写", "一", "首", "诗", "now"]),
    ],
)
def test_split_masked_words__masks_what_varies_within_a_template(
    text: str, words: list[str]
) -> None:
    assert split_masked_words(text) == words


def test_split_masked_words__is_linear_on_unclosed_quotes() -> None:
    started = time.perf_counter()
    for character in "\"'`“«「":
        split_masked_words(clip(f"{character} x " * 8000))
    assert time.perf_counter() - started < 5


def test_clip__keeps_both_ends_of_a_long_text() -> None:
    text = "a" * 30_000 + "z" * 30_000
    assert clip(text).startswith("a" * 100)
    assert clip(text).endswith("z" * 100)
    assert len(clip(text)) < 21_000
    assert describe(text).prompt_char_count == 60_000


def test_fold__makes_case_accents_and_marks_equal() -> None:
    assert fold("  Chaîne-de_PENSÉE:\n“ok” ") == fold("chaine de pensee: ok")
    assert fold("don’t") == fold("DON'T")


def test_count_words__counts_characters_of_unspaced_scripts() -> None:
    assert count_words("one two, three") == 3
    assert count_words("写诗 please") == 3


def test_features__are_equal_for_one_template_and_differ_by_depth() -> None:
    body = " ".join(WORDS[:40])
    one = describe(f"Item 17: {body} 'alpha' and then this ends like that always")
    two = describe(f"Item 99: {body} 'omega' and then this ends like that always")
    assert one == two
    three = describe(f"Item 99: {body} 'omega' and then this ends in another way entirely")
    assert (one.prefix_fp_8, one.prefix_fp_32) == (three.prefix_fp_8, three.prefix_fp_32)
    assert one.suffix_fp_6 != three.suffix_fp_6
    assert one.prompt_fp != three.prompt_fp


@pytest.mark.parametrize(
    ("count", "absent"),
    [
        (5, {"prefix_fp_8", "prefix_fp_16", "prefix_fp_32", "suffix_fp_6", "suffix_fp_12",
             "minhash_bands"}),
        (8, {"prefix_fp_16", "prefix_fp_32", "suffix_fp_12"}),
        (31, {"prefix_fp_32"}),
        (32, set()),
    ],
)  # fmt: skip
def test_features__are_null_where_the_text_is_shorter_than_the_depth(
    count: int, absent: set[str]
) -> None:
    seen = describe(" ".join(WORDS[:count]))
    depths = [name for name in FEATURE_COLUMNS if name[:6] in ("prefix", "suffix", "minhas")]
    assert {name for name in depths if getattr(seen, name) is None} == absent


def test_features__depend_on_the_key() -> None:
    text = " ".join(WORDS[:40])
    one, other = (features(text, "sys", 0, 0, None, keyer) for keyer in (KEYER, OTHER_KEYER))
    assert one.prompt_fp != other.prompt_fp
    assert one.system_fp != other.system_fp
    assert one.minhash_bands is not None
    assert other.minhash_bands is not None
    assert not set(one.minhash_bands) & set(other.minhash_bands)


def test_make_bands__agree_as_often_as_the_texts_are_alike() -> None:
    dice = np.random.default_rng(7)
    hasher = MinHasher(KEYER)
    vocabulary = np.array(list(map("".join, itertools.product("abcdefghijklmnop", repeat=3))))

    def estimate(changed: int) -> tuple[float, float, float]:
        """Return (share of pairs with a common band, share of equal bands, mean Jaccard)."""
        pairs, similar = [], []
        for _ in range(150):
            words = dice.choice(vocabulary, 100).tolist()
            edited = list(words)
            for place in dice.choice(100, changed, replace=False):
                edited[place] = "changed" + str(place)
            sets = [{tuple(t[n : n + 5]) for n in range(96)} for t in (words, edited)]
            similar.append(len(sets[0] & sets[1]) / len(sets[0] | sets[1]))
            one, two = hasher.make_bands([words, edited])
            assert one is not None
            assert two is not None
            assert len(one) == MINHASH_BANDS
            pairs.append(float((one == two).mean()))
        return float(np.mean(np.array(pairs) > 0)), float(np.mean(pairs)), float(np.mean(similar))

    near = estimate(4)
    assert 0.6 < near[2] < 0.75
    assert near[0] > 0.9
    assert abs(near[1] - near[2] ** 4) < 0.1
    far = estimate(40)
    assert far[0] < 0.15


def test_make_bands__do_not_depend_on_the_other_texts_of_the_batch() -> None:
    texts = [WORDS[start : start + 8 + start % 30] for start in range(60)]
    together = MinHasher(KEYER).make_bands(texts)
    alone = [MinHasher(KEYER).make_bands([text])[0] for text in texts]
    for one, other in zip(together, alone, strict=True):
        assert one is not None
        assert other is not None
        assert one.tolist() == other.tolist()


def test_make_columns__give_the_canonical_types_with_and_without_text() -> None:
    requests = [
        TextRequest(None),
        TextRequest(" ".join(WORDS[:20]), "be kind"),
        TextRequest("short"),
        TextRequest(""),
        TextRequest(None, "only a system prompt"),
    ]
    for some in (requests, []):
        columns = Featurizer(KEYER).make_columns(some)
        for name in FEATURE_COLUMNS:
            assert columns[name].type == EXCHANGES.field(name).type, name
            assert isinstance(columns[name], pa.Array)
            assert len(columns[name]) == len(some)
    table = Featurizer(KEYER).make_columns(requests)
    assert table["has_text"].to_pylist() == [False, True, True, True, False]
    assert [item is None for item in table["minhash_bands"].to_pylist()] == [
        True, False, True, True, True,
    ]  # fmt: skip
    assert table["technique_codes"].to_pylist() == [None, [], [], [], []]
    assert table["capability_code"].to_pylist()[0] is None


def test_describe__gives_the_same_from_memory_as_afresh() -> None:
    featurizer = Featurizer(KEYER)
    request = TextRequest(" ".join(WORDS[:50]), "You judge answers.", 0, 0, None)
    assert featurizer.describe(request) == featurizer.describe(request)
    assert featurizer.describe(request) == Featurizer(KEYER).describe(request)


def test_features__look_for_techniques_in_the_system_prompt_too() -> None:
    seen = describe("2 + 2", system="Act as an impartial judge and rate the response from 1 to 10.")
    assert seen.technique_codes == ("rubric_grading",)
    assert seen.capability_code == "grading"


@pytest.mark.parametrize(
    ("prompt", "facts", "code"),
    [
        ("Book a table for two", {"tools": 3}, "agentic_tool_use"),
        ("Click on the blue button in the screenshot", {"tools": 1}, "computer_use"),
        ("What do you see?", {"images": 1}, "computer_vision"),
        ("Write a Python function that reverses a list", {}, "coding"),
        ("Prove that the sum of two odd integers is even", {}, "reasoning"),
        ("Write a CUDA kernel for matrix transpose", {}, "kernel_engineering"),
        ("Find the buffer overflow vulnerability in this binary", {}, "cyber"),
        ("Load the csv file into a dataframe and plot the time series", {}, "data_analysis"),
        ("Translate this letter and fix the grammar", {}, "rewriting"),
        ("Tell me a joke about cats", {}, "general"),
        ("用Python编写函数,计算两个数的和,并写单元测试", {}, "coding"),
        ("Übersetze den Brief und fasse zusammen", {}, "rewriting"),
        ("def area(r):\n    return 3 * r\nimport math\nwhat is wrong here", {}, "coding"),
        ("Anna köpte 3 äpplen för 4 kr och 5 päron för 6 kr. Vad blev priset?", {}, "reasoning"),
        ("Vad hände mellan 1914, 1939 och 1989 i vårt land?", {}, "general"),
        ("Dimostra che la somma di due numeri dispari è pari", {}, "reasoning"),
        ("파이썬으로 함수를 작성해 주세요", {}, "coding"),
        ("ترجم هذه الرسالة إلى الفرنسية", {}, "rewriting"),
        ("इस पत्र का अनुवाद करो", {}, "rewriting"),
    ],
)
def test_features__label_the_capability_from_facts_first(
    prompt: str, facts: dict[str, object], code: str
) -> None:
    assert describe(prompt, **facts).capability_code == code


def test_features__tell_the_capability_by_the_task_and_not_by_its_material() -> None:
    material = "The pull request broke the unit test of the javascript compiler. " * 60
    prompt = f"Summarize in one sentence. {'News of the day. ' * 100}{material}{'The end. ' * 100}"
    assert describe(prompt).capability_code == "rewriting"
    assert describe(material).capability_code == "coding"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is the capital of the country and how big is it?", "en"),
        ("¿Cuál es la capital del país y cómo se llama el río que pasa por ella?", "es"),
        ("Was ist die Hauptstadt des Landes und wie groß ist sie?", "de"),
        ("Quelle est la capitale du pays et quel est le fleuve qui la traverse ?", "fr"),
        ("Qual é a capital do país e como se chama o rio que passa por ela?", "pt"),
        ("这个国家的首都是哪里?", "zh"),
        ("この国の首都はどこですか。", "ja"),
        ("Какая столица у этой страны?", "ru"),
        ("Яка столиця цієї країни?", "uk"),
        ("이 나라의 수도는 어디입니까?", "ko"),
        ("ما هي عاصمة هذا البلد؟", "ar"),
        ("Zürich", None),
        ("x = 1", None),
    ],
)
def test_detect_language__by_script_or_common_words(text: str, language: str | None) -> None:
    assert detect_language(text, split_masked_words(text)) == language
