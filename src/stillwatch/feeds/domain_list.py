"""Lists of domains, in the form in which e-mail domains stand in the account registry."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

import idna

from stillwatch.feeds.addresses import RefusedError
from stillwatch.feeds.entries import read_entries
from stillwatch.feeds.parsed import Indicator, ParsedFeed
from stillwatch.feeds.registry import Feed

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_DOMAIN = re.compile(rf"^(?=.{{4,253}}$)(?:{_LABEL}\.)+[a-z0-9-]{{2,63}}$")
_WRITTEN_TOGETHER = (
    {"LATIN", "CJK", "HIRAGANA", "KATAKANA"},
    {"LATIN", "CJK", "BOPOMOFO"},
    {"LATIN", "CJK", "HANGUL"},
)
_NUMERIC_TOP = re.compile(r"\.[0-9]+$")


def parse_domain_list(feed: Feed, files: Mapping[str, bytes]) -> ParsedFeed:
    """Return one indicator per domain; each refused entry is counted by reason."""
    parsed = ParsedFeed()
    excluded = {item.value for item in feed.exclude}
    for entry in read_entries(files, feed.parser):
        try:
            domain = canonicalise_domain(entry)
        except RefusedError as error:
            parsed.refuse(error.reason, entry)
            continue
        if domain in excluded:
            parsed.refuse("excluded", entry)
        else:
            kind = feed.parser.indicator_type
            parsed.use(Indicator(kind, domain, match_value=domain, labels=feed.labels), entry)
    return parsed


def canonicalise_domain(text: str) -> str:
    """Return a domain in lower case and ASCII (IDNA 2008), or raise RefusedError.

    A name in another script becomes its `xn--` form, so it never passes for the Latin name that
    it looks like; a label that mixes scripts, as homographs do, is refused, also in that form. A
    leading `@`, `.` or `*.` is what lists put before a domain. Single-label names
    match too much and are refused.

    >>> canonicalise_domain("@Mail.Example-Shop.COM.")
    'mail.example-shop.com'
    >>> canonicalise_domain("münchen.de")
    'xn--mnchen-3ya.de'
    """
    name = text.strip().removeprefix("@").removeprefix("*").strip(".").lower()
    if any(_mixes_scripts(label) for label in name.split(".") if label[:4] != "xn--"):
        raise RefusedError("mixed_scripts")
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as error:
            raise RefusedError("invalid_domain") from error
    if "." not in name and re.fullmatch(r"[a-z0-9-]{2,63}", name):
        raise RefusedError("top_level_domain")
    if not _DOMAIN.match(name) or _NUMERIC_TOP.search(name):
        raise RefusedError("invalid_domain")
    for label in name.split("."):
        if label.startswith("xn--") and _mixes_scripts(_decode_punycode(label)):
            raise RefusedError("mixed_scripts")
    return name


def _decode_punycode(label: str) -> str:
    try:
        return label.removeprefix("xn--").encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError) as error:
        raise RefusedError("invalid_domain") from error


def _mixes_scripts(label: str) -> bool:
    """Return whether a label's letters are of scripts that no one language writes together."""
    if label.isascii():
        return False
    scripts = set()
    for character in unicodedata.normalize("NFKC", label):
        if character.isalpha():
            script = unicodedata.name(character, "UNKNOWN").split(" ", 1)[0].split("-", 1)[0]
            scripts.add(script)
    scripts -= {"MODIFIER", "COMBINING"}
    return len(scripts) > 1 and not any(scripts <= group for group in _WRITTEN_TOGETHER)
