"""Reads the indicator that a person asks for, in the form in which use of it is stored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Network, ip_network

from stillwatch.errors import InputError
from stillwatch.feeds.addresses import V4_OFFSET, RefusedError, to_hex
from stillwatch.feeds.domain_list import canonicalise_domain
from stillwatch.keyed import Keyer

# Which stored identifiers an indicator of a type is compared with: the same as in the dbt macro
# `hunted_identifiers` (a test compares them).
HUNTED_IDENTIFIERS: dict[str, tuple[str, ...]] = {
    "ipv4_cidr": ("address",),
    "ipv6_cidr": ("address",),
    "asn": ("asn",),
    "domain": ("email_domain",),
    "email_domain": ("email_domain",),
    "ja4": ("ja4",),
    "user_agent": ("user_agent", "user_agent_family"),
    "payment_bin": ("payment_bin",),
    "template_fingerprint": (
        "prefix_fp_8",
        "prefix_fp_16",
        "prefix_fp_32",
        "suffix_fp_6",
        "suffix_fp_12",
        "system_fp",
    ),
    "artifact_digest": ("artifact",),
}

_JA4 = re.compile(r"[tqd][0-9]{2}[di][0-9]{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}")
_ASN = re.compile(r"(?:ASN?\s*)([0-9]{1,10})", re.IGNORECASE)
_BIN = re.compile(r"[0-9]{4,8}")
_FINGERPRINT = re.compile(r"-?[0-9]{1,19}")
_TOKEN = re.compile(r"[0-9a-f]{20}")


@dataclass(frozen=True)
class Sought:
    """What is looked for: equal to one of `values`, in the range, or beginning with `prefix`."""

    indicator_type: str
    text: str  # canonical
    values: tuple[str, ...] = ()
    start_hex: str | None = None
    end_hex: str | None = None
    prefix: str | None = None

    @property
    def identifier_types(self) -> tuple[str, ...]:
        """The kinds of stored identifiers that are compared."""
        return HUNTED_IDENTIFIERS[self.indicator_type]


def read_sought(text: str, indicator_type: str | None, keyer: Keyer) -> Sought:
    """Return what `text` asks for; the type is told from its form unless it is given.

    Raises InputError where the text is not of the type, or could be of several.

    >>> read_sought("AS64500", None, Keyer(bytes(32)))
    Sought(indicator_type='asn', text='64500', values=('64500',), start_hex=None, end_hex=None, \
prefix=None)
    """
    text = text.strip()
    kind = indicator_type or _guess_type(text)
    match kind:
        case "ipv4_cidr" | "ipv6_cidr":
            return _read_network(text, kind)
        case "asn":
            found = re.fullmatch(r"(?:ASN?\s*)?([0-9]{1,10})", text, re.IGNORECASE)
            if found is None or int(found[1]) > 0xFFFF_FFFF:
                raise _refuse(text, kind, "write it as AS64500")
            return Sought(kind, str(int(found[1])), (str(int(found[1])),))
        case "domain" | "email_domain":
            try:
                domain = canonicalise_domain(text)
            except RefusedError as error:
                raise _refuse(text, kind, f"{error.reason}; write it as example.com") from error
            return Sought(kind, domain, (domain,))
        case "ja4":
            if not _JA4.fullmatch(text):
                raise _refuse(text, kind, "write it as t13d1516h2_8daaf6152771_e5627efa2ab1")
            return Sought(kind, text, (text,))
        case "user_agent":
            return Sought(kind, text, (keyer.token("ua", text), text))
        case "payment_bin":
            if not _BIN.fullmatch(text):
                raise _refuse(text, kind, "write 4 to 8 digits")
            return Sought(kind, text, prefix=text)
        case "template_fingerprint":
            if not _FINGERPRINT.fullmatch(text):
                raise _refuse(text, kind, "write the signed 64-bit number")
            return Sought(kind, str(int(text)), (str(int(text)),))
        case "artifact_digest":
            token = text if _TOKEN.fullmatch(text) else keyer.token("artifact", text)
            return Sought(kind, text, (token,))
        case _:
            raise InputError(f"type {kind!r} is none of {', '.join(HUNTED_IDENTIFIERS)}")


def _guess_type(text: str) -> str:
    try:
        return "ipv6_cidr" if ip_network(text, strict=False).version == 6 else "ipv4_cidr"
    except ValueError:
        pass
    if _ASN.fullmatch(text):
        return "asn"
    if _JA4.fullmatch(text):
        return "ja4"
    try:
        canonicalise_domain(text)
    except RefusedError as error:
        raise InputError(
            f"{text!r} could be of several types: say which with --type "
            f"({', '.join(HUNTED_IDENTIFIERS)})"
        ) from error
    return "email_domain"


def _read_network(text: str, kind: str) -> Sought:
    try:
        network = ip_network(text, strict=False)
    except ValueError as error:
        raise _refuse(text, kind, "write it as 198.51.100.0/24 or 2001:db8::/48") from error
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    is_mapped = mapped is not None and network.prefixlen >= 96
    if mapped is not None and is_mapped:  # canonical data hold it as IPv4
        network = ip_network((mapped, network.prefixlen - 96))
    actual = "ipv4_cidr" if network.version == 4 else "ipv6_cidr"
    if actual != kind and not is_mapped:
        raise _refuse(text, kind, f"it is an {actual}")
    start = int(network.network_address) + (V4_OFFSET if network.version == 4 else 0)
    end = start + network.num_addresses - 1
    return Sought(actual, str(network), start_hex=to_hex(start), end_hex=to_hex(end))


def _refuse(text: str, kind: str, advice: str) -> InputError:
    return InputError(f"--indicator {text!r} is not of type {kind}: {advice}")
