from __future__ import annotations

from datetime import date

import pytest

from stillwatch.reporting.codenames import codename
from stillwatch.reporting.wording import (
    LIKELIHOOD_BANDS,
    find_wording_faults,
    join_words,
    write_count,
    write_period,
    write_value,
)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "count", "0"),
        (1234567, "count", "1,234,567"),
        (-12, "change", "−12"),
        (12, "change", "+12"),
        (0, "change", "0"),
        (0.0004, "ratio", "<\u00a00.1\u00a0%"),
        (0.0, "ratio", "0.0\u00a0%"),
        (0.5, "ratio", "50.0\u00a0%"),
        (0.99999, "probability", ">\u00a099.9\u00a0%"),
        (2.0, "days", "2"),
        (2.26, "days", "2.3"),
        (-3.2, "log10", "−3.20"),
        (1_500_000, "bytes", "1.5\u00a0MB"),
        (None, "ratio", "Unknown"),
    ],
)
def test_write_value__prints_each_unit_its_own_way(
    value: float | None, unit: str, text: str
) -> None:
    assert write_value(value, unit) == text


def test_write_value__refuses_a_unit_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="furlongs"):
        write_value(1, "furlongs")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("It is very likely, with low confidence.", "likelihood and confidence"),
        ("This proves it.", "asserts guilt"),
        ("The accounts stole it.", "asserts guilt"),
        ("It is a confirmed campaign.", "confirmed without a decision"),
    ],
)
def test_find_wording_faults__names_the_rule(text: str, fault: str) -> None:
    assert any(found.startswith(fault) or fault in found for found in find_wording_faults(text))


def test_find_wording_faults__accepts_two_sentences_and_a_decided_campaign() -> None:
    assert find_wording_faults("It is very likely. Confidence is low: few families.") == []
    assert find_wording_faults("A confirmed campaign.", is_confirmed=True) == []


def test_likelihood_bands__are_the_seven_terms_in_order() -> None:
    assert [term for term, _ in LIKELIHOOD_BANDS][::3] == [
        "almost no chance",
        "roughly even chance",
        "almost certain",
    ]
    assert len(LIKELIHOOD_BANDS) == 7


@pytest.mark.parametrize(
    ("first", "until", "text"),
    [
        (date(2024, 2, 29), date(2024, 3, 1), "29 February 2024, UTC"),
        (date(2026, 10, 28), date(2026, 11, 4), "28 October to 3 November 2026, UTC"),
        (date(2026, 12, 28), date(2027, 1, 4), "28 December 2026 to 3 January 2027, UTC"),
    ],
)
def test_write_period__names_the_last_included_day(first: date, until: date, text: str) -> None:
    assert write_period(first, until) == text


def test_codename__follows_from_the_id_alone() -> None:
    assert codename("SW-0041") == "Woven Ridge"
    assert len({codename(f"campaign-{n}") for n in range(300)}) > 280


def test_words__small_numbers_and_lists() -> None:
    assert write_count(0) == "no"
    assert write_count(11) == "11"
    assert join_words(["a"]) == "a"
    assert join_words([]) == ""
