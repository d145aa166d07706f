"""Every fuzz target for a moment; `python -m tests.fuzz` runs them for longer."""

from __future__ import annotations

import random

import pytest

from .__main__ import fuzz
from .mutations import mutate
from .registry import load_targets

TARGETS = load_targets()


@pytest.mark.parametrize("name", TARGETS)
def test_fuzz__finds_nothing_in_a_moment(name: str) -> None:
    counts = fuzz(TARGETS[name], seed=1, seconds=20, most_runs=150)
    assert counts["runs"] > 0
    assert counts["rows"] or counts["records"] or counts["whole"]


def test_mutate__gives_the_same_inputs_again() -> None:
    seeds = [b'{"a":[1,{"b":"c"}]}\n']
    one, other = (
        [mutate(chance, seeds, is_json=True) for _ in range(50)]
        for chance in (random.Random(3), random.Random(3))
    )
    assert one == other
    assert len(set(one)) > 30
