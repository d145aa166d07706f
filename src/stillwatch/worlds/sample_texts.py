"""Sample texts for the fast mode: each grammar's texts are written once, and drawn by number.

A family of a grammar has a shelf of texts. Where a grammar lets each account keep words of its
own, the shelf has a row per sampled voice, and an account always draws from one row. Two accounts
can only share what two sampled texts share, so the shelves are as large as the world needs, up to
`TEXTS_PER_GRAMMAR`.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.worlds import places, traces
from stillwatch.worlds.groups import Group
from stillwatch.worlds.model import Content, World
from stillwatch.worlds.population import Account
from stillwatch.worlds.records import LANGUAGES, list_grammars, make_campaign_voice
from stillwatch.worlds.texts import Grammar, Voice, load_grammar

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TEXTS_PER_GRAMMAR = 4_000
_FEWEST_TEXTS = 64
_TEXTS_PER_VOICE = 16
_NEW_WORDING_EACH_TIME = 0  # the value of `variants` that means it

SCHEMA = pa.schema(
    [
        ("text", pa.int32()),
        ("voice", pa.int32()),  # texts of one voice have one number; of no voice in particular, too
        ("is_own", pa.bool_()),  # the voice is one account's, whichever it stands for
        ("system", pa.string()),
        ("prompt", pa.string()),
    ]
)
_SYSTEM = SCHEMA.get_field_index("system")


@dataclass(frozen=True)
class _Kind:
    """What decides which texts a content may show; contents that agree share their shelves."""

    grammar: str
    paraphrase: float
    wording: int
    first: int
    variants: int | None
    campaign: str | None


@dataclass(frozen=True)
class Shelves:
    """The texts of one kind: `size` texts per family and voice, from `start[family]` on."""

    grammar: Grammar
    first: int
    is_by_account: bool
    voices: Ints
    size: Ints
    start: Ints

    def draw(
        self,
        rng: np.random.Generator,
        members: list[Account],
        owner: Ints,
        keep_to: int,
    ) -> Ints:
        """Return the number of a text for each request; `owner` is its account's place."""
        family = self._draw_families(rng, members, owner, keep_to)
        voices, size = self.voices[family], self.size[family]
        if self.is_by_account:
            seeds = np.array([account.voice.seed for account in members], dtype=np.int64)
            voice = seeds[owner] % voices
        else:
            voice = (rng.random(len(owner)) * voices).astype(np.int64)
        text = (rng.random(len(owner)) * size).astype(np.int64)
        return np.asarray(self.start[family] + voice * size + text)

    def _draw_families(
        self, rng: np.random.Generator, members: list[Account], owner: Ints, keep_to: int
    ) -> Ints:
        families = self.grammar.families[: self.first] if self.first else self.grammar.families
        weights = np.array([family.weight for family in families])
        point = rng.random(len(owner))
        if not keep_to or keep_to >= len(families):
            bounds = np.cumsum(weights)
            passed = np.searchsorted(bounds, point * bounds[-1], side="right")
            return np.asarray(np.minimum(passed, len(families) - 1))
        places_of = {family.name: place for place, family in enumerate(families)}
        asking, place = np.unique(owner, return_inverse=True)
        kept = np.array(
            [
                [
                    places_of[family.name]
                    for family in self.grammar.list_families(
                        members[member].voice, keep_to, self.first
                    )
                ]
                for member in asking
            ],
            dtype=np.int64,
        )
        bounds = np.cumsum(weights[kept], axis=1)
        passed = (bounds[place] <= (point * bounds[place, -1])[:, None]).sum(axis=1)
        return np.asarray(kept[place, np.minimum(passed, keep_to - 1)])


class SampleTexts:
    """All shelves of a world, written when the object is made."""

    def __init__(self, world: World, groups: tuple[Group, ...], seed: int) -> None:
        self._seed = seed
        self._rows: list[tuple[object, ...]] = []
        self._voice_count = 0
        self._shelves: dict[_Kind, Shelves] = {}
        for kind, (group, requests, accounts) in _list_needs(world, groups).items():
            self._shelves[kind] = self._fill(kind, group, requests, accounts)
        self._has_system = np.array([row[_SYSTEM] is not None for row in self._rows])

    def get_shelves(self, group: Group, content: Content, grammar: str) -> Shelves:
        """Return the shelves that a content of a group draws from in one of its grammars."""
        return self._shelves[_get_kind(group, content, grammar)]

    @property
    def has_system(self) -> npt.NDArray[np.bool_]:
        """Whether each text comes with a system prompt."""
        return self._has_system

    def make_table(self) -> pa.Table:
        """Return every text with its number, in `SCHEMA`."""
        columns = zip(*self._rows, strict=True)
        arrays = [
            pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)
        ]
        return pa.Table.from_arrays(arrays, schema=SCHEMA)

    def _fill(self, kind: _Kind, group: Group, requests: float, accounts: int) -> Shelves:
        grammar = load_grammar(kind.grammar)
        families = grammar.families[: kind.first] if kind.first else grammar.families
        is_by_account = kind.variants is None and grammar.has_own_words
        wanted = min(max(math.ceil(requests), _FEWEST_TEXTS), TEXTS_PER_GRAMMAR)
        total = sum(family.weight for family in families)
        rnd = random.Random(f"{self._seed}/texts/{kind}")  # noqa: S311
        voices, sizes, starts = [], [], []
        for family in families:
            count = max(_TEXTS_PER_VOICE, math.ceil(wanted * family.weight / total))
            if kind.variants == _NEW_WORDING_EACH_TIME:
                voice_count = count
            elif kind.variants is not None:
                voice_count = kind.variants
            else:
                most = max(1, count // _TEXTS_PER_VOICE)
                voice_count = min(most, accounts) if is_by_account else 1
            size = max(1, count // voice_count)
            voices.append(voice_count)
            sizes.append(size)
            starts.append(len(self._rows))
            for number in range(voice_count):
                if kind.variants:
                    voice = make_campaign_voice(self._seed, group, number)
                else:
                    voice = Voice(rnd.getrandbits(40))
                for _ in range(size):
                    text = family.write(rnd, voice, kind.paraphrase, kind.wording)
                    row = (len(self._rows), self._voice_count, is_by_account)
                    self._rows.append((*row, text.system, text.prompt))
                self._voice_count += 1
        as_ints = (np.array(each, dtype=np.int64) for each in (voices, sizes, starts))
        return Shelves(grammar, kind.first, is_by_account, *as_ints)


def _get_kind(group: Group, content: Content, grammar: str) -> _Kind:
    return _Kind(
        grammar=grammar,
        paraphrase=content.paraphrase,
        wording=content.wording,
        first=content.template_families,
        variants=content.variants,
        campaign=None if content.variants is None else group.family,
    )


def _list_needs(world: World, groups: tuple[Group, ...]) -> dict[_Kind, tuple[Group, float, int]]:
    """Return for each kind of text a group that has it, and about how much it is asked for."""
    requests: dict[_Kind, float] = defaultdict(float)
    accounts: dict[_Kind, int] = defaultdict(int)
    owner: dict[_Kind, Group] = {}
    for group in groups:
        traffic = group.traffic
        sigma = traces.get_rate_sigma() if traffic.sigma is None else traffic.sigma
        rate = min(traffic.per_day * math.exp(sigma**2 / 2), traffic.cap)
        total = sum(content.share for content in group.contents)
        for content in group.all_contents:
            for grammar, part in _list_parts(group, content):
                kind = _get_kind(group, content, grammar)
                share = min(1.0, content.share / total) * part
                requests[kind] += group.accounts * world.days * rate * share
                accounts[kind] += group.accounts
                owner.setdefault(kind, group)
    return {kind: (group, requests[kind], accounts[kind]) for kind, group in owner.items()}


def _list_parts(group: Group, content: Content) -> Iterator[tuple[str, float]]:
    """Yield the grammars of a content with the share of its requests that each gets."""
    grammars = list_grammars(content)
    if len(grammars) == 1 or content.language == "mixed":
        yield from ((grammar, 1.0 / len(grammars)) for grammar in grammars)
        return
    weights: dict[str, float] = defaultdict(float)
    for code, weight in (group.identity.countries or _COUNTRY_WEIGHTS).items():
        weights[places.COUNTRIES[code].language] += weight
    shares = group.identity.languages or weights
    total = sum(shares.values())
    for language, grammar in zip(LANGUAGES, grammars, strict=True):
        if shares.get(language):
            yield grammar, shares[language] / total


_COUNTRY_WEIGHTS = {code: country.weight for code, country in places.COUNTRIES.items()}
