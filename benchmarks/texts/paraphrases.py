"""Paraphrases of every technique in twelve languages, and look-alikes that are none.

`paraphrases/<technique>.yml` holds prompts that use the technique (`asks`, by kind and language)
and ordinary prompts that resemble it (`look_alikes`, by language). They were written before their
author had read a line of the vocabulary. The hash of a text says which half it belongs to: the
`guide` half may be looked at when the vocabulary is changed, the `held_out` half is only measured.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

GUIDE = "guide"
HELD_OUT = "held_out"
FOLDER = Path(__file__).parent / "paraphrases"


@dataclass(frozen=True)
class Paraphrase:
    """One prompt; `kind` is None for a look-alike."""

    technique: str
    kind: str | None
    language: str
    text: str

    @property
    def half(self) -> str:
        """Return `guide` or `held_out`, by the hash of the text."""
        return name_half(self.text)


def name_half(text: str) -> str:
    """Return `guide` or `held_out`: which it is does not change when texts are added."""
    return HELD_OUT if hashlib.sha256(text.encode()).digest()[0] & 1 else GUIDE


def list_techniques() -> list[str]:
    """Return the techniques that paraphrases were written for, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yml"))


def read_paraphrases() -> Iterator[Paraphrase]:
    """Yield every paraphrase and look-alike, in the order of the files."""
    for technique in list_techniques():
        content = yaml.safe_load((FOLDER / f"{technique}.yml").read_text(encoding="utf-8"))
        for kind, languages in content["asks"].items():
            for language, texts in languages.items():
                for text in texts:
                    yield Paraphrase(technique, kind, language, text)
        for language, texts in content["look_alikes"].items():
            for text in texts:
                yield Paraphrase(technique, None, language, text)
