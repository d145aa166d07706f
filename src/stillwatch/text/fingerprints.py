"""Keyed fingerprints of masked words: exact ones by depth, and MinHash bands for paraphrase.

Two prompts made from one template agree in the prefixes that come before the first part that
varies. Two that were reworded share most of their five-word shingles; with a Jaccard similarity of
0.7 they agree in at least one of the 16 bands with a probability of 0.99, at 0.3 of 0.12.
"""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.canonical import MINHASH_BANDS
from stillwatch.keyed import Keyer

PREFIX_DEPTHS = (8, 16, 32)
SUFFIX_DEPTHS = (6, 12)
SHINGLE_WORDS = 5
MIN_MINHASH_WORDS = 8
ROWS_PER_BAND = 4

_PERMUTATIONS = MINHASH_BANDS * ROWS_PER_BAND
_BATCH_SHINGLES = 2048  # keeps the work array within the processor's cache
_WORD_CACHE = 500_000

Unsigned = npt.NDArray[np.uint64]


class Fingerprints(NamedTuple):
    """Exact fingerprints of one text; None where it has fewer words than the depth."""

    whole: int | None
    prefixes: tuple[int | None, ...]
    suffixes: tuple[int | None, ...]


def take_fingerprints(words: list[str], keyer: Keyer) -> Fingerprints:
    """Return the exact fingerprints of masked words."""
    count = len(words)
    return Fingerprints(
        keyer.fingerprint("prompt", " ".join(words)) if words else None,
        tuple(
            keyer.fingerprint(f"prefix{depth}", " ".join(words[:depth])) if count >= depth else None
            for depth in PREFIX_DEPTHS
        ),
        tuple(
            keyer.fingerprint(f"suffix{depth}", " ".join(words[-depth:]))
            if count >= depth
            else None
            for depth in SUFFIX_DEPTHS
        ),
    )


class _WordHashes(dict[str, int]):
    """Keyed 64-bit hashes of words, made when first asked for."""

    def __init__(self, keyer: Keyer) -> None:
        super().__init__()
        self._keyer = keyer

    def __missing__(self, word: str) -> int:
        if len(self) >= _WORD_CACHE:
            self.clear()
        value = self[word] = self._keyer.fingerprint("word", word) & 0xFFFF_FFFF_FFFF_FFFF
        return value


class MinHasher:
    """Makes the MinHash bands of many texts at once.

    A shingle's hash is a keyed combination of its words' hashes. Each of the 64 permutations is a
    universal hash of it; the smallest values of four of them make a band.
    """

    def __init__(self, keyer: Keyer) -> None:
        self._words = _WordHashes(keyer)
        self._places = _draw(keyer, "place", SHINGLE_WORDS)
        self._multipliers = _draw(keyer, "multiplier", _PERMUTATIONS).astype(np.uint32)[:, None]
        self._offsets = _draw(keyer, "offset", _PERMUTATIONS).astype(np.uint32)[:, None]
        self._rows = _draw(keyer, "row", ROWS_PER_BAND)[None, :, None]

    def make_bands(self, texts: list[list[str]]) -> list[npt.NDArray[np.int64] | None]:
        """Return the bands of each text, or None where it is too short for them."""
        bands: list[npt.NDArray[np.int64] | None] = [None] * len(texts)
        pending: list[int] = []
        shingle_count = 0
        for index, words in enumerate(texts):
            if len(words) < MIN_MINHASH_WORDS:
                continue
            pending.append(index)
            shingle_count += len(words)
            if shingle_count >= _BATCH_SHINGLES:
                self._fill(texts, pending, bands)
                pending, shingle_count = [], 0
        if pending:
            self._fill(texts, pending, bands)
        return bands

    def _fill(
        self,
        texts: list[list[str]],
        indexes: list[int],
        bands: list[npt.NDArray[np.int64] | None],
    ) -> None:
        batch = [texts[index] for index in indexes]
        sizes = np.fromiter(map(len, batch), np.int64, len(batch))
        hashes = np.fromiter(
            map(self._words.__getitem__, chain.from_iterable(batch)), np.uint64, int(sizes.sum())
        )
        shingles = _mix(self._combine_words(hashes))
        # shingles that begin in one text and end in the next are left out
        ends = np.cumsum(sizes)
        within = np.ones(len(hashes), dtype=np.bool_)
        for place in range(1, SHINGLE_WORDS):
            within[ends - place] = False
        counts = sizes - SHINGLE_WORDS + 1
        starts = np.cumsum(counts) - counts
        short = (shingles[within[: len(shingles)]] >> np.uint64(32)).astype(np.uint32)
        values = short[None, :] * self._multipliers
        values += self._offsets
        smallest = np.minimum.reduceat(values, starts, axis=1).astype(np.uint64)
        rows = smallest.reshape(MINHASH_BANDS, ROWS_PER_BAND, len(indexes)) * self._rows
        combined = _mix(rows.sum(axis=1, dtype=np.uint64)).T.copy().view(np.int64)
        for position, index in enumerate(indexes):
            bands[index] = combined[position]

    def _combine_words(self, hashes: Unsigned) -> Unsigned:
        """Return the combined hash of every run of SHINGLE_WORDS words."""
        count = len(hashes) - SHINGLE_WORDS + 1
        total = hashes[:count] * self._places[0]
        for place in range(1, SHINGLE_WORDS):
            total += hashes[place : place + count] * self._places[place]
        combined: Unsigned = total
        return combined


def _draw(keyer: Keyer, name: str, count: int) -> Unsigned:
    """Return odd 64-bit numbers that depend on the key alone."""
    return np.array(
        [(keyer.fingerprint("minhash", f"{name} {n}") & (2**64 - 1)) | 1 for n in range(count)],
        dtype=np.uint64,
    )


def _mix(values: Unsigned) -> Unsigned:
    """Return the values with every input bit spread over all output bits."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Unsigned = values ^ (values >> np.uint64(31))
    return mixed
