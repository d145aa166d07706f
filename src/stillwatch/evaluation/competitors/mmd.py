"""Tests windows of queries against benign ones by maximum mean discrepancy, after arXiv 2606.05725.

Queries become vectors, a window becomes their mean, and the squared distance of two means (without
the terms of a vector with itself) is the statistic. Null and test use the same statistic against
the same reference. The paper embeds with a neural model; here hashed features stand in for it. The
kernel has an explicit map (linear, or Gaussian by random Fourier features), so that a window costs
its queries and not their pairs. Linear is the default: it found more on public prompts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from stillwatch.errors import InputError
from stillwatch.evaluation.competitors.protocol import (
    AccountScores,
    ExchangeTokens,
    WorldTables,
)

_WORD = re.compile(r"\w+")

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class FeatureMap:
    """Turns hashed features into vectors: signed buckets of unit length, then the kernel's map.

    `bandwidth` is the Gaussian kernel's, for vectors of unit length (distances lie in 0 to 2, so
    0.7 is a middling one); without it the kernel is linear.
    """

    buckets: int = 512
    components: int = 1024
    bandwidth: float | None = None
    seed: int = 0

    def transform(self, starts: NDArray[np.int64], hashes: NDArray[np.uint64]) -> Vectors:
        """Return a vector per row; row n holds `hashes[starts[n]:starts[n + 1]]`."""
        rows = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        columns = (hashes % np.uint64(self.buckets)).astype(np.int64)
        signs = np.where((hashes >> np.uint64(63)).astype(bool), 1.0, -1.0).astype(np.float32)
        matrix = sparse.csr_matrix(
            (signs, (rows, columns)), shape=(len(starts) - 1, self.buckets), dtype=np.float32
        )
        length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
        matrix = sparse.diags(1.0 / np.maximum(length, 1e-6)) @ matrix
        if self.bandwidth is None:
            return np.asarray(matrix.toarray(), dtype=np.float32)
        directions = _draw_directions(self.buckets, self.components // 2, self.seed)
        angles = matrix @ (directions / np.float32(self.bandwidth))
        waves = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
        return np.asarray(waves * np.sqrt(2 / self.components), dtype=np.float32)


@lru_cache(maxsize=4)
def _draw_directions(buckets: int, count: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((buckets, count), dtype=np.float32)


@dataclass(frozen=True)
class Window:
    """A window of vectors, as much of it as the statistic needs."""

    total: NDArray[np.float64]
    squares: float
    count: int

    @classmethod
    def of(cls, vectors: Vectors) -> Window:
        """Return the window of these vectors."""
        total = vectors.sum(axis=0, dtype=np.float64)
        return cls(total, float(np.square(vectors, dtype=np.float64).sum()), len(vectors))

    def get_self_similarity(self) -> float:
        """Return the mean kernel value of two different vectors of the window."""
        return (float(self.total @ self.total) - self.squares) / (self.count * (self.count - 1))


def get_mmd(one: Window, other: Window) -> float:
    """Return the unbiased estimate of the squared discrepancy; it may fall below zero."""
    if one.count < 2 or other.count < 2:
        raise InputError(f"windows of {one.count} and {other.count} queries: two each are needed")
    between = float(one.total @ other.total) / (one.count * other.count)
    return one.get_self_similarity() + other.get_self_similarity() - 2 * between


@dataclass(frozen=True)
class WindowTest:
    """A reference and, per window size, the sorted statistics of benign windows against it."""

    reference: Window
    null: dict[int, NDArray[np.float64]]

    @classmethod
    def calibrate(
        cls, benign: Vectors, sizes: Sequence[int], windows: int = 400, seed: int = 0
    ) -> WindowTest:
        """Return a test from benign queries: half are the reference, the others make the null.

        Windows are drawn without repetition within one window.
        """
        dice = np.random.default_rng(seed)
        order = dice.permutation(len(benign))
        half = len(benign) // 2
        reference, pool = Window.of(benign[order[:half]]), benign[order[half:]]
        pool64 = pool.astype(np.float64)
        squares = np.einsum("ij,ij->i", pool64, pool64)
        null = {}
        for size in sizes:
            if not 2 <= size <= len(pool):
                raise InputError(
                    f"windows of {size} queries cannot be drawn from {len(pool)} benign ones"
                )
            drawn = [dice.choice(len(pool), size, replace=False) for _ in range(windows)]
            picks = sparse.csr_matrix(
                (
                    np.ones(size * windows),
                    np.concatenate(drawn),
                    np.arange(0, size * windows + 1, size),
                ),
                shape=(windows, len(pool)),
            )
            sums = zip(picks @ pool64, picks @ squares, strict=True)
            null[size] = np.sort(
                [get_mmd(Window(total, float(own), size), reference) for total, own in sums]
            )
        return cls(reference, null)

    def get_threshold(self, size: int, quantile: float) -> float:
        """Return the quantile of the null of windows of this size."""
        return float(np.quantile(self.null[size], quantile, method="higher"))

    def standardise(self, window: Window, size: int) -> float:
        """Return how many standard deviations of the null the window lies above its mean."""
        null = self.null[size]
        return float((get_mmd(window, self.reference) - null.mean()) / max(null.std(), 1e-12))


@dataclass(frozen=True)
class MmdWindows:
    """Scores an account by the discrepancy of its newest queries from those of old accounts.

    A window is compared with the null of the largest size that it fills. Accounts with fewer than
    the smallest size cannot be tested: they rank last, which is the method's blind spot.
    """

    name: str = "MMD windows"
    sizes: tuple[int, ...] = (10, 30, 100, 300, 1000, 1500)
    features: FeatureMap = FeatureMap()
    reference_queries: int = 20_000
    seed: int = 0

    def score(self, world: WorldTables) -> AccountScores:
        """Return the standardised statistic of every account with enough queries."""
        tokens = world.exchanges
        is_reference = world.is_established[tokens.account]
        dice = np.random.default_rng(self.seed)
        rows = np.flatnonzero(is_reference)
        rows = np.sort(dice.permutation(rows)[: self.reference_queries])
        sizes = [size for size in self.sizes if size <= len(rows) // 2]
        score = np.full(len(world.account_keys), -np.inf)
        if not sizes:
            return AccountScores.of(self.name, world, score)
        test = WindowTest.calibrate(self._transform(tokens, rows), sizes, seed=self.seed)
        bounds = np.searchsorted(tokens.account, np.arange(len(score) + 1))
        for account in range(len(score)):
            first, last = int(bounds[account]), int(bounds[account + 1])
            size = max((size for size in sizes if size <= last - first), default=None)
            if size is not None:
                newest = self._transform(tokens, np.arange(last - size, last))
                score[account] = test.standardise(Window.of(newest), size)
        return AccountScores.of(self.name, world, score)

    def _transform(self, tokens: ExchangeTokens, rows: NDArray[np.int64]) -> Vectors:
        lengths = np.diff(tokens.starts)[rows]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        offsets = np.repeat(tokens.starts[rows] - starts[:-1], lengths)
        return self.features.transform(starts, tokens.hashes[np.arange(starts[-1]) + offsets])


def hash_texts(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return the words and pairs of neighbouring words of each text, hashed, and where rows start.

    For texts outside of the warehouse, which holds none: fingerprints take their place there.
    """
    starts, hashes = [0], []
    for text in texts:
        words = [word.lower() for word in _WORD.findall(text)]
        hashes += [_hash(word) for word in words]
        hashes += [_hash(f"{a} {b}") for a, b in pairwise(words)]
        starts.append(len(hashes))
    return np.array(starts, dtype=np.int64), np.array(hashes, dtype=np.uint64)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
