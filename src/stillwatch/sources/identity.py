"""Identity features: addresses, user agents, e-mail addresses and phone numbers.

Each gives what detection needs (a canonical form, a family, a grammar) and leaves the rest behind
as a keyed token. Values repeat a lot, so the answers are remembered for one run.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import ua_parser

from stillwatch.keyed import Keyer
from stillwatch.sources.calling_codes import CALLING_CODES

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_CACHE_ENTRIES = 200_000
_IPV4_NET_BITS = 24
_IPV6_NET_BITS = 48
_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9_. -]{0,38}[A-Za-z0-9]|[A-Za-z]")
_RUNS = re.compile(r"[^\W\d_]+|\d+|.", re.DOTALL)
_HOST = re.compile(r"[^\s@/\\:]{1,253}")
_LENGTH_BUCKETS = ((1, "1"), (3, "2-3"), (5, "4-5"), (8, "6-8"), (12, "9-12"))


class Memory(Generic[K, V]):
    """A function whose answers are remembered, up to a bound.

    >>> Memory(len)("abc")
    3
    """

    def __init__(self, function: Callable[[K], V]) -> None:
        self._function = function
        self._known: dict[K, V] = {}

    def __call__(self, key: K) -> V:
        """Return the answer for `key`."""
        try:
            return self._known[key]
        except KeyError:
            if len(self._known) >= _CACHE_ENTRIES:
                self._known.clear()
            value = self._known[key] = self._function(key)
            return value


@dataclass(frozen=True)
class Address:
    """A client address in canonical form, with its tokens."""

    text: str
    hex: str
    token: str
    net_token: str


def parse_address(text: str, keyer: Keyer) -> Address | None:
    """Return the address written in `text`, or None if it is not one.

    An IPv4 address mapped into IPv6 becomes IPv4. A port after the address and a zone index are
    dropped, because gateways log them.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1 and "." in text:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if isinstance(address, ipaddress.IPv4Address):
        net = str(ipaddress.ip_network((address, _IPV4_NET_BITS), strict=False))
        digits = f"{0xFFFF << 32 | int(address):032x}"
    else:
        net = str(ipaddress.ip_network((address, _IPV6_NET_BITS), strict=False))
        digits = f"{int(address):032x}"
    return Address(str(address), digits, keyer.token("ip", str(address)), keyer.token("ipnet", net))


def name_user_agent(text: str) -> str:
    """Return the family of a user agent, without its version.

    Browsers and known robots come from the ua-parser definitions; for an SDK or tool that they do
    not know it is the product name before the first slash.

    >>> name_user_agent("examplesdk-python/1.4.2 (Linux)")
    'examplesdk-python'
    """
    known = ua_parser.parse_user_agent(text)
    if known is not None and known.family and known.family != "Other":
        return str(known.family)
    product = text.partition("/")[0].strip()
    return product if _PRODUCT.fullmatch(product) else "Other"


@dataclass(frozen=True)
class Email:
    """What stays of an e-mail address."""

    token: str
    domain: str
    grammar: str


def parse_email(text: str, keyer: Keyer) -> Email | None:
    """Return token, domain and grammar of an e-mail address, or None if it is not one."""
    local, at, domain = text.strip().lower().rpartition("@")
    domain = domain.rstrip(".")
    if not at or not local or "." not in domain or not _HOST.fullmatch(domain):
        return None
    return Email(keyer.token("email", f"{local}@{domain}"), domain, write_grammar(local))


def write_grammar(local: str) -> str:
    """Return the shape of the part before the `@`: runs of letters and digits, separators kept.

    The length of a run of letters is given in buckets, that of digits as it is: sign-up scripts
    vary names, and rarely the number of digits after them.

    >>> write_grammar("jane.doe1984")
    'L4-5.L2-3D4'
    """
    parts = []
    for match in _RUNS.finditer(local):
        run = match.group()
        if run[0].isdigit():
            parts.append(f"D{len(run)}")
        elif run[0].isalpha():
            parts.append(f"L{_bucket(len(run))}")
        else:
            parts.append(run if run in "._-+" else "?")
    return "".join(parts)[:64]


def _bucket(length: int) -> str:
    for bound, name in _LENGTH_BUCKETS:
        if length <= bound:
            return name
    return "13+"


def parse_phone(text: str, keyer: Keyer) -> tuple[str, str | None] | None:
    """Return token and country of a phone number, or None if it has no digits.

    The country is known only for numbers in international form (`+` or `00`); the numbering zone
    +1 counts as US.
    """
    compact = re.sub(r"[\s().\-/]", "", text)
    if compact.startswith("00"):
        compact = "+" + compact[2:]
    digits = compact.removeprefix("+")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 20:
        return None
    country = None
    if compact.startswith("+"):
        for length in (3, 2, 1):
            country = CALLING_CODES.get(digits[:length])
            if country is not None:
                break
    return keyer.token("phone", compact), country


class Identities:
    """Tokens and parsed identity fields for one run, remembered as they repeat."""

    def __init__(self, keyer: Keyer) -> None:
        self.keyer = keyer
        self.address: Memory[str, Address | None] = Memory(lambda text: parse_address(text, keyer))
        self.user_agent: Memory[str, tuple[str, str]] = Memory(
            lambda text: (name_user_agent(text), keyer.token("ua", text))
        )
        self._tokens: Memory[tuple[str, ...], str] = Memory(
            lambda key: keyer.token(key[0], *key[1:])
        )

    def token(self, kind: str, *parts: str) -> str:
        """Return the keyed token of an identifier that is likely to come again."""
        return self._tokens((kind, *parts))

    def client(self, family: str | None, ja4: str | None, header_order: str | None) -> str | None:
        """Return the token of a client fingerprint, or None if none of its parts is known."""
        if family is None and ja4 is None and header_order is None:
            return None
        return self._tokens(("client", family or "", ja4 or "", header_order or ""))


def list_tokens(identities: Identities, kind: str, values: list[str] | None) -> Any:
    """Return the tokens of a list of identifiers, or None if the list is unknown."""
    if values is None:
        return None
    return [identities.keyer.token(kind, value) for value in values]
