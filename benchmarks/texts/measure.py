"""Recall, false hits and confusion of the text features, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.texts.outside import Prompt
from benchmarks.texts.paraphrases import Paraphrase
from stillwatch.keyed import Keyer
from stillwatch.text.features import Featurizer, TextRequest
from stillwatch.text.normal import clip, fold
from stillwatch.text.vocabulary import get_vocabulary


@dataclass
class Share:
    """How many of how many."""

    found: int = 0
    total: int = 0

    def add(self, hit: bool) -> None:
        """Count one more."""
        self.found += hit
        self.total += 1

    def __str__(self) -> str:
        """Return the share in percent with its counts, for a table."""
        if not self.total:
            return ""
        return f"{100 * self.found / self.total:.0f} % ({self.found} of {self.total})"


def find_techniques(text: str) -> frozenset[str]:
    """Return the techniques that the vocabulary finds in a text."""
    return get_vocabulary().read(fold(clip(text))).technique_codes


def measure_recall(asks: Iterable[Paraphrase], key: str) -> dict[str, dict[str, Share]]:
    """Return the recall per technique and value of `key`: `kind`, `language` or `half`."""
    shares: dict[str, dict[str, Share]] = {}
    for ask in asks:
        if ask.kind is not None:
            row = shares.setdefault(ask.technique, {})
            hit = ask.technique in find_techniques(ask.text)
            row.setdefault(getattr(ask, key), Share()).add(hit)
    return shares


def measure_false_hits(look_alikes: Iterable[Paraphrase], key: str) -> dict[str, dict[str, Share]]:
    """Return the share of look-alikes in which any technique is found, per technique and key."""
    shares: dict[str, dict[str, Share]] = {}
    for text in look_alikes:
        if text.kind is None:
            row = shares.setdefault(text.technique, {})
            row.setdefault(getattr(text, key), Share()).add(bool(find_techniques(text.text)))
    return shares


def count_hits(prompts: Iterable[Prompt]) -> dict[str, tuple[Share, Counter[str]]]:
    """Return per source the prompts with any technique, and how often each was found."""
    counts: dict[str, tuple[Share, Counter[str]]] = {}
    for prompt in prompts:
        share, techniques = counts.setdefault(prompt.source, (Share(), Counter()))
        codes = find_techniques(prompt.text)
        share.add(bool(codes))
        techniques.update(codes)
    return counts


def confuse_capabilities(prompts: Iterable[Prompt]) -> dict[str, Counter[str]]:
    """Return how often prompts of each label were given each capability, from text alone."""
    featurizer = Featurizer(Keyer(bytes(32)))
    matrix: dict[str, Counter[str]] = {}
    for prompt in prompts:
        seen = featurizer.describe(TextRequest(prompt.text, None, 0, 0, None))
        matrix.setdefault(prompt.label, Counter())[str(seen.capability_code)] += 1
    return matrix
