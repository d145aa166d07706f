"""E-mail addresses, payment instruments and organisations of simulated accounts.

Nobody in here exists: mail providers, companies and universities lie below the reserved top-level
domain `.example`, card prefixes start with 9, which no card scheme issues, and phone numbers with
000, which no country assigns. Only the disposable mail domains are real ones, as listed publicly,
so that real feeds can match them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import numpy as np
import yaml

from stillwatch.worlds.draws import draw_key

_FREEMAIL = {
    "postlark.example": 34.0,
    "mailhaven.example": 22.0,
    "inboxly.example": 14.0,
    "kestrelmail.example": 9.0,
    "nordpost.example": 6.0,
    "correoazul.example": 6.0,
    "yuubin.example": 5.0,
    "letterbox.example": 4.0,
}
_WORDS: dict[str, tuple[str, ...]] = {
    name: tuple(words.split())
    for name, words in yaml.safe_load(
        resources.files("stillwatch.worlds").joinpath("words.yml").read_text("utf-8")
    ).items()
}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

CARD_BINS = tuple(str(900000 + 617 * n % 60000) for n in range(1, 161))
VIRTUAL_BINS = tuple(str(970000 + 733 * n % 9000) for n in range(1, 15))
PREPAID_BINS = tuple(str(985000 + 911 * n % 9000) for n in range(1, 9))


@dataclass(frozen=True)
class Organisation:
    """A customer organisation: one registry id, one mail domain, one company card."""

    organization_id: str
    domain: str
    instrument: str
    card_bin: str


def draw_hex(rng: np.random.Generator, digits: int) -> str:
    """Return so many random hexadecimal digits."""
    return rng.bytes((digits + 1) // 2).hex()[:digits]


def draw_organisation(rng: np.random.Generator) -> Organisation:
    """Return a new organisation."""
    name = _take(rng, _WORDS["company_heads"]) + _take(rng, _WORDS["company_tails"])
    return Organisation(
        organization_id=f"org_{draw_hex(rng, 16)}",
        domain=f"{name.lower()}{int(rng.integers(2, 999))}.example",
        instrument=f"pm_{draw_hex(rng, 20)}",
        card_bin=_take(rng, CARD_BINS),
    )


def draw_email(
    rng: np.random.Generator, kind: str, script: str, organisation: Organisation | None
) -> str:
    """Return an address of one kind: personal, corporate, campus, scripted, disposable."""
    match kind:
        case "personal":
            return f"{_draw_personal(rng)}@{_draw_freemail(rng)}"
        case "corporate":
            domain = (organisation or draw_organisation(rng)).domain
            return f"{_take(rng, _WORDS['first_names'])}.{_draw_last(rng)}@{domain}"
        case "campus":
            number = f"{int(rng.integers(10, 99))}{int(rng.integers(1000, 9999))}"
            initial = _take(rng, _WORDS["first_names"])[0]
            return f"{initial}{_draw_last(rng)[:5]}{number}@stud.northlake.example"
        case "scripted":
            return f"{_fill(rng, script)}@{_draw_freemail(rng)}"
        case "disposable":
            return f"{_fill(rng, script or 'aaaaaa99')}@{_take(rng, _WORDS['disposable_domains'])}"
        case _:
            raise ValueError(f"no kind of e-mail {kind!r}")


def draw_card_bin(rng: np.random.Generator, payment: str, pool: tuple[str, ...]) -> str | None:
    """Return the first six digits of the instrument, from `pool` or from all of that type."""
    match payment:
        case "card":
            return _take(rng, pool or CARD_BINS)
        case "virtual_card":
            return _take(rng, pool or VIRTUAL_BINS)
        case "prepaid":
            return _take(rng, pool or PREPAID_BINS)
        case "invoice" | "cloud_marketplace":
            return None
        case _:
            raise ValueError(f"no payment type {payment!r}")


def draw_bin_pool(rng: np.random.Generator, payment: str, size: int) -> tuple[str, ...]:
    """Return `size` card prefixes that a cohort keeps to; none means no limit."""
    source = VIRTUAL_BINS if payment == "virtual_card" else CARD_BINS
    return tuple(source[index] for index in rng.permutation(len(source))[:size])


def draw_phone(rng: np.random.Generator, calling_code: str) -> str:
    """Return a phone number that nobody can have."""
    return f"+{calling_code}000{int(rng.integers(10**6, 10**7))}"


def _draw_personal(rng: np.random.Generator) -> str:
    first, last = _take(rng, _WORDS["first_names"]), _draw_last(rng)
    year = int(rng.integers(60, 109)) % 100
    styles = (
        f"{first}.{last}",
        f"{first}{last}",
        f"{first[0]}{last}{int(rng.integers(1, 9999))}",
        f"{first}_{last}{year:02d}",
        f"{last}.{first}",
        f"{first}{1900 + int(rng.integers(60, 109))}",
        f"{first}-{int(rng.integers(1, 99))}",
        f"{last}{first[0]}",
        f"the.{first}.{last}",
        f"{first}{year:02d}{last[:3]}",
        f"{last}{int(rng.integers(1, 999))}",
        f"{first}.{last[0]}.{last[1:4]}",
    )
    return styles[int(rng.integers(len(styles)))]


def _draw_last(rng: np.random.Generator) -> str:
    return _take(rng, _WORDS["last_name_heads"]) + _take(rng, _WORDS["last_name_tails"])


def _draw_freemail(rng: np.random.Generator) -> str:
    return draw_key(rng, _FREEMAIL)


def _fill(rng: np.random.Generator, script: str) -> str:
    parts = {
        "F": lambda: _take(rng, _WORDS["first_names"]),
        "L": lambda: _draw_last(rng),
        "a": lambda: _LETTERS[int(rng.integers(26))],
        "9": lambda: str(int(rng.integers(10))),
    }
    return "".join(parts[sign]() if sign in parts else sign for sign in script)


def _take(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]
