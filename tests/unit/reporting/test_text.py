from __future__ import annotations

import pytest

from stillwatch.reporting.text import breakable, clean


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain words", "plain words"),
        ("a\x00b", "a[U+0000]b"),
        ("a\u202eb", "a[U+202E]b"),
        ("a\u2066\u2069b", "a[2 hidden characters]b"),
        ("a\u200bb", "a[U+200B]b"),
        ("a\ud800b", "a[U+D800]b"),
        ("tab\tand\nline", "tab and line"),
        ("深度求索", "深度求索"),
        ("smile \U0001f600\ufe0f", "smile \U0001f600"),
        ("\u0e44\u0e17\u0e22", "[3 hidden characters]"),
        ("90\u00a0%", "90\u00a0%"),
    ],
)
def test_clean__keeps_what_can_be_shown_and_names_the_rest(value: str, expected: str) -> None:
    assert clean(value) == expected


def test_clean__keeps_two_marks_on_a_letter_and_no_tower() -> None:
    assert clean("e\u0301") == "e\u0301"
    assert (
        clean("e" + "\u0301" * 20_000)
        == "e\u0301\u0301[253 hidden characters][19745 more characters]"
    )


def test_clean__cuts_a_long_token_inside_longer_prose() -> None:
    cleaned = clean("start " + "x" * 600 + " end", limit=1200)
    assert cleaned == "start " + "x" * 248 + "[352 more characters] end"


@pytest.mark.parametrize(
    "value", ["a" * 300, "b c " * 200, "\u202e" * 40, "x\ud83dy", " lead and trail "]
)
def test_clean__applied_twice_changes_nothing_more(value: str) -> None:
    once = clean(value, limit=400)
    assert clean(once, limit=400) == once


def test_breakable__escapes_and_offers_breaks_in_long_words_only() -> None:
    assert str(breakable("<b> ok")) == "&lt;b&gt; ok"
    assert str(breakable("&" * 25)) == "&amp;" * 24 + "<wbr>" + "&amp;"
