"""The types of MISP attributes that become indicators, and why the others do not."""

from __future__ import annotations

from typing import Any

from stillwatch.feeds.addresses import WELL_KNOWN_DOMAINS, RefusedError
from stillwatch.feeds.asn_list import canonicalise_asn
from stillwatch.feeds.cidr_list import cut_port, make_address_indicator
from stillwatch.feeds.domain_list import canonicalise_domain
from stillwatch.feeds.observables import make_own_indicator
from stillwatch.feeds.parsed import Indicator
from stillwatch.feeds.registry import Feed

_LONGEST_VALUE = 1_024

_ADDRESS_TYPES = ("ip-src", "ip-dst")
_ADDRESS_PORT_TYPES = ("ip-src|port", "ip-dst|port")
_DOMAIN_TYPES = ("domain", "hostname")
_MAIL_SENDER_TYPES = ("email", "email-src")
_REFUSED_PREFIXES = (
    ("x509-fingerprint", "certificate"),
    ("ja3-fingerprint", "ja3_not_ja4"),
    ("email-", "personal_address"),
    ("whois-registrant-", "personal_address"),
    ("filename|", "hash_only"),
)
_HASH_TYPES = (
    "authentihash cdhash imphash impfuzzy md5 pehash sha1 sha224 sha256 sha384 sha512 sha512/224 "
    "sha512/256 sha3-224 sha3-256 sha3-384 sha3-512 ssdeep telfhash tlsh vhash"
)
_REFUSED_TYPES = {
    "uri": "url",
    "url": "url",
    "link": "url",
    "dns-soa-email": "personal_address",
    "target-email": "personal_address",
    "jabber-id": "personal_address",
} | dict.fromkeys(_HASH_TYPES.split(), "hash_only")


def split_value(kind: str, value: object) -> list[tuple[str, str]]:
    """Return the values of an attribute that we may know, each with its simple type."""
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_VALUE:
        raise RefusedError("malformed")
    reason = _REFUSED_TYPES.get(kind)
    for prefix, prefix_reason in _REFUSED_PREFIXES:
        if reason is None and kind.startswith(prefix) and kind not in _MAIL_SENDER_TYPES:
            reason = prefix_reason
    if reason is not None:
        raise RefusedError(reason)
    first, bar, second = value.partition("|")
    if kind in _ADDRESS_PORT_TYPES:
        return [("ip-src", first if bar else cut_port(value))]
    if kind == "hostname|port":
        return [("domain", first if bar else value.partition(":")[0])]
    if kind == "domain|ip":
        return [("domain", first), ("ip-dst", second)]
    return [(kind, value)]


def convert_value(feed: Feed, attribute: dict[str, Any], kind: str, value: str) -> Indicator:
    """Return the indicator of one value, or raise RefusedError."""
    relation = str(attribute.get("object_relation") or "").lower()
    if kind in _ADDRESS_TYPES:
        return make_address_indicator(feed, value)
    if kind in _DOMAIN_TYPES:
        domain = canonicalise_domain(value)
        return Indicator("domain", domain, match_value=domain)
    if kind in _MAIL_SENDER_TYPES:
        return _convert_sender(value)
    if kind.startswith("ja4") or (kind == "text" and relation.startswith("ja4")):
        return make_own_indicator("ja4", value)
    match kind:
        case "AS":
            number = canonicalise_asn(value)
            return Indicator("asn", number, match_value=number)
        case "user-agent":
            return make_own_indicator("user_agent", value)
        case "bin" | "cc-number":
            return make_own_indicator("payment_bin", value)
    raise RefusedError("unsupported_type")


def _convert_sender(value: str) -> Indicator:
    """Return the domain of a sender's address; the person before the `@` is never kept.

    At a provider that everybody uses the domain says nothing of the sender.
    """
    _, at, host = value.rpartition("@")
    if not at:
        raise RefusedError("invalid_domain")
    domain = canonicalise_domain(host)
    if domain in WELL_KNOWN_DOMAINS:
        raise RefusedError("shared_mail_domain")
    return Indicator("email_domain", domain, match_value=domain)
