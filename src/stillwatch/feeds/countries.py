"""Country codes from the ways in which screening lists write a country."""

from __future__ import annotations

import re
from functools import lru_cache

from babel import Locale

_CODE = re.compile(r"^[A-Z]{2}$")
_NOT_COUNTRIES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})

# What the lists write that the Unicode names do not. A region counts as the country whose ISO code
# covers it, which is no statement about who governs it.
_OTHER_NAMES = {
    "burma": "MM",
    "china, people's republic of": "CN",
    "congo, democratic republic of the": "CD",
    "congo, republic of the": "CG",
    "cote d'ivoire": "CI",
    "crimea region of ukraine": "UA",
    "czech republic": "CZ",
    "democratic republic of congo": "CD",
    "democratic republic of the congo": "CD",
    "england": "GB",
    "gambia, the": "GM",
    "hong kong": "HK",
    "ivory coast": "CI",
    "korea, north": "KP",
    "korea, south": "KR",
    "macau": "MO",
    "macedonia": "MK",
    "palestinian": "PS",
    "people's republic of china": "CN",
    "republic of korea": "KR",
    "russian federation": "RU",
    "the bahamas": "BS",
    "the gambia": "GM",
    "turkey": "TR",
    "uae": "AE",
    "uk": "GB",
    "usa": "US",
    "viet nam": "VN",
    "west bank": "PS",
}


def find_country(text: str) -> str | None:
    """Return the ISO 3166-1 alpha-2 code of a country's code or English name, else None.

    >>> find_country("Russian Federation"), find_country("sg"), find_country("Elsewhere")
    ('RU', 'SG', None)
    """
    word = " ".join(text.split()).strip(" .")
    codes, names = _load_names()
    if _CODE.match(word.upper()):
        return word.upper() if word.upper() in codes else None
    return names.get(word.lower())


@lru_cache(maxsize=1)
def _load_names() -> tuple[frozenset[str], dict[str, str]]:
    territories = {
        code: name
        for code, name in Locale("en").territories.items()
        if _CODE.match(code) and code not in _NOT_COUNTRIES
    }
    names: dict[str, str] = {}
    for code, name in territories.items():
        plain = name.lower().replace("’", "'")
        for form in (plain, plain.replace("&", "and"), re.sub(r"\s*\(.*\)| sar china$", "", plain)):
            names.setdefault(form, code)
    return frozenset(territories), names | _OTHER_NAMES
