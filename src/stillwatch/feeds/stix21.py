"""STIX 2.1 bundles: indicator patterns that are equalities, one indicator per compared value.

An entry is one comparison of an indicator object, or one object that gives none. Objects of other
types (malware, relationships, sightings, notes, markings) are context and only counted: references
are never followed, so a cycle of them is nothing special.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from stix2 import patterns
from stix2.pattern_visitor import create_pattern_object

from stillwatch.feeds.addresses import RefusedError
from stillwatch.feeds.asn_list import canonicalise_asn
from stillwatch.feeds.cidr_list import make_address_indicator
from stillwatch.feeds.domain_list import canonicalise_domain
from stillwatch.feeds.entries import decode, load_json
from stillwatch.feeds.markings import Markings
from stillwatch.feeds.observables import OWN_TYPES, make_own_indicator
from stillwatch.feeds.parsed import Indicator, ParsedFeed, VersionRefusedError
from stillwatch.feeds.registry import Feed

_LONGEST_PATTERN = 10_000
_LONGEST_VALUE = 1_024
_LARGEST_OBJECT = 1_000_000  # characters of JSON: far above any honest indicator

_STRING = re.compile(r"'(?:[^'\\]|\\.)*'")
_QUALIFIERS = (
    (patterns.WithinQualifier, "unsupported_within"),
    (patterns.RepeatQualifier, "unsupported_repeats"),
    (patterns.StartStopQualifier, "unsupported_start_stop"),
)


def parse_stix21(feed: Feed, files: Mapping[str, bytes], known_at: datetime) -> ParsedFeed:
    """Return the indicators of STIX 2.1 bundles as they stood when the version became known.

    The envelopes of a TAXII server, which hold objects without being bundles, are read as well. Of
    an object that stands in several files the newest version counts. Revoked and expired objects
    are refused; one that begins later is kept with its `valid_from`.
    """
    parsed = ParsedFeed()
    objects = [item for name in sorted(files) for item in _read_objects(name, files[name])]
    markings = Markings(item for item in objects if isinstance(item, dict))
    for item in _drop_superseded(parsed, objects):
        _parse_indicator(parsed, feed, item, known_at, markings)
    return parsed


def _read_objects(name: str, content: bytes) -> list[Any]:
    document = load_json(name, decode(name, content))
    is_envelope = isinstance(document, dict) and "objects" in document and "type" not in document
    if not is_envelope and (not isinstance(document, dict) or document.get("type") != "bundle"):
        raise VersionRefusedError("unreadable", f"{name} is no STIX bundle (type is not `bundle`)")
    objects = document.get("objects", [])
    if not isinstance(objects, list):
        raise VersionRefusedError("unreadable", f"{name}: `objects` is not a list")
    return objects


def _drop_superseded(parsed: ParsedFeed, objects: list[Any]) -> list[dict[str, Any]]:
    """Return the newest version of each indicator object; all others are counted."""
    newest: dict[str, tuple[datetime, str, dict[str, Any]]] = {}
    for item in objects:
        if not isinstance(item, dict):
            parsed.refuse("malformed", str(item)[:_LONGEST_VALUE])
            continue
        kind, name = item.get("type"), item.get("id")
        if not isinstance(kind, str) or not kind:
            parsed.refuse("no_type", str(name)[:_LONGEST_VALUE])
            continue
        if kind != "indicator":
            parsed.other_objects[kind[:64]] += 1
            continue
        if not isinstance(name, str) or not name.startswith("indicator--"):
            parsed.refuse("malformed", f"id {str(name)[:_LONGEST_VALUE]!r}")
            continue
        text = json.dumps(item, sort_keys=True)
        if len(text) > _LARGEST_OBJECT:
            parsed.refuse("object_too_large", name)
            continue
        try:
            modified = _parse_instant(item.get("modified")) or datetime.min.replace(tzinfo=UTC)
        except ValueError:
            parsed.refuse("malformed", f"{name}: modified")
            continue
        candidate = (modified, text, item)
        held = newest.get(name)
        if held is None:
            newest[name] = candidate
            continue
        if held[1] == candidate[1]:
            parsed.refuse("duplicate", name)
            continue
        parsed.refuse("superseded", name)
        newest[name] = max(held, candidate, key=lambda entry: entry[:2])
    return [newest[name][2] for name in sorted(newest)]


def _parse_indicator(
    parsed: ParsedFeed, feed: Feed, item: dict[str, Any], known_at: datetime, markings: Markings
) -> None:
    name: str = item["id"]
    pattern = item.get("pattern")
    if item.get("revoked") is True:
        parsed.refuse("revoked", name)
        return
    try:
        valid_from = _parse_instant(item.get("valid_from"))
        valid_until = _parse_instant(item.get("valid_until"))
    except ValueError:
        parsed.refuse("malformed", f"{name}: valid_from or valid_until")
        return
    if valid_from and valid_until and valid_until <= valid_from:
        parsed.refuse("malformed", f"{name}: valid_until is not after valid_from")
        return
    if valid_until is not None and valid_until <= known_at:
        parsed.refuse("expired", name)
        return
    if item.get("pattern_type", "stix") != "stix":
        parsed.refuse("unsupported_pattern_type", f"{name}: {item['pattern_type']}")
        return
    confidence = item.get("confidence")
    if confidence is not None and (type(confidence) is not int or not 0 <= confidence <= 100):
        parsed.refuse("malformed", f"{name}: confidence")
        return
    if not isinstance(pattern, str) or not pattern:
        parsed.refuse("malformed", f"{name}: no pattern")
        return
    if item.get("extensions"):
        parsed.other_objects["ignored_extension"] += 1  # it adds, and never changes, properties
    try:
        comparisons = _split_pattern(pattern)
    except RefusedError as error:
        parsed.refuse(error.reason, f"{name}: {pattern}")
        return
    excluded = {entry.value for entry in feed.exclude}
    for object_type, path, value in comparisons:
        entry = f"{object_type}:{path} = {value}"
        try:
            kind, found = _convert(feed, object_type, path, value)
        except RefusedError as error:
            is_personal = error.reason in ("personal_address", "card_number")
            parsed.refuse(error.reason, name if is_personal else entry)
            continue
        if found.value in excluded:
            parsed.refuse("excluded", entry)
            continue
        indicator = Indicator(
            type=kind,
            value=found.value,
            match_value=found.match_value,
            labels=feed.labels,
            confidence=confidence,
            valid_from=valid_from,
            valid_until=valid_until,
            marking=markings.get_strictest_of(item),
            start=found.start,
            end=found.end,
        )
        parsed.use(indicator, found.value)


def _split_pattern(pattern: str) -> list[tuple[str, str, str]]:
    """Return the (object type, path, value) equalities that a pattern joins by OR."""
    if len(pattern) > _LONGEST_PATTERN:
        raise RefusedError("pattern_too_long")
    try:
        tree = create_pattern_object(pattern, version="2.1")
    except RecursionError as error:
        raise RefusedError("pattern_too_long") from error
    except Exception as error:  # the parser raises many kinds for bad patterns
        is_valid = re.search(r"\bAND\b", _STRING.sub("", pattern)) and "'AND'" in str(error)
        raise RefusedError("unsupported_and" if is_valid else "malformed_pattern") from error
    return list(_walk(tree))


def _walk(node: Any) -> Iterator[tuple[str, str, str]]:
    match node:
        case patterns.ParentheticalExpression():
            yield from _walk(node.expression)
        case patterns.OrObservationExpression() | patterns.OrBooleanExpression():
            for operand in node.operands:
                yield from _walk(operand)
        case patterns.ObservationExpression():
            yield from _walk(node.operand)
        case patterns.AndObservationExpression() | patterns.AndBooleanExpression():
            raise RefusedError("unsupported_and")
        case patterns.FollowedByObservationExpression():
            raise RefusedError("unsupported_followedby")
        case patterns.QualifiedObservationExpression():
            for kind, reason in _QUALIFIERS:
                if isinstance(node.qualifier, kind):
                    raise RefusedError(reason)
            raise RefusedError("unsupported_qualifier")
        case patterns.LikeComparisonExpression() if _is_mail_domain(node):
            yield "email-addr", "value", _read_constant(node.rhs).removeprefix("%")
        case patterns.LikeComparisonExpression():
            raise RefusedError("unsupported_like")
        case patterns.MatchesComparisonExpression():
            raise RefusedError("unsupported_matches")
        case (
            patterns.EqualityComparisonExpression()
            | patterns.IsSubsetComparisonExpression()
            | patterns.InComparisonExpression()
        ) if not node.negated:
            path = ".".join(str(part).strip("'") for part in _list_steps(node.lhs))
            is_list = isinstance(node.rhs, patterns.ListConstant)
            for constant in node.rhs.value if is_list else [node.rhs]:
                yield node.lhs.object_type_name, path, _read_constant(constant)
        case _ if getattr(node, "negated", False):
            raise RefusedError("unsupported_not")
        case _:
            raise RefusedError("unsupported_comparison")


def _read_constant(constant: Any) -> str:
    """Return a constant as text; the library leaves a string's backslashes to the reader."""
    text = str(constant.value)
    is_string = isinstance(constant, patterns.StringConstant)
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL) if is_string else text


def _is_mail_domain(node: Any) -> bool:
    """Return whether a LIKE asks for all addresses of one domain: a domain in other words."""
    text = str(node.rhs.value)
    is_mail = node.lhs.object_type_name == "email-addr" and _list_steps(node.lhs) == ["value"]
    has_wildcard = "%" in text[1:] or "_" in text
    return is_mail and not node.negated and text.startswith("%@") and not has_wildcard


def _list_steps(path: Any) -> list[str]:
    return [str(getattr(step, "property_name", step)) for step in path.property_path]


def _convert(feed: Feed, object_type: str, path: str, value: str) -> tuple[str, Indicator]:
    if not value or len(value) > _LONGEST_VALUE:
        raise RefusedError("malformed")
    match object_type, path:
        case (("ipv4-addr" | "ipv6-addr"), "value"):
            found = make_address_indicator(feed, value)
            if found.type[:4] != object_type[:4]:
                raise RefusedError("invalid_address")
            return found.type, found
        case "domain-name", "value":
            domain = canonicalise_domain(value)
            return "domain", Indicator("domain", domain, match_value=domain)
        case "email-addr", "value":
            if not value.startswith("@"):
                raise RefusedError("personal_address")  # a person is no infrastructure
            domain = canonicalise_domain(value)
            return "email_domain", Indicator("email_domain", domain, match_value=domain)
        case "autonomous-system", "number":
            number = canonicalise_asn(value)
            return "asn", Indicator("asn", number, match_value=number)
        case "file" | "artifact", _ if path.startswith("hashes"):
            raise RefusedError("hash_only")
    own = _find_own_type(object_type, path)
    if own is None:
        raise RefusedError("unsupported_object")
    return own, make_own_indicator(own, value)


def _find_own_type(object_type: str, path: str) -> str | None:
    if object_type == "x-stillwatch":
        name = path
    elif object_type.startswith("x-stillwatch-") and path == "value":
        name = object_type.removeprefix("x-stillwatch-")
    else:
        return None
    name = name.replace("-", "_")
    return name if name in OWN_TYPES else None


def _parse_instant(value: object) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a time")  # noqa: TRY004 - one kind for the caller
    instant = datetime.fromisoformat(value)
    if instant.tzinfo is None:
        raise ValueError(f"{value!r} has no zone")
    return instant.astimezone(UTC)
