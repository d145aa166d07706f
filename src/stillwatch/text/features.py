"""All text features of an exchange, remembered per distinct text because templates repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.canonical import EXCHANGES
from stillwatch.keyed import Keyer
from stillwatch.text.fingerprints import Fingerprints, MinHasher, take_fingerprints
from stillwatch.text.forms import add_points_of_form
from stillwatch.text.languages import detect_language
from stillwatch.text.normal import clip, count_words, fold, split_masked_words
from stillwatch.text.vocabulary import get_vocabulary

FEATURE_COLUMNS = (
    "has_text",
    "prompt_char_count",
    "prompt_word_count",
    "prompt_fp",
    "prefix_fp_8",
    "prefix_fp_16",
    "prefix_fp_32",
    "suffix_fp_6",
    "suffix_fp_12",
    "system_fp",
    "minhash_bands",
    "technique_codes",
    "capability_code",
    "language_code",
)

_CACHED_CHARS = 64 << 20
_CACHED_TEXTS = 100_000
_COMPUTER_ENDPOINTS = ("computer", "browser")
_GRADING = frozenset({"rubric_grading"})
_REWRITING = frozenset({"trace_cleaning", "censorship_safe_rewriting"})

Bands = npt.NDArray[np.int64]


class TextRequest(NamedTuple):
    """The texts of one request and the endpoint facts that help to label it."""

    prompt: str | None
    system_prompt: str | None = None
    tool_count: int | None = None
    image_count: int | None = None
    endpoint: str | None = None


@dataclass(frozen=True)
class TextFeatures:
    """What stays of the texts of one exchange."""

    has_text: bool
    prompt_char_count: int | None
    prompt_word_count: int | None
    prompt_fp: int | None
    prefix_fp_8: int | None
    prefix_fp_16: int | None
    prefix_fp_32: int | None
    suffix_fp_6: int | None
    suffix_fp_12: int | None
    system_fp: int | None
    minhash_bands: tuple[int, ...] | None
    technique_codes: tuple[str, ...] | None
    capability_code: str | None
    language_code: str | None


class _Seen(NamedTuple):
    """The features of one text by itself, whatever request it stands in."""

    char_count: int
    word_count: int
    prints: Fingerprints
    technique_codes: frozenset[str]
    points: dict[str, int]
    language: str | None
    bands: Bands | None


class Featurizer:
    """Turns texts into features with one deployment key, remembering texts it has met."""

    def __init__(self, keyer: Keyer) -> None:
        self._keyer = keyer
        self._hasher = MinHasher(keyer)
        self._vocabulary = get_vocabulary()
        self._seen: dict[str, _Seen] = {}
        self._seen_chars = 0
        self._systems: dict[str, tuple[int | None, frozenset[str], dict[str, int]]] = {}
        self._systems_chars = 0

    def make_columns(self, requests: Sequence[TextRequest]) -> dict[str, Any]:
        """Return the feature columns of the requests, as arrays of the canonical types."""
        prompts = self._look_at({r.prompt for r in requests if r.prompt is not None})
        rows = [self._combine(request, prompts) for request in requests]
        columns: dict[str, Any] = {}
        values = zip(*rows, strict=True) if rows else [()] * len(FEATURE_COLUMNS)
        for name, column in zip(FEATURE_COLUMNS, values, strict=True):
            if name == "minhash_bands":
                columns[name] = _make_band_array(column)
            else:
                columns[name] = pa.array(column, EXCHANGES.field(name).type)
        return columns

    def describe(self, request: TextRequest) -> TextFeatures:
        """Return the features of one request."""
        prompts = self._look_at({request.prompt} if request.prompt is not None else set())
        values = dict(zip(FEATURE_COLUMNS, self._combine(request, prompts), strict=True))
        bands, codes = values["minhash_bands"], values["technique_codes"]
        values["minhash_bands"] = None if bands is None else tuple(int(band) for band in bands)
        values["technique_codes"] = None if codes is None else tuple(codes)
        return TextFeatures(**values)

    def _look_at(self, texts: set[str]) -> dict[str, _Seen]:
        """Return what is known of each text, working out those not met before."""
        known: dict[str, _Seen] = {}
        fresh: list[str] = []
        for text in texts:
            seen = self._seen.get(text)
            if seen is None:
                fresh.append(text)
            else:
                known[text] = seen
        if not fresh:
            return known
        clipped = [clip(text) for text in fresh]
        words = [split_masked_words(text) for text in clipped]
        bands = self._hasher.make_bands(words)
        for text, short, masked, band in zip(fresh, clipped, words, bands, strict=True):
            reading = self._vocabulary.read(fold(short))
            points = reading.capability_points
            add_points_of_form(short, points)
            seen = _Seen(
                char_count=len(text),
                word_count=count_words(text),
                prints=take_fingerprints(masked, self._keyer),
                technique_codes=reading.technique_codes,
                points=points,
                language=detect_language(short, masked),
                bands=band,
            )
            known[text] = seen
            self._remember(text, seen)
        return known

    def _remember(self, text: str, seen: _Seen) -> None:
        if self._seen_chars + len(text) > _CACHED_CHARS or len(self._seen) >= _CACHED_TEXTS:
            self._seen.clear()
            self._seen_chars = 0
        self._seen[text] = seen
        self._seen_chars += len(text)

    def _look_at_system(self, text: str) -> tuple[int | None, frozenset[str], dict[str, int]]:
        known = self._systems.get(text)
        if known is not None:
            return known
        short = clip(text)
        words = split_masked_words(short)
        reading = self._vocabulary.read(fold(short))
        known = (
            self._keyer.fingerprint("system", " ".join(words)) if words else None,
            reading.technique_codes,
            reading.capability_points,
        )
        if self._systems_chars + len(text) > _CACHED_CHARS:
            self._systems.clear()
            self._systems_chars = 0
        self._systems[text] = known
        self._systems_chars += len(text)
        return known

    def _combine(self, request: TextRequest, prompts: dict[str, _Seen]) -> tuple[Any, ...]:
        """Return one row in the order of FEATURE_COLUMNS."""
        system_fp, codes, system_points = (
            self._look_at_system(request.system_prompt)
            if request.system_prompt is not None
            else (None, frozenset[str](), dict[str, int]())
        )
        if request.prompt is None:
            capability = self._name_capability(request, codes, system_points)
            technique_codes = None if request.system_prompt is None else sorted(codes)
            return (False, *(None,) * 8, system_fp, None, technique_codes, capability, None)
        seen = prompts[request.prompt]
        codes = codes | seen.technique_codes
        capability = self._name_capability(request, codes, seen.points, system_points)
        prints = seen.prints
        return (
            True,
            seen.char_count,
            seen.word_count,
            prints.whole,
            *prints.prefixes,
            *prints.suffixes,
            system_fp,
            seen.bands,
            sorted(codes),
            capability,
            seen.language,
        )

    def _name_capability(
        self,
        request: TextRequest,
        codes: frozenset[str],
        points: dict[str, int],
        system_points: dict[str, int] | None = None,
    ) -> str | None:
        """Return what the request exercises: endpoint facts first, then text.

        Without text and without tools or images there is nothing to tell it by.
        """
        if request.tool_count:
            computer = points.get("computer_use", 0) >= 2 or any(
                part in (request.endpoint or "") for part in _COMPUTER_ENDPOINTS
            )
            return "computer_use" if computer else "agentic_tool_use"
        if request.image_count:
            return "computer_use" if points.get("computer_use", 0) >= 2 else "computer_vision"
        if codes & _GRADING:
            return "grading"
        if codes & _REWRITING:
            return "rewriting"
        name = self._vocabulary.name_capability(points)
        if name is None and system_points:
            name = self._vocabulary.name_capability(system_points)
        if name is None:
            if request.prompt is None and request.system_prompt is None:
                return None
            return "reasoning" if "reasoning_elicitation" in codes else "general"
        return name


def _make_band_array(bands: Sequence[Bands | None]) -> Any:
    sizes = np.fromiter((0 if item is None else len(item) for item in bands), np.int32, len(bands))
    offsets = np.zeros(len(bands) + 1, dtype=np.int32)
    np.cumsum(sizes, out=offsets[1:])
    present = [item for item in bands if item is not None]
    flat = np.concatenate(present) if present else np.empty(0, dtype=np.int64)
    return pa.ListArray.from_arrays(
        pa.array(offsets),
        pa.array(flat),
        type=EXCHANGES.field("minhash_bands").type,
        mask=pa.array([item is None for item in bands], pa.bool_()),
    )


@lru_cache(maxsize=4)
def _get_featurizer(keyer: Keyer) -> Featurizer:
    return Featurizer(keyer)


def features(
    prompt: str | None,
    system_prompt: str | None,
    tool_count: int | None,
    image_count: int | None,
    endpoint: str | None,
    keyer: Keyer,
) -> TextFeatures:
    """Return the text features of one request.

    >>> from stillwatch.keyed import Keyer
    >>> features("Hello", None, 0, 0, None, Keyer(bytes(32))).prompt_word_count
    1
    """
    return _get_featurizer(keyer).describe(
        TextRequest(prompt, system_prompt, tool_count, image_count, endpoint)
    )
