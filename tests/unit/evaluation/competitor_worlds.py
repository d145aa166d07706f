"""A hand-made world for the competitors: no pipeline, no truth inside."""

from __future__ import annotations

from datetime import date

import numpy as np

from stillwatch.evaluation.competitors.protocol import (
    ExchangeTokens,
    LabelledWorld,
    SharedValues,
    WorldTables,
)
from stillwatch.evaluation.competitors.world_tables import WORLD_FEATURES
from stillwatch.evaluation.tables import TrueAccount

OLD, NEW, RING = 60, 20, 12  # established, new and honest, attackers


def make_world(name: str = "toy", seed: int = 0) -> LabelledWorld:
    """Return a world where attackers share payment, client and template, in two campaigns."""
    dice = np.random.default_rng(seed)
    count = OLD + NEW + RING
    features = dice.normal(1.0, 0.3, size=(count, len(WORLD_FEATURES)))
    is_ring = np.arange(count) >= OLD + NEW
    for feature in ("technique_reasoning_elicitation_ratio", "log_busiest_day_exchanges"):
        features[is_ring, WORLD_FEATURES.index(feature)] += 3.0
    features[0, 0] = np.nan
    edges = {(n, n // 2) for n in range(OLD + NEW)}  # couples share a card
    edges |= {(int(n), 1000 + v) for n in np.flatnonzero(is_ring) for v in range(4)}
    values = sorted({value for _, value in edges})
    tokens = [
        [7, 8, 9] if ring and n % 2 else [100 + int(dice.integers(50)), 200 + n % 10]
        for ring in is_ring
        for n in range(40)
    ]
    keys = tuple(f"{name}-{n:03d}" for n in range(count))
    tables = WorldTables(
        world=name,
        as_of_date=date(2026, 11, 12),
        account_keys=keys,
        feature_names=WORLD_FEATURES,
        features=features,
        tenure_days=np.array([400.0] * OLD + [10.0] * (NEW + RING)),
        attributes={
            "ja4": np.array([""] + ["common"] * (OLD + NEW - 1) + ["rare"] * RING),
            "country": np.array(["US"] * OLD + ["SG"] * NEW + ["US"] * RING),
        },
        shared=SharedValues(
            account=np.array([account for account, _ in sorted(edges)]),
            value=np.array([values.index(value) for _, value in sorted(edges)]),
            value_types=tuple("payment" for _ in values),
        ),
        exchanges=ExchangeTokens(
            account=np.repeat(np.arange(count), 40),
            starts=np.cumsum([0] + [len(row) for row in tokens]),
            hashes=np.array([_spread(n) for row in tokens for n in row], dtype=np.uint64),
        ),
    )
    truth = tuple(
        TrueAccount(
            key,
            "ring" if ring else ("old" if n < OLD else "new"),
            ("left" if n % 2 else "right") if ring else None,
            name,
        )
        for n, (key, ring) in enumerate(zip(keys, is_ring, strict=True))
    )
    return LabelledWorld(tables, truth)


def _spread(number: int) -> int:
    return number * 0x9E3779B97F4A7C15 % 2**64
