"""FRAUDAR (Hooi et al., KDD 2016): the densest blocks of accounts and shared values.

An edge of an account to a value weighs 1 / log(5 + holders of the value), so that common values,
which camouflage adds, weigh little. Density is total weight over number of nodes; the greedy takes
away the least connected node again and again and keeps the densest state, which has at least half
of the density of the best block. Own implementation after the paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillwatch.evaluation.competitors.protocol import AccountScores, WorldTables

COLUMN_OFFSET = 5  # of the paper


@dataclass(frozen=True)
class Block:
    """A block of accounts (rows) and values (columns), by number, and its density."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    density: float


class PriorityTree:
    """The smallest of many changing numbers: reads and writes take a logarithmic time."""

    def __init__(self, values: Sequence[float]) -> None:
        self._base = 1 << max(0, (len(values) - 1).bit_length())
        self._tree = [math.inf] * (2 * self._base)
        self._tree[self._base : self._base + len(values)] = list(values)
        for node in range(self._base - 1, 0, -1):
            self._tree[node] = min(self._tree[2 * node], self._tree[2 * node + 1])

    def find_smallest(self) -> tuple[int, float]:
        """Return the first place of the smallest number, and the number."""
        node = 1
        while node < self._base:
            node = 2 * node if self._tree[2 * node] <= self._tree[2 * node + 1] else 2 * node + 1
        return node - self._base, self._tree[node]

    def change(self, place: int, value: float) -> None:
        """Write a number."""
        node = place + self._base
        self._tree[node] = value
        node //= 2
        while node:
            smallest = min(self._tree[2 * node], self._tree[2 * node + 1])
            if self._tree[node] == smallest:
                break
            self._tree[node] = smallest
            node //= 2

    def __getitem__(self, place: int) -> float:
        return self._tree[place + self._base]


@dataclass(frozen=True)
class Fraudar:
    """Scores an account by the density of the densest block that it is found in.

    Blocks are found one after the other, each without the edges of those before.
    """

    name: str = "FRAUDAR"
    blocks: int = 5

    def score(self, world: WorldTables) -> AccountScores:
        """Return the density of each account's first block, 0 outside of all."""
        shared = world.shared
        edges = np.unique(np.column_stack([shared.account, shared.value]), axis=0)
        score = np.zeros(len(world.account_keys))
        for block in find_blocks(edges, len(world.account_keys), shared.value_count, self.blocks):
            rows = np.array(block.rows, dtype=np.int64)
            score[rows] = np.maximum(score[rows], block.density)
        return AccountScores.of(self.name, world, score)


def weigh_columns(edges: NDArray[np.int64], column_count: int) -> NDArray[np.float64]:
    """Return the weight of an edge to each column: 1 / log(degree + 5)."""
    degrees = np.bincount(edges[:, 1], minlength=column_count)
    weights: NDArray[np.float64] = 1.0 / np.log(degrees + COLUMN_OFFSET)
    return weights


def find_blocks(
    edges: NDArray[np.int64], row_count: int, column_count: int, most: int
) -> list[Block]:
    """Return up to `most` blocks by order of finding; edges are pairs of row and column, distinct.

    Weights are those of the whole graph: taking out a block makes no column rarer.
    """
    weights = weigh_columns(edges, column_count) if len(edges) else np.zeros(column_count)
    left = edges
    blocks: list[Block] = []
    while len(blocks) < most and len(left):
        block = find_densest_block(left, row_count, column_count, weights)
        blocks.append(block)
        is_row = np.zeros(row_count, dtype=bool)
        is_column = np.zeros(column_count, dtype=bool)
        is_row[list(block.rows)] = True
        is_column[list(block.columns)] = True
        left = left[~(is_row[left[:, 0]] & is_column[left[:, 1]])]
    return blocks


def find_densest_block(
    edges: NDArray[np.int64],
    row_count: int,
    column_count: int,
    weights: NDArray[np.float64],
) -> Block:
    """Return the densest state that the greedy passes through, from all connected nodes down."""
    neighbours: list[list[int]] = [[] for _ in range(row_count + column_count)]
    for row, column in edges.tolist():
        neighbours[row].append(row_count + column)
        neighbours[row_count + column].append(row)
    cost = np.concatenate([np.zeros(row_count), weights]).tolist()
    degrees = [
        math.fsum(cost[max(node, other)] for other in others)
        for node, others in enumerate(neighbours)
    ]
    is_left = [bool(others) for others in neighbours]
    tree = PriorityTree(
        [degree if there else math.inf for degree, there in zip(degrees, is_left, strict=True)]
    )
    count = sum(is_left)
    total = math.fsum(weights[edges[:, 1]].tolist())
    removed: list[int] = []
    best, best_step = (total / count if count else 0.0), 0
    while count > 1:
        node, degree = tree.find_smallest()
        tree.change(node, math.inf)
        is_left[node] = False
        removed.append(node)
        count -= 1
        total -= degree
        for other in neighbours[node]:
            if is_left[other]:
                tree.change(other, max(tree[other] - cost[max(node, other)], 0.0))
        if total / count > best + 1e-12:
            best, best_step = total / count, len(removed)
    gone = set(removed[:best_step])
    kept = [node for node, others in enumerate(neighbours) if others and node not in gone]
    rows = tuple(node for node in kept if node < row_count)
    columns = tuple(node - row_count for node in kept if node >= row_count)
    return Block(rows, columns, measure_density(edges, rows, columns, weights))


def measure_density(
    edges: NDArray[np.int64],
    rows: Sequence[int],
    columns: Sequence[int],
    weights: NDArray[np.float64],
) -> float:
    """Return the weight of the edges inside a block over its number of nodes."""
    inside = np.isin(edges[:, 0], rows) & np.isin(edges[:, 1], columns)
    size = len(rows) + len(columns)
    return math.fsum(weights[edges[inside, 1]].tolist()) / size if size else 0.0
