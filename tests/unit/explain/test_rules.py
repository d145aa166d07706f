"""Odds, probabilities and words as the models have them."""

from __future__ import annotations

import pytest

from stillwatch.explain.rules import read_rules


@pytest.mark.parametrize(
    ("bits", "probability", "term"),
    [
        (0.0, 0.5, "roughly even chance"),
        (1.0, 2 / 3, "likely"),
        (-2.0, 0.2, "unlikely"),
        (500.0, 0.99, "almost certain"),
        (-5000.0, 0.01, "almost no chance"),
    ],
)
def test_rules__odds_become_a_probability_within_bounds_and_its_word(
    bits: float, probability: float, term: str
) -> None:
    rules = read_rules()
    assert rules.get_probability(bits) == pytest.approx(probability)
    assert rules.get_term(rules.get_probability(bits)) == term


def test_rules__a_family_needs_the_fields_of_all_its_signals() -> None:
    rules = read_rules()
    assert rules.list_fields("identity") == (
        "email", "ja4", "payment_instrument", "payment_type", "user_agent",
    )  # fmt: skip
    assert "established_members" not in rules.list_families()
