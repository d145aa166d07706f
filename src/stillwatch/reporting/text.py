"""Text from logs, made harmless and printable before it reaches a template.

A log field may hold control characters, text that reorders itself, zero-width characters, halves
of surrogate pairs, ten thousand characters without a space, or a script that no shipped font
covers. Each of these is replaced by a visible note in square brackets, so that a reader sees that
something was there.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby

from markupsafe import Markup, escape

from stillwatch.reporting.fonts import is_covered

MAX_VALUE_CHARACTERS = 256
MAX_PROSE_CHARACTERS = 1200
BREAK_EVERY = 24
_MAX_MARKS_IN_A_ROW = 2
_MARK_ROOM = 32
_CUT = re.compile(r"\[\d+ more characters\]$")
_SILENT = frozenset("\ufe0e\ufe0f")  # they only choose between the plain and the coloured emoji
_SPACES = frozenset("\t\n\r\u2007\u2009\u202f\u3000")


class Plain(str):
    """Text for an attribute or a title: cleaned, escaped, but without break opportunities."""

    __slots__ = ()


def clean(value: str, limit: int = MAX_VALUE_CHARACTERS) -> str:
    """Return `value` on one line, printable, at most about `limit` characters long.

    >>> clean("user\\u202egnp.exe")
    'user[U+202E]gnp.exe'
    >>> clean("a\\x00\\x01b")
    'a[2 hidden characters]b'
    >>> clean("x" * 300, limit=10)
    'xxxxxxxxxx[290 more characters]'
    """
    more = len(value) - limit
    if 0 < more <= _MARK_ROOM and _CUT.search(value):
        more = 0  # it was cut before, and its own mark makes it longer
    text = "".join(
        _soften(character) for character in value[: len(value) - more if more > 0 else None]
    )
    parts: list[str] = []
    marks = 0
    flagged: list[tuple[bool, str]] = []
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        flagged.append((marks > _MAX_MARKS_IN_A_ROW or not _is_printable(character), character))
    for is_hidden, run in groupby(flagged, key=lambda pair: pair[0]):
        characters = [character for _, character in run]
        if not is_hidden:
            parts.append("".join(characters))
        elif len(characters) == 1:
            parts.append(f"[U+{ord(characters[0]):04X}]")
        else:
            parts.append(f"[{len(characters)} hidden characters]")
    words = [_shorten(word) for word in "".join(parts).strip().split(" ")]
    return " ".join(words) + (f"[{more} more characters]" if more > 0 else "")


def breakable(text: str) -> Markup:
    """Return escaped markup in which every long run without a space may break after 24 characters.

    >>> breakable("a" * 25)
    Markup('aaaaaaaaaaaaaaaaaaaaaaaa<wbr>a')
    """
    words = text.split(" ")
    return Markup(" ").join(_break_word(word) for word in words)


def _soften(character: str) -> str:
    """Return a plain space for a space of any kind, and nothing for a choice of emoji style."""
    if character in _SILENT:
        return ""
    return " " if character in _SPACES else character


def _shorten(word: str) -> str:
    if len(word) <= MAX_VALUE_CHARACTERS:
        return word
    kept = MAX_VALUE_CHARACTERS - 8  # room for the start of the mark, so that it is not cut again
    return f"{word[:kept]}[{len(word) - kept} more characters]"


def _break_word(word: str) -> Markup:
    if len(word) <= BREAK_EVERY:
        return escape(word)
    pieces = [word[start : start + BREAK_EVERY] for start in range(0, len(word), BREAK_EVERY)]
    return Markup("<wbr>").join(escape(piece) for piece in pieces)


def _is_printable(character: str) -> bool:
    if character in " \u00a0":
        return True
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Me"}:
        return False
    return is_covered(character)
