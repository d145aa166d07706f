"""Request texts from small grammars, in the YAML files of `grammars/`.

A grammar has families of requests (each with its capability and, for some, its technique) and
slots; every line of a block is one option. In a text, `{slot}` draws an option anew, `{@slot}`
keeps the account's own choice, and `[[a|b|c]]` is a paraphrase: the wording of the content's own
number (`wording`, from 0, round and round), or with the probability of its `paraphrase` any of
them. A few slots are built in: numbers, names of things that do not exist, hexadecimal digits.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import yaml

from stillwatch.errors import ConfigError

_PIECE = re.compile(r"(\{@?\w+\}|\[\[.*?\]\])", re.DOTALL)
_SYLLABLES = re.findall(
    r"\w+", "ba da fen gor hal ji kel lum mor nar or pel qui ras sol tam ur vek wen xi yo zan"
)
_FAMILY_KEYS = {"name", "capability", "technique", "weight", "system", "prompts"}
_GRAMMAR_KEYS = {"about", "families", "slots", "uses"}


@dataclass(frozen=True)
class Text:
    """A written request and what it is about."""

    system: str | None
    prompt: str
    capability: str
    technique: str | None


@dataclass
class Voice:
    """One account's habits of writing: its picks, and the families it keeps to.

    Both are worked out when they are first needed and depend on the seed and their key alone, so
    it does not matter which day or process needs them first.
    """

    seed: int
    picks: dict[tuple[str, float, int], str] = field(default_factory=dict)
    families: dict[tuple[str, int, int], tuple[int, ...]] = field(default_factory=dict)


class _Draw:
    """What one text is drawn with; `random` is the method of `rnd`, looked up once."""

    __slots__ = ("paraphrase", "random", "rnd", "voice", "wording")

    def __init__(self, rnd: random.Random, voice: Voice, paraphrase: float, wording: int) -> None:
        self.rnd, self.voice, self.paraphrase, self.wording = rnd, voice, paraphrase, wording
        self.random = rnd.random


# A compiled line: its text where it is always the same, else what draws it.
_Line = str | Callable[[_Draw], str]


@dataclass(frozen=True)
class Family:
    """Requests of one kind, ready to be drawn."""

    name: str
    capability: str
    technique: str | None
    weight: float
    system: tuple[_Line, ...]
    prompts: tuple[_Line, ...]

    def write(
        self, rnd: random.Random, voice: Voice, paraphrase: float = 1.0, wording: int = 0
    ) -> Text:
        """Return a new request of this family in an account's voice."""
        draw = _Draw(rnd, voice, paraphrase, wording)
        system = _render(self.system, draw) if self.system else None
        prompt = _render(self.prompts, draw)
        return Text(system, prompt, self.capability, self.technique)


@dataclass(frozen=True)
class Grammar:
    """All families of one grammar file; `has_own_words` where an account keeps picks of its own."""

    name: str
    families: tuple[Family, ...]
    has_own_words: bool = False

    def write(
        self,
        rnd: random.Random,
        voice: Voice,
        paraphrase: float = 1.0,
        keep_to: int = 0,
        first: int = 0,
        wording: int = 0,
    ) -> Text:
        """Return a new request in an account's voice.

        `keep_to` limits the account to that many families of its own choice, `first` everybody to
        the first so many of the grammar.
        """
        families = self.list_families(voice, keep_to, first)
        return _choose(rnd, families).write(rnd, voice, paraphrase, wording)

    def list_families(self, voice: Voice, keep_to: int = 0, first: int = 0) -> tuple[Family, ...]:
        """Return the families that an account draws from; see `write`."""
        families = self.families[:first] if first else self.families
        if keep_to and keep_to < len(families):
            key = self.name, len(families), keep_to
            chosen = voice.families.get(key)
            if chosen is None:
                taste = random.Random(f"{voice.seed}/{self.name}")  # noqa: S311
                chosen = tuple(_draw_distinct(taste, [each.weight for each in families], keep_to))
                voice.families[key] = chosen
            return tuple(families[index] for index in chosen)
        return families


def _choose(rnd: random.Random, families: tuple[Family, ...]) -> Family:
    total = 0.0
    for family in families:
        total += family.weight
    point = rnd.random() * total
    for family in families:
        point -= family.weight
        if point < 0:
            return family
    return families[-1]


@cache
def load_grammar(name: str) -> Grammar:
    """Return a grammar that ships with the package, compiled."""
    raw = _read(name)
    slots: dict[str, Any] = {}
    for shared in raw.get("uses", []):
        slots |= _read(shared).get("slots", {})
    slots |= raw.get("slots", {})
    compiler = _Compiler(name, slots)
    families = tuple(_compile_family(name, compiler, each) for each in raw.get("families", []))
    if not families:
        raise ConfigError(f"grammar {name!r} has no families")
    return Grammar(name, families, compiler.has_own_words)


def _read(name: str) -> dict[str, Any]:
    file = resources.files("stillwatch.worlds").joinpath("grammars", f"{name}.yml")
    if not file.is_file():
        raise ConfigError(f"no grammar {name!r}: add src/stillwatch/worlds/grammars/{name}.yml")
    raw = yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader)
    unknown = sorted(set(raw) - _GRAMMAR_KEYS)
    if unknown:
        raise ConfigError(f"grammar {name!r} has unknown keys: {', '.join(unknown)}")
    return dict(raw)


def _compile_family(name: str, compiler: _Compiler, raw: dict[str, Any]) -> Family:
    unknown = sorted(set(raw) - _FAMILY_KEYS)
    if unknown:
        raise ConfigError(f"grammar {name!r}, family {raw.get('name')!r}: unknown keys {unknown}")
    return Family(
        name=raw["name"],
        capability=raw["capability"],
        technique=raw.get("technique"),
        weight=float(raw.get("weight", 1.0)),
        system=tuple(compiler.compile(line) for line in _split(raw.get("system", ""))),
        prompts=tuple(compiler.compile(line) for line in _split(raw["prompts"])),
    )


class _Compiler:
    def __init__(self, grammar: str, slots: dict[str, str]) -> None:
        self._grammar = grammar
        self._slots = slots
        self._compiled: dict[str, list[_Line]] = {}
        self.has_own_words = False

    def compile(self, text: str) -> _Line:
        nodes: list[_Line] = []
        for piece in _PIECE.split(text):
            if piece.startswith("[["):
                nodes.append(_alternatives([self.compile(each) for each in piece[2:-2].split("|")]))
            elif piece.startswith("{") and piece.endswith("}"):
                nodes.append(self._compile_slot(piece[1:-1]))
            elif piece:
                nodes.append(piece)
        return _join(nodes)

    def _compile_slot(self, word: str) -> _Line:
        own, name = word.startswith("@"), word.removeprefix("@")
        self.has_own_words |= own
        if name in _BUILT_IN:
            return _own(name, _BUILT_IN[name], self._grammar) if own else _BUILT_IN[name]
        if name not in self._slots:
            raise ConfigError(f"grammar {self._grammar!r} uses the slot {{{word}}}, which it lacks")
        if name not in self._compiled:
            self._compiled[name] = []  # known before its options: slots may name each other
            self._compiled[name] += [self.compile(line) for line in _split(self._slots[name])]
        node = _options(self._compiled[name])
        return _own(name, node, self._grammar) if own else node


def _join(nodes: list[_Line]) -> _Line:
    if len(nodes) == 1:
        return nodes[0]
    if not nodes:
        return ""
    return lambda draw: "".join([node if isinstance(node, str) else node(draw) for node in nodes])


def _options(lines: Sequence[_Line]) -> Callable[[_Draw], str]:
    return lambda draw: _render(lines, draw)


def _alternatives(lines: list[_Line]) -> Callable[[_Draw], str]:
    count = len(lines)

    def choose(draw: _Draw) -> str:
        anew = draw.paraphrase and draw.random() < draw.paraphrase
        if anew:
            return _render(lines, draw)
        line = lines[draw.wording % count]
        return line if isinstance(line, str) else line(draw)

    return choose


def _own(name: str, node: Callable[[_Draw], str], grammar: str) -> Callable[[_Draw], str]:
    key = f"{grammar}/{name}"

    def keep(draw: _Draw) -> str:
        kept = draw.voice.picks.get((key, draw.paraphrase, draw.wording))
        if kept is None:
            own = random.Random(f"{draw.voice.seed}/{key}")  # noqa: S311
            kept = node(_Draw(own, draw.voice, draw.paraphrase, draw.wording))
            draw.voice.picks[key, draw.paraphrase, draw.wording] = kept
        return kept

    return keep


def _render(lines: Sequence[_Line], draw: _Draw) -> str:
    """Return the text of one of the lines, drawn anew."""
    line = lines[int(draw.random() * len(lines))]
    return line if isinstance(line, str) else line(draw)


def _draw_distinct(rnd: random.Random, weights: list[float], count: int) -> list[int]:
    keys = [(rnd.random() ** (1.0 / max(weight, 1e-9)), n) for n, weight in enumerate(weights)]
    return sorted(n for _, n in sorted(keys, reverse=True)[:count])


def _split(block: str) -> list[str]:
    return [line.replace("\\n", "\n") for line in block.splitlines() if line.strip()]


def _word(draw: _Draw) -> str:
    """Return two or three syllables."""
    chance, count = draw.random, len(_SYLLABLES)
    is_long = chance() >= 0.5
    word: str = _SYLLABLES[int(chance() * count)] + _SYLLABLES[int(chance() * count)]
    return word + _SYLLABLES[int(chance() * count)] if is_long else word


_BUILT_IN: dict[str, Callable[[_Draw], str]] = {
    "int": lambda draw: str(2 + int(draw.random() * 97)),
    "small": lambda draw: str(2 + int(draw.random() * 9)),
    "big": lambda draw: str(100 + int(draw.random() * 9900)),
    "year": lambda draw: str(1790 + int(draw.random() * 236)),
    "float": lambda draw: f"{draw.random() * 90:.2f}",
    "hex": lambda draw: f"{draw.rnd.getrandbits(32):08x}",
    "word": _word,
    "Word": lambda draw: _word(draw).capitalize(),
    "ident": lambda draw: f"{_word(draw)}_{_word(draw)}",
}
