"""What every form of screening list shares: names, dates, countries and ids of one entry."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import date, datetime

from stillwatch.feeds.addresses import RefusedError
from stillwatch.feeds.countries import find_country
from stillwatch.feeds.parsed import ListedParty

_LONGEST_NAME = 600  # characters; the longest on the Entity List of 2026-07 has 209
_CODE = re.compile(r"\(([A-Z][A-Z0-9-]{1,11})\)")
_FORMERLY = re.compile(r"\(?\b(?:[afn]\.?k\.?a\.?)[,:]?\s+([^();]+)\)?", re.IGNORECASE)
_ACRONYM = re.compile(r"\(([^()]{2,12})\)")
_TAIL = re.compile(r"[;,]\s*and any (?:successor|sub-?unit|subsidiary).*$", re.IGNORECASE)
_NULLS = frozenset({"", "-0-", "n/a", "none", "null"})
_DAY_FORMATS = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y")
_TYPES = {
    "entity": "entity",
    "individual": "individual",
    "vessel": "vessel",
    "aircraft": "aircraft",
}


def clean(value: object) -> str:
    """Return a cell's text in one line; what the lists write for nothing becomes empty.

    >>> clean(" Ul.\\n Lenina "), clean("-0- ")
    ('Ul. Lenina', '')
    """
    text = " ".join(str(value if value is not None else "").split())
    return "" if text.lower() in _NULLS else text


def find_list_code(list_name: str) -> str:
    """Return the short code of a list: the one it gives in brackets, else one made from its name.

    >>> find_list_code("Entity List (EL) - Bureau of Industry and Security")
    'EL'
    >>> find_list_code("Some other list")
    'SOME_OTHER_LIST'
    """
    found = _CODE.search(list_name)
    if found is not None:
        return found[1]
    return re.sub(r"[^A-Z0-9]+", "_", list_name.upper()).strip("_")[:40]


def find_type(text: str) -> str:
    """Return the kind of party as one of `canonical.PARTY_TYPES`."""
    return _TYPES.get(text.lower(), "unknown")


def parse_day(text: str) -> date | None:
    """Return a list's date, None if it gives none; one that is no date is refused."""
    if not text:
        return None
    for form in _DAY_FORMATS:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise RefusedError("bad_date")


def make_party(
    list_code: str,
    list_name: str,
    name: str,
    *,
    entry_id: str = "",
    party_type: str = "unknown",
    aliases: Iterable[str] = (),
    weak_aliases: Iterable[str] = (),
    countries: Iterable[str] = (),
    programmes: Iterable[str] = (),
    notice: str = "",
    start: str = "",
    end: str = "",
    source_url: str = "",
) -> ListedParty:
    """Return one listed party, or raise RefusedError with the reason.

    Brackets in a name hold other names: `(f.k.a. X)` is an alias, `(ABC)` an abbreviation, which
    many parties may share and which counts as weak. An entry without an id gets the digest of what
    it says, so the same entry has the same id in every pull.
    """
    name = _TAIL.sub("", clean(name))
    if not name:
        raise RefusedError("no_name")
    if len(name) > _LONGEST_NAME:
        raise RefusedError("name_too_long")
    if not list_code:
        raise RefusedError("no_list")
    plain, others, short = _split_brackets(name)
    strong = {text for text in (clean(alias) for alias in aliases) if text}
    strong |= {*others}
    weak = {text for text in (clean(alias) for alias in weak_aliases) if text} | {*short}
    first, last = parse_day(clean(start)), parse_day(clean(end))
    if first is not None and last is not None and last < first:
        raise RefusedError("ends_before_start")
    found = sorted({code for code in (find_country(clean(text)) for text in countries) if code})
    basis = "\0".join((list_code, name, *found, clean(notice), start, end))
    return ListedParty(
        list_code=list_code,
        list_name=list_name,
        entry_id=clean(entry_id) or hashlib.sha256(basis.encode()).hexdigest()[:16],
        party_type=party_type,
        name=plain,
        aliases=tuple(sorted(strong - {plain})),
        weak_aliases=tuple(sorted(weak - strong - {plain})),
        address_countries=tuple(found),
        programmes=tuple(sorted({text for text in map(clean, programmes) if text})),
        federal_register_notice=clean(notice) or None,
        start_date=first,
        end_date=last,
        source_url=clean(source_url) or None,
    )


def _split_brackets(name: str) -> tuple[str, list[str], list[str]]:
    others = [clean(text).strip(" ,") for text in _FORMERLY.findall(name)]
    plain = _FORMERLY.sub(" ", name)
    short = []
    for text in _ACRONYM.findall(plain):
        if text.isupper() and plain.rstrip().endswith(f"({text})"):
            short.append(text)
            plain = plain.replace(f"({text})", " ")
    plain = clean(plain).strip(" ,;")
    return plain or name, [text for text in others if text], short
