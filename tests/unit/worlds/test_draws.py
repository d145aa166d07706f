from __future__ import annotations

import numpy as np

from stillwatch.worlds.draws import draw_key, draw_place


def test_draw_place__gives_what_the_generator_chooses_and_leaves_it_in_the_same_state() -> None:
    weights = (0.2, 3.0, 0.0, 1.1)
    one, other = np.random.default_rng(8), np.random.default_rng(8)
    shares = np.array(weights) / sum(weights)
    drawn = [draw_place(one, weights) for _ in range(300)]
    assert drawn == [int(other.choice(4, p=shares)) for _ in range(300)]
    assert set(drawn) == {0, 1, 3}
    assert one.random() == other.random()


def test_draw_key__names_the_weight() -> None:
    assert draw_key(np.random.default_rng(1), {"never": 0.0, "always": 2.0}) == "always"
