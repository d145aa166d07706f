"""Canonical forms of the indicator types that are neither addresses, domains nor AS numbers."""

from __future__ import annotations

import re

from stillwatch.feeds.addresses import RefusedError
from stillwatch.feeds.parsed import Indicator

OWN_TYPES = ("ja4", "user_agent", "payment_bin", "template_fingerprint", "artifact_digest")

_JA4 = re.compile(r"^[tqd][0-9a-z]{2,11}(?:_[0-9A-Za-z,]{1,128}){1,3}$")
_MD5 = re.compile(r"^[0-9a-fA-F]{32}$")
_BIN = re.compile(r"^[1-9][0-9]{3,7}$")
_CARD = re.compile(r"^[0-9]{9,19}$")
_NUMBER = re.compile(r"^-?[0-9]{1,19}$")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_INT64 = 1 << 63


def make_own_indicator(kind: str, text: str) -> Indicator:
    """Return the indicator of one of our own types, or raise RefusedError."""
    match kind:
        case "ja4":
            value = canonicalise_ja4(text)
        case "payment_bin":
            value = canonicalise_bin(text)
        case "template_fingerprint":
            value = canonicalise_template(text)
        case "user_agent" | "artifact_digest":
            value = text  # compared as a whole, so not even blanks are touched
            if not value.strip() or _CONTROL.search(value):
                raise RefusedError("malformed")
        case _:
            raise ValueError(f"{kind!r} is none of {', '.join(OWN_TYPES)}")
    return Indicator(kind, value, match_value=value)


def canonicalise_ja4(text: str) -> str:
    """Return a JA4 fingerprint, or raise RefusedError; a JA3 digest is another thing.

    >>> canonicalise_ja4(" t13d1516h2_8daaf6152771_b186095e22b6")
    't13d1516h2_8daaf6152771_b186095e22b6'
    """
    value = text.strip()
    if _MD5.match(value):
        raise RefusedError("ja3_not_ja4")
    if not _JA4.match(value):
        raise RefusedError("invalid_ja4")
    return value


def canonicalise_bin(text: str) -> str:
    """Return the first 4 to 8 digits of card numbers, or raise RefusedError.

    A whole card number is refused, not cut: whoever sends one must not find it stored.

    >>> canonicalise_bin("4000 00")
    '400000'
    """
    value = text.strip().replace(" ", "").replace("-", "")
    if _CARD.match(value):
        raise RefusedError("card_number")
    if not _BIN.match(value):
        raise RefusedError("invalid_bin")
    return value


def canonicalise_template(text: str) -> str:
    """Return a template as this deployment's 64-bit fingerprint, or as text to be fingerprinted.

    Fingerprints are keyed, so a number only means something to the deployment that made it; parties
    that share a template send its wording.
    """
    value = text.strip()
    if _NUMBER.match(value):
        if not -_INT64 <= int(value) < _INT64:
            raise RefusedError("invalid_fingerprint")
        return str(int(value))
    if not value:
        raise RefusedError("malformed")
    return value
