"""The phrase vocabulary: YAML files, compiled into one automaton that reads a text once.

An entry is a phrase, folded like the texts; a `*` at its end also takes longer words. Entries are
gathered in groups, and patterns ask for groups near each other, in order or in any order. So
wording may vary without a list of whole sentences, and common words alone never hit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Annotated, Any, NamedTuple

import ahocorasick
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from stillwatch.errors import ConfigError
from stillwatch.text.normal import fold, is_unspaced

LANGUAGES = ("en", "es", "de", "fr", "pt", "it", "zh", "ja", "ko", "ru", "ar", "hi")

_MAX_POSITIONS = 48  # of one group in one text: keeps hostile texts cheap
_CAPABILITY_POINTS = 2
_TASK_HEAD, _TASK_TAIL = 1500, 700  # characters: what lies between is material, not the task
_MEMO_ENTRIES = 20_000

_ARABIC_ARTICLE = "ال"
_ARABIC_JOINED = ("و", "ب", "ف")  # and, with, so
_ARABIC_JOINED_OR_ARTICLE = (*_ARABIC_JOINED, "ل", "ال", "وال", "بال", "لل")

_Entries = dict[str, list[Annotated[str, BeforeValidator(str)]]]
_Span = tuple[int, int]


class _Pattern(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    order: list[str] | None = None
    near: list[str] | None = None
    within: int = Field(ge=1, le=5000)
    also: list[str] = []
    without: list[str] = []
    languages: list[str] | None = None

    @model_validator(mode="after")
    def _check(self) -> _Pattern:
        if (self.order is None) == (self.near is None):
            raise ValueError(f"pattern {self.name} needs either order or near")
        return self


class _TechniqueFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: str
    groups: dict[str, _Entries] = {}
    phrases: _Entries = {}
    patterns: list[_Pattern] = []


class _Capability(BaseModel):
    model_config = ConfigDict(extra="forbid")

    strong: _Entries = {}
    weak: _Entries = {}


class _CapabilityFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    capabilities: dict[str, _Capability]


@dataclass(frozen=True)
class _Rule:
    """One pattern with its groups as numbers."""

    code: str
    groups: tuple[int, ...]
    ordered: bool
    within: int
    needed: int  # bit set of groups that must be there
    barred: int  # bit set of groups that must not


class Reading(NamedTuple):
    """What the vocabulary found in a text."""

    technique_codes: frozenset[str]
    capability_points: dict[str, int]


class Vocabulary:
    """All phrases and patterns, ready to read texts."""

    def __init__(self, techniques: list[_TechniqueFile], capabilities: _CapabilityFile) -> None:
        self._group_ids: dict[tuple[str, str], int] = {}
        self._entries: dict[str, dict[bool, set[int]]] = defaultdict(lambda: defaultdict(set))
        self._phrase_code: dict[int, str] = {}
        self._points: dict[int, tuple[str, int]] = {}
        self._rules: list[_Rule] = []
        for technique in techniques:
            self._add_technique(technique)
        self.capability_order = tuple(capabilities.capabilities)
        for code, capability in capabilities.capabilities.items():
            for weight, entries in ((2, capability.strong), (1, capability.weak)):
                self._points[self._add_group(f"capability.{code}", str(weight), entries)] = (
                    code,
                    weight,
                )
        self._automaton = _make_automaton(self._entries)
        # Most texts need no other script: a small automaton stays in the processor's cache.
        self._ascii_automaton = _make_automaton(
            {phrase: kinds for phrase, kinds in self._entries.items() if phrase.isascii()}
        )
        self._memo: dict[int, tuple[_Rule, ...]] = {}

    @property
    def technique_codes(self) -> tuple[str, ...]:
        """Every technique that the vocabulary knows, sorted."""
        return tuple(sorted({rule.code for rule in self._rules} | set(self._phrase_code.values())))

    def read(self, folded: str) -> Reading:
        """Return the techniques and capability points of a folded text."""
        positions, seen = self._find(folded)
        codes = {code for group in positions if (code := self._phrase_code.get(group)) is not None}
        for rule in self._list_candidates(_make_bits(positions)):
            if rule.code not in codes and _match(rule, positions):
                codes.add(rule.code)
        points: dict[str, int] = {}
        for group, count in seen.items():
            pointed = self._points.get(group)
            if pointed is not None:
                code, weight = pointed
                points[code] = points.get(code, 0) + weight * count
        return Reading(frozenset(codes), points)

    def name_capability(self, points: dict[str, int]) -> str | None:
        """Return the capability with the most points, if it has enough."""
        best, best_points = None, _CAPABILITY_POINTS - 1
        for code in self.capability_order:
            if points.get(code, 0) > best_points:
                best, best_points = code, points[code]
        return best

    def _find(self, folded: str) -> tuple[dict[int, list[_Span]], dict[int, int]]:
        """Return where each technique group stands, and how many phrases of a capability were seen.

        Phrases of a capability count where a task is put: at the beginning or the end of a text.
        """
        positions: dict[int, list[_Span]] = {}
        phrases: set[tuple[int, str]] = set()
        tail = len(folded) - _TASK_TAIL
        automaton = self._ascii_automaton if folded.isascii() else self._automaton
        for last, (length, closed_left, closed_right, exact, prefix) in automaton.iter(folded):
            start = last - length + 1
            if closed_left and folded[start - 1].isalnum():
                continue
            is_task = start < _TASK_HEAD or start > tail
            groups = prefix
            if exact and not (closed_right and folded[last + 1].isalnum()):
                groups = exact + prefix
            for group in groups:
                if group in self._points:
                    if is_task:
                        phrases.add((group, folded[start : last + 1]))
                    continue
                spans = positions.get(group)
                if spans is None:
                    positions[group] = [(start, last + 1)]
                elif len(spans) < _MAX_POSITIONS:
                    spans.append((start, last + 1))
        seen: dict[int, int] = {}
        for group, _ in phrases:
            seen[group] = seen.get(group, 0) + 1
        return positions, seen

    def _list_candidates(self, present: int) -> tuple[_Rule, ...]:
        try:
            return self._memo[present]
        except KeyError:
            if len(self._memo) >= _MEMO_ENTRIES:
                self._memo.clear()
            found = tuple(
                rule
                for rule in self._rules
                if present & rule.needed == rule.needed and not present & rule.barred
            )
            self._memo[present] = found
            return found

    def _add_technique(self, technique: _TechniqueFile) -> None:
        phrase_group = self._add_group(technique.code, "phrases", technique.phrases)
        self._phrase_code[phrase_group] = technique.code

        def resolve(name: str, languages: list[str] | None) -> int:
            if name not in technique.groups:
                raise ConfigError(f"vocabulary {technique.code}: there is no group {name!r}")
            entries = technique.groups[name]
            if languages is None:
                return self._add_group(technique.code, name, entries)
            some = {lang: entries[lang] for lang in languages if lang in entries}
            return self._add_group(technique.code, f"{name} {' '.join(languages)}", some)

        used = {
            name
            for pattern in technique.patterns
            for name in (*(pattern.order or pattern.near or []), *pattern.also, *pattern.without)
        }
        if unused := technique.groups.keys() - used:
            raise ConfigError(f"vocabulary {technique.code}: no pattern uses {sorted(unused)}")
        for pattern in technique.patterns:
            names = pattern.order or pattern.near or []
            self._rules.append(
                _Rule(
                    code=technique.code,
                    groups=tuple(resolve(name, pattern.languages) for name in names),
                    ordered=pattern.order is not None,
                    within=pattern.within,
                    needed=_make_bits(
                        [
                            *(resolve(name, pattern.languages) for name in names),
                            *(resolve(name, None) for name in pattern.also),
                        ]
                    ),
                    barred=_make_bits([resolve(name, None) for name in pattern.without]),
                )
            )

    def _add_group(self, owner: str, name: str, entries: _Entries) -> int:
        known = self._group_ids.get((owner, name))
        if known is not None:
            return known
        group = self._group_ids[owner, name] = len(self._group_ids)
        for language, phrases in entries.items():
            if language not in LANGUAGES:
                raise ConfigError(f"vocabulary {owner}.{name}: {language!r} is no known language")
            for entry in phrases:
                is_prefix = entry.endswith("*")
                phrase = fold(entry.removesuffix("*")).strip()
                if not phrase or "*" in entry[:-1]:
                    raise ConfigError(
                        f"vocabulary {owner}.{name}: {entry!r} is empty or has a * inside"
                    )
                for form in _list_forms(phrase, language):
                    self._entries[form][is_prefix].add(group)
        return group


def _make_automaton(entries: Mapping[str, Mapping[bool, set[int]]]) -> Any:
    """Return the automaton of phrases: length, bounds, groups of exact and of begun words."""
    automaton = ahocorasick.Automaton()
    for phrase, kinds in entries.items():
        exact, prefix = (tuple(sorted(kinds.get(begun, ()))) for begun in (False, True))
        value = (len(phrase), not _is_open(phrase[0]), not _is_open(phrase[-1]), exact, prefix)
        automaton.add_word(phrase, value)
    automaton.make_automaton()
    return automaton


def _list_forms(phrase: str, language: str) -> list[str]:
    """Return the phrase as it may stand in a text: Arabic joins short words to the next one."""
    if language != "ar":
        return [phrase]
    joined = _ARABIC_JOINED if phrase.startswith(_ARABIC_ARTICLE) else _ARABIC_JOINED_OR_ARTICLE
    return [phrase, *(short + phrase for short in joined)]


def _make_bits(groups: Iterable[int]) -> int:
    bits = 0
    for group in groups:
        bits |= 1 << group
    return bits


def _is_open(character: str) -> bool:
    """Return whether a phrase that ends in this character needs no word boundary there."""
    return not character.isalnum() or is_unspaced(character)


def _match(rule: _Rule, positions: dict[int, list[_Span]]) -> bool:
    if rule.ordered:
        ends = [end for _, end in positions[rule.groups[0]]]
        for group in rule.groups[1:]:
            ends = [
                end
                for start, end in positions[group]
                if any(0 <= start - before <= rule.within for before in ends)
            ]
            if not ends:
                return False
        return True
    first, *others = rule.groups
    return any(
        all(
            any(
                0 <= max(start - anchor[1], anchor[0] - end) <= rule.within
                for start, end in positions[group]
            )
            for group in others
        )
        for anchor in positions[first]
    )


@lru_cache(maxsize=1)
def get_vocabulary() -> Vocabulary:
    """Return the vocabulary that ships with the package."""
    folder = resources.files("stillwatch.text") / "vocabulary"
    techniques: list[_TechniqueFile] = []
    capabilities: _CapabilityFile | None = None
    for file in sorted(folder.iterdir(), key=lambda item: item.name):
        if not file.name.endswith(".yml"):
            continue
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
        try:
            if file.name == "capabilities.yml":
                capabilities = _CapabilityFile.model_validate(content)
            else:
                techniques.append(_TechniqueFile.model_validate(content))
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise ConfigError(f"vocabulary {file.name}: {key}: {first['msg']}") from error
    if capabilities is None:
        raise ConfigError(f"vocabulary {folder} has no capabilities.yml")
    return Vocabulary(techniques, capabilities)
