"""Leiden communities (Traag et al., 2019) of accounts and the identifier values that they share."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillwatch.evaluation.competitors.fraudar import weigh_columns
from stillwatch.evaluation.competitors.protocol import (
    AccountScores,
    SharedValues,
    WorldTables,
    load_extra,
)

SMALLEST_COMMUNITY = 3


@dataclass(frozen=True)
class Leiden:
    """Scores an account by how much its community shares, values being rare.

    The graph joins accounts to values, not to each other: a value of n holders would make n²/2
    edges. Edges weigh 1 / log(5 + holders).
    """

    name: str = "Leiden communities"
    resolution: float = 1.0
    seed: int = 0

    def score(self, world: WorldTables) -> AccountScores:
        """Return each account's community score."""
        communities = self.find_communities(world.shared, len(world.account_keys))
        score = score_communities(world.shared, communities[: len(world.account_keys)])
        return AccountScores.of(self.name, world, score)

    def find_communities(self, shared: SharedValues, account_count: int) -> NDArray[np.int64]:
        """Return the community of every account, then of every value."""
        igraph, leidenalg = load_extra("igraph"), load_extra("leidenalg")
        edges = np.column_stack([shared.account, shared.value])
        weights = weigh_columns(edges, shared.value_count)[shared.value]
        graph = igraph.Graph(
            n=account_count + shared.value_count,
            edges=np.column_stack([shared.account, shared.value + account_count]).tolist(),
        )
        if not len(edges):
            return np.arange(account_count, dtype=np.int64)
        partition = leidenalg.find_partition(
            graph,
            leidenalg.RBConfigurationVertexPartition,
            weights=weights.tolist(),
            resolution_parameter=self.resolution,
            seed=self.seed,
        )
        return np.array(partition.membership, dtype=np.int64)


def score_communities(shared: SharedValues, of_account: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return, per account, what its community shares: weight per member times log2 of its size.

    Only values that two members hold count. Communities of fewer than three accounts score 0.
    """
    edges = np.column_stack([shared.account, shared.value])
    if not len(edges):
        return np.zeros(len(of_account))
    weights = weigh_columns(edges, shared.value_count)
    inside = Counter(zip(of_account[shared.account].tolist(), shared.value.tolist(), strict=True))
    total: dict[int, float] = {}
    for (community, value), holders in inside.items():
        if holders >= 2:
            total[community] = total.get(community, 0.0) + holders * float(weights[value])
    sizes = Counter(of_account.tolist())
    score = {
        community: total.get(community, 0.0) / size * math.log2(size)
        for community, size in sizes.items()
        if size >= SMALLEST_COMMUNITY
    }
    return np.array([score.get(community, 0.0) for community in of_account.tolist()])
