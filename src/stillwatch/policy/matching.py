"""Finds a name on the screening lists, and says why it was found.

Candidates share a rare word with the name, up to one typing error (blocking by deletions, so that
no list is walked through). Each is scored by its words: how much of the information in both names
agrees. The score orders work for a person; it is not the probability of being the same party.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rapidfuzz.distance import OSA

from stillwatch.policy.names import Name, normalise

# Measured on the Entity List of 2026-07 (3,407 parties, 8,600 names) with seeded typing errors,
# word order, legal forms and spacing; 2026-11. See tests/unit/policy/test_screening_quality.py.
SIMILAR_WORD_MINIMUM = 0.75  # one error in four letters; below it two words have nothing in common
_TYPO_WORD_LENGTH = 4  # a shorter word must agree letter by letter
_COMMON_WORD_RATIO = 0.01  # a word in more names than this finds too many candidates
_SPACING_MINIMUM = 0.92  # of names written without spaces
_SPACING_LENGTH = 8
_SMALLEST_WEIGHT = 0.1
_DISTINCT_LENGTH = 6  # letters of a name that may stand for one party
_DISTINCT_WEIGHT = 0.8


class Grade(StrEnum):
    """How a name agrees: in all its words, or nearly."""

    EXACT = "exact"
    NEAR = "near"


class Origin(StrEnum):
    """Which name of a listed party agreed."""

    NAME = "name"
    ALIAS = "alias"
    WEAK_ALIAS = "weak alias"


@dataclass(frozen=True)
class Party:
    """One listed party, as far as matching is concerned."""

    party_key: str
    party_type: str
    name: str
    aliases: tuple[str, ...] = ()
    weak_aliases: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()

    def list_names(self) -> Iterator[tuple[Origin, str]]:
        """Yield every name of the party with its origin."""
        yield Origin.NAME, self.name
        for text in self.aliases:
            yield Origin.ALIAS, text
        for text in self.weak_aliases:
            yield Origin.WEAK_ALIAS, text


@dataclass(frozen=True)
class Match:
    """One listed party whose name agrees with the name that was asked for, and why."""

    party: Party
    asked_name: str
    listed_name: str
    origin: Origin
    grade: Grade
    score: float
    is_distinctive: bool
    words_agree: tuple[str, ...]
    words_similar: tuple[tuple[str, str], ...]
    words_only_asked: tuple[str, ...]
    words_only_listed: tuple[str, ...]


@dataclass(frozen=True)
class _Entry:
    party: int
    origin: Origin
    name: Name
    weight: float


class NameIndex:
    """All names of some listed parties, ready to be asked."""

    def __init__(self, parties: Iterable[Party]) -> None:
        self._parties = tuple(sorted(parties, key=lambda party: party.party_key))
        names = [
            (number, origin, normalise(text))
            for number, party in enumerate(self._parties)
            for origin, text in party.list_names()
        ]
        self._frequency = Counter(word for _, _, name in names for word in set(name.words))
        self._name_count = max(len(names), 2)
        self._entries = [
            _Entry(number, origin, name, self._weigh(name.words)) for number, origin, name in names
        ]
        self._by_word: dict[str, list[int]] = defaultdict(list)
        self._by_compact: dict[str, list[int]] = defaultdict(list)
        for number, entry in enumerate(self._entries):
            for word in set(entry.name.words):
                self._by_word[word].append(number)
            for key in _list_compact_keys(entry.name):
                self._by_compact[key].append(number)
        self._by_deletion: dict[str, list[str]] = defaultdict(list)
        for word in sorted(self._by_word):
            for key in _delete_one(word):
                self._by_deletion[key].append(word)

    def find(self, text: str, minimum: float) -> list[Match]:
        """Return the best match with each party that scores `minimum` or more, the best first."""
        asked = normalise(text)
        weight = self._weigh(asked.words)
        best: dict[int, Match] = {}
        for number in sorted(self._list_candidates(asked)):
            entry = self._entries[number]
            match = self._compare(asked, weight, entry)
            if match.score < minimum:
                continue
            held = best.get(entry.party)
            if held is None or _rank(match) < _rank(held):
                best[entry.party] = match
        return sorted(best.values(), key=_rank)

    def _get_weight(self, word: str) -> float:
        """Return what a word tells, 1 for a word of one name or none, near 0 for a common one."""
        frequency = max(self._frequency[word], 1)
        told = math.log(self._name_count / frequency) / math.log(self._name_count)
        return max(_SMALLEST_WEIGHT, told)

    def _weigh(self, words: Sequence[str]) -> float:
        return sum(self._get_weight(word) for word in words)

    def _list_candidates(self, asked: Name) -> set[int]:
        limit = max(self._name_count * _COMMON_WORD_RATIO, 20)
        known = sorted(
            {found for word in asked.words for found in self._find_words(word)},
            key=lambda word: (self._frequency[word], word),
        )
        rare = [word for word in known if self._frequency[word] <= limit] or known[:2]
        found = {number for word in rare for number in self._by_word[word]}
        for key in _list_compact_keys(asked):
            found.update(self._by_compact.get(key, ()))
        return found

    def _find_words(self, word: str) -> Iterator[str]:
        """Yield the words of the index that are `word` or one typing error away from it."""
        if word in self._by_word:
            yield word
        for key in _delete_one(word):
            for other in self._by_deletion.get(key, ()):
                if _compare_words(word, other) > 0:
                    yield other

    def _compare(self, asked: Name, asked_weight: float, entry: _Entry) -> Match:
        same, similar, only_asked, only_listed = _align(asked.words, entry.name.words)
        agreed = sum(2 * self._get_weight(word) for word in same) + sum(
            likeness * (self._get_weight(one) + self._get_weight(other))
            for one, other, likeness in similar
        )
        score = agreed / (asked_weight + entry.weight)
        is_exact = asked.key == entry.name.key or asked.compact == entry.name.compact
        if is_exact:
            score = 1.0
        elif _get_digits(asked) == _get_digits(entry.name):
            longest = max(len(asked.compact), len(entry.name.compact))
            likeness = OSA.normalized_similarity(asked.compact, entry.name.compact)
            if longest >= _SPACING_LENGTH and likeness >= _SPACING_MINIMUM:
                score = max(score, likeness)
        return Match(
            party=self._parties[entry.party],
            asked_name=asked.text,
            listed_name=entry.name.text,
            origin=entry.origin,
            grade=Grade.EXACT if is_exact else Grade.NEAR,
            score=round(min(score, 1.0), 4),
            is_distinctive=len(entry.name.compact) >= _DISTINCT_LENGTH
            and entry.weight >= _DISTINCT_WEIGHT,
            words_agree=tuple(same),
            words_similar=tuple((one, other) for one, other, _ in similar),
            words_only_asked=tuple(only_asked),
            words_only_listed=tuple(only_listed),
        )


def _rank(match: Match) -> tuple[float, int, str, str]:
    """Return the sort key: the higher score, then the stronger kind of name, then the names."""
    origin = list(Origin).index(match.origin)
    return (-match.score, origin, match.party.party_key, match.listed_name)


def _align(
    asked: Sequence[str], listed: Sequence[str]
) -> tuple[list[str], list[tuple[str, str, float]], list[str], list[str]]:
    """Pair the words of two names, equal ones first, then the most alike; return what is left."""
    left, right = Counter(asked), Counter(listed)
    same = sorted((left & right).elements())
    rest_asked, rest_listed = sorted((left - right).elements()), sorted((right - left).elements())
    pairs = sorted(
        (-likeness, one, other)
        for one in set(rest_asked)
        for other in set(rest_listed)
        if (likeness := _compare_words(one, other)) > 0
    )
    similar = []
    for likeness, one, other in pairs:
        if one in rest_asked and other in rest_listed:
            rest_asked.remove(one)
            rest_listed.remove(other)
            similar.append((one, other, -likeness))
    return same, similar, rest_asked, rest_listed


def _compare_words(one: str, other: str) -> float:
    """Return how alike two words are, 0 if they are different words.

    Digits must agree: institute 13 is not institute 14.

    >>> _compare_words("quillstone", "quilstone"), _compare_words("13th", "14th")
    (0.9, 0.0)
    """
    if min(len(one), len(other)) < _TYPO_WORD_LENGTH:
        return 0.0
    if any(letter.isdigit() for letter in one + other):
        return 0.0
    return OSA.normalized_similarity(one, other, score_cutoff=SIMILAR_WORD_MINIMUM)


def _delete_one(word: str) -> set[str]:
    """Return the word and all that is left of it without one letter; short words only as they are.

    Two words one error apart (a letter changed, left out, added or swapped) share one of these.
    """
    if len(word) < _TYPO_WORD_LENGTH:
        return {word}
    return {word} | {word[:place] + word[place + 1 :] for place in range(len(word))}


def _list_compact_keys(name: Name) -> set[str]:
    """Return the beginning and the end of the name without spaces, where they tell something."""
    text = name.compact
    return {f"^{text[:7]}", f"{text[-7:]}$"} if len(text) >= _SPACING_LENGTH else {text}


def _get_digits(name: Name) -> tuple[str, ...]:
    return tuple(sorted(word for word in name.words if any(letter.isdigit() for letter in word)))
