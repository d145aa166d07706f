"""Prompt text in the two forms that the features are taken from.

`split_masked_words` gives the words of a template: what varies from one use to the next (numbers,
quoted and fenced spans, addresses) is replaced by a marker word. `fold` gives the text that phrases
are looked for in: nothing masked, but case, accents, spacing and typographic marks made equal.
"""

from __future__ import annotations

import re
import unicodedata

MAX_HEAD_CHARS = 16_000  # longer texts are looked at from both ends: cost stays bounded
MAX_TAIL_CHARS = 4_000

_CODE, _QUOTE, _URL, _MAIL, _NUMBER = " 0code ", " 0quote ", " 0url ", " 0mail ", "0"

_FENCED = re.compile(r"```.{0,8000}?(?:```|\Z)|~~~.{0,8000}?(?:~~~|\Z)", re.DOTALL)
_URLS = re.compile(r"\b(?:https?|ftp|s3|gs)://[^\s<>\"'）】」]{1,2000}|\bwww\.[^\s<>\"']{1,2000}")
_MAILS = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_DOUBLE_QUOTED = re.compile(r'"[^"]{0,2000}"')
_OTHER_QUOTED = re.compile(
    r"“[^”]{0,2000}”|„[^“”]{0,2000}[“”]|«[^»]{0,2000}»|「[^」]{0,2000}」|『[^』]{0,2000}』"
)
_SINGLE_QUOTED = re.compile(r"(?<![\w'])'[^'\n]{1,2000}'(?![\w'])|‘[^’]{1,2000}’(?!\w)")
_TICKED = re.compile(r"`[^`\n]{1,2000}`")
_DIGITS = re.compile(r"\d[\d.,:/]*(?<=\d)")
_ASCII_DIGITS = re.compile(r"[0-9][0-9.,:/]*(?<=[0-9])")  # four times as fast

# Scripts that put no space between words: each character counts as a word.
_UNSPACED = "぀-ヿ㐀-䶿一-鿿豈-﫿"
_WORDS = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_UNSPACED_CHARACTER = re.compile(rf"[{_UNSPACED}]")

_ASCII_WORDS = {
    code: None if chr(code) == "'" else (chr(code).lower() if chr(code).isalnum() else " ")
    for code in range(128)
}
_ASCII_FOLD = {
    code: " " if chr(code) in "-_*`\"'#\t\n\r\v\f\x00" or code < 32 else chr(code).lower()
    for code in range(128)
}
_ASCII_FOLD[ord("'")] = "'"
_TYPOGRAPHY = str.maketrans(
    {
        **dict.fromkeys('-_*`"#“”„«»「」『』‐‑‒—―・', " "),
        **dict.fromkeys("’‘ʼ´", "'"),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad", None),
    }
)
# Accents, and what Arabic (vowel signs, the hamza on its carrier, the lengthening stroke) and Hindi
# (the dot below) writers leave out as often as not.
_ACCENTS = re.compile("[\u0300-\u036f\u0640\u064b-\u065f\u0670\u093c]")


def clip(text: str) -> str:
    """Return the text itself, or the head and tail of one that is very long."""
    if len(text) <= MAX_HEAD_CHARS + MAX_TAIL_CHARS:
        return text
    return f"{text[:MAX_HEAD_CHARS]}\n{text[-MAX_TAIL_CHARS:]}"


def split_masked_words(text: str) -> list[str]:
    """Return the words of a text with its varying parts masked, in lower case.

    >>> split_masked_words("Rate 'this text' from 1 to 10: https://example.com/a")
    ['rate', '0quote', 'from', '0', 'to', '0', '0url']
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if "```" in text or "~~~" in text:
        text = _FENCED.sub(_CODE, text)
    if "://" in text or "www." in text:
        text = _URLS.sub(_URL, text)
    if "@" in text:
        text = _MAILS.sub(_MAIL, text)
    if "`" in text:
        text = _TICKED.sub(_CODE, text)
    if '"' in text:
        text = _DOUBLE_QUOTED.sub(_QUOTE, text)
    if "'" in text or "‘" in text:
        text = _SINGLE_QUOTED.sub(_QUOTE, text)
    ascii_only = text.isascii()
    if not ascii_only:
        text = _OTHER_QUOTED.sub(_QUOTE, text)
    if ascii_only:
        return _ASCII_DIGITS.sub(_NUMBER, text).translate(_ASCII_WORDS).split()
    text = _DIGITS.sub(_NUMBER, text)
    return _WORDS.findall(text.casefold().replace("'", "").replace("’", ""))


def count_words(text: str) -> int:
    """Return how many words a text has; in unspaced scripts every character is one."""
    if text.isascii():
        return len(text.split())
    unspaced = len(_UNSPACED_CHARACTER.findall(text))
    return (
        unspaced + len(_UNSPACED_CHARACTER.sub(" ", text).split())
        if unspaced
        else len(text.split())
    )


def fold(text: str) -> str:
    """Return the text as phrases are written in the vocabulary, between two spaces.

    >>> fold("Chain-of-Thought,  “Déjà”")
    ' chain of thought, deja '
    """
    if text.isascii():
        return f" {' '.join(text.translate(_ASCII_FOLD).split())} "
    text = unicodedata.normalize("NFKD", text.casefold())
    text = _ACCENTS.sub("", text).translate(_TYPOGRAPHY)
    return f" {' '.join(text.split())} "


def is_unspaced(character: str) -> bool:
    """Return whether the character belongs to a script without spaces between words."""
    return _UNSPACED_CHARACTER.match(character) is not None
