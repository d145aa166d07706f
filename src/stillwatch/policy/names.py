"""Names of parties in the form in which they are compared: script, case, legal form set aside."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from anyascii import anyascii

# Legal forms after transliteration, in lower case without dots. They say how a party is registered
# and not who it is; lists and registers write them, move them and leave them out at will.
_LEGAL_FORMS = frozenset(
    word
    for line in (
        "ab ag ao aps as asa bhd bv bvba co coltd company corp corporation cv dmcc doo dooel eood",
        "fzc fzco fze fzllc gmbh gp inc incorporated jsc kft kg kk limited limitada llc llp lp ltd",
        "ltda mbh nv oao ojsc oo ood ooo oy oyj pao pjsc plc private pt pte pty pvt qsc sa saa sae",
        "sal sarl sas sdn se sia sl slu snc spa spj spolka sprl spz srl sro tbk uab ug ulc wll zao",
        "zoo",
    )
    for word in line.split()
)
# Several words that are one legal form, longest first; compared after transliteration.
_LEGAL_PHRASES = (
    "otkrytoe aktsionernoe obshchestvo",
    "otkrytoye aktsionernoye obshchestvo",
    "zakrytoe aktsionernoe obshchestvo",
    "zakrytoye aktsionernoye obshchestvo",
    "publichnoe aktsionernoe obshchestvo",
    "publichnoye aktsionernoye obshchestvo",
    "obshchestvo s ogranichennoi otvetstvennostyu",
    "obshchestvo s ogranichennoy otvetstvennostyu",
    "aktsionernoe obshchestvo",
    "aktsionernoye obshchestvo",
    "open joint stock company",
    "closed joint stock company",
    "public joint stock company",
    "joint stock company",
    "limited liability company",
    "limited liability partnership",
    "public limited company",
    "proprietary limited",
    "private limited",
)
# Chinese, Japanese and Korean legal forms, taken off before transliteration, longest first.
_EASTERN_FORMS = (
    "股份有限公司",
    "有限责任公司",
    "有限責任公司",
    "集团有限公司",
    "集團有限公司",
    "有限公司",
    "股份公司",
    "株式会社",
    "株式會社",
    "有限会社",
    "合同会社",
    "주식회사",
    "유한회사",
    "公司",
)
_SMALL_WORDS = frozenset({"a", "al", "an", "and", "de", "for", "i", "in", "of", "on", "the", "to"})
_APOSTROPHES = re.compile(r"['’‘`´ʼʻ′]")
_DOTTED = re.compile(r"\b(?:[a-z]\.){2,}[a-z]?\b\.?|\b[a-z](?:\.[a-z])+\b\.?")
_SLASHED = re.compile(r"\b([as])/([so])\b")
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True)
class Name:
    """A name as written, and its words as they are compared, in the order of the name."""

    text: str
    words: tuple[str, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """The words sorted: equal for names that differ only in order, case, script, legal form."""
        return tuple(sorted(self.words))

    @property
    def compact(self) -> str:
        """The words written as one, so that `Hua Wei` is `Huawei`."""
        return "".join(self.words)


@lru_cache(maxsize=65_536)
def normalise(text: str) -> Name:
    """Return a name ready to be compared.

    A name that is nothing but legal forms and small words keeps its words: it must not become the
    empty name that equals every other.

    >>> normalise("EXAMPLE Trading Co., Ltd.").words
    ('example', 'trading')
    >>> normalise("ООО «Пример Трейд»").key == normalise("Primer Treyd, OOO").key
    True
    >>> normalise("示例科技股份有限公司").words
    ('shilikeji',)
    """
    plain = unicodedata.normalize("NFKC", text)
    for form in _EASTERN_FORMS:
        plain = plain.replace(form, " ")
    if not plain.strip():
        plain = text
    plain = anyascii(_join_ideographs(plain)).lower()
    plain = _APOSTROPHES.sub("", plain).replace("&", " and ")
    plain = _SLASHED.sub(r"\1\2", plain)
    plain = _DOTTED.sub(lambda found: found[0].replace(".", "") + " ", plain)
    words = _WORD.findall(plain)
    joined = f" {' '.join(words)} "
    for phrase in _LEGAL_PHRASES:
        joined = joined.replace(f" {phrase} ", " ")
    kept = tuple(
        word for word in joined.split() if word not in _LEGAL_FORMS and word not in _SMALL_WORDS
    )
    return Name(text, kept or tuple(words))


def _join_ideographs(text: str) -> str:
    """Return the text with a space where Chinese characters begin or end.

    Transliteration runs the syllables of neighbouring characters together; a Latin word beside
    them must stay a word of its own.
    """
    parts: list[str] = []
    before = False
    for character in text:
        ideograph = "\u3400" <= character <= "\u9fff"
        if ideograph != before:
            parts.append(" ")
        parts.append(character)
        before = ideograph
    return "".join(parts)
