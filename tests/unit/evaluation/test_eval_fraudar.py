from __future__ import annotations

from itertools import chain, combinations

import numpy as np
import pytest
from competitor_worlds import NEW, OLD, make_world
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.evaluation.competitors.fraudar import (
    Fraudar,
    PriorityTree,
    find_blocks,
    find_densest_block,
    measure_density,
    weigh_columns,
)

ROWS, COLUMNS = 4, 4

graphs = st.sets(
    st.tuples(st.integers(0, ROWS - 1), st.integers(0, COLUMNS - 1)), min_size=1, max_size=14
)


def subsets(count: int) -> list[tuple[int, ...]]:
    """Return all subsets of the numbers below `count`."""
    return list(chain.from_iterable(combinations(range(count), size) for size in range(count + 1)))


@given(graphs)
@settings(max_examples=30, deadline=None)
def test_densest_block__has_at_least_half_of_the_best_density(pairs: set[tuple[int, int]]) -> None:
    edges = np.array(sorted(pairs))
    weights = weigh_columns(edges, COLUMNS)
    best = max(
        sum(weights[c] for r, c in pairs if r in rows and c in columns) / (len(rows) + len(columns))
        for rows in subsets(ROWS)
        for columns in subsets(COLUMNS)
        if rows or columns
    )
    block = find_densest_block(edges, ROWS, COLUMNS, weights)
    assert block.density >= best / 2 - 1e-12
    assert block.density <= best + 1e-12
    assert block.density == measure_density(edges, block.rows, block.columns, weights)


@given(graphs)
@settings(max_examples=30, deadline=None)
def test_densest_block__is_the_best_state_of_a_plain_greedy(pairs: set[tuple[int, int]]) -> None:
    edges = np.array(sorted(pairs))
    weights = weigh_columns(edges, COLUMNS)
    rows, columns = {r for r, _ in pairs}, {c for _, c in pairs}
    best = 0.0
    while rows or columns:
        best = max(best, measure_density(edges, sorted(rows), sorted(columns), weights))
        degree = {
            (0, r): sum(weights[c] for x, c in pairs if x == r and c in columns) for r in rows
        } | {(1, c): sum(weights[c] for r, x in pairs if x == c and r in rows) for c in columns}
        side, node = min(degree, key=lambda key: (round(degree[key], 9), key))
        (columns if side else rows).discard(node)
    # Equal degrees may be taken in another order, hence a bound and not an equality.
    found = find_densest_block(edges, ROWS, COLUMNS, weights).density
    assert found >= best / 2 - 1e-12
    assert best >= found / 2 - 1e-12


def test_densest_block__finds_the_clique_by_hand() -> None:
    clique = [(row, column) for row in range(5) for column in range(5)]
    noise = [(10 + n, 10 + n) for n in range(30)]
    edges = np.array(clique + noise)
    weights = weigh_columns(edges, 40)
    block = find_densest_block(edges, 40, 40, weights)
    assert block.rows == block.columns == (0, 1, 2, 3, 4)
    assert block.density == pytest.approx(25 / np.log(10) / 10)


def test_densest_block__camouflage_on_popular_values_changes_nothing() -> None:
    clique = [(row, column) for row in range(6) for column in range(6)]
    crowd = [(row, 6 + (row + n) % 3) for row in range(6, 60) for n in range(2)]
    covered = [(row, 6 + column) for row in range(6) for column in range(3)]
    plain = np.array(clique + crowd)
    hidden = np.array(clique + crowd + covered)
    for edges in (plain, hidden):
        block = find_densest_block(edges, 60, 9, weigh_columns(edges, 9))
        assert set(range(6)) <= set(block.rows)
    # The rare columns keep their weight whatever else the ring touches.
    assert weigh_columns(plain, 9)[:6].tolist() == weigh_columns(hidden, 9)[:6].tolist()


def test_blocks__are_found_one_after_the_other() -> None:
    first = [(row, column) for row in range(5) for column in range(5)]
    second = [(10 + row, 10 + column) for row in range(4) for column in range(4)]
    blocks = find_blocks(np.array(first + second), 20, 20, most=9)
    assert [block.rows for block in blocks] == [(0, 1, 2, 3, 4), (10, 11, 12, 13)]
    assert find_blocks(np.empty((0, 2), dtype=np.int64), 20, 20, most=9) == []


@given(st.lists(st.floats(0, 10), min_size=1, max_size=20), st.data())
@settings(max_examples=80, deadline=None)
def test_priority_tree__agrees_with_a_list(values: list[float], data: st.DataObject) -> None:
    tree = PriorityTree(values)
    for _ in range(8):
        assert tree.find_smallest() == (values.index(min(values)), min(values))
        place = data.draw(st.integers(0, len(values) - 1))
        values[place] = data.draw(st.floats(0, 10))
        tree.change(place, values[place])
        assert tree[place] == values[place]


def test_fraudar__scores_the_ring_above_couples() -> None:
    world = make_world()
    scores = np.array(list(Fraudar(blocks=1).score(world.tables).scores.values()))
    assert scores[OLD + NEW :].min() > 0
    assert scores[: OLD + NEW].max() == 0.0
