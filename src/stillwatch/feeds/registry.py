"""The feeds that are known: entries of `<config>/feeds.yml` and folders below `landing/feeds/`.

An entry says where a feed comes from, how far it is trusted, how it may be used and what it must
look like to be believed. It is read strictly: an unknown key is an error, so that a misspelt bound
never leaves a feed without its bound.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stillwatch.errors import ConfigError, InputError
from stillwatch.feeds.access import Auth, check_url
from stillwatch.feeds.addresses import WELL_KNOWN_RESOLVERS_ID
from stillwatch.feeds.landed import DeliveredFeeds
from stillwatch.log import get_logger
from stillwatch.settings import Settings

_LOG = get_logger(__name__)

FEED_ID_PATTERN = r"^[a-z0-9][a-z0-9_.-]{0,63}$"
PERMITTED_USES = ("internal", "peers", "public")  # from the narrowest to the widest
NO_LICENCE = "none stated"
DEFAULT_TTL_DAYS = 7  # of a feed that states none: what nobody vouches for is soon let go
_FeedId = Annotated[str, Field(pattern=FEED_ID_PATTERN)]


class FeedKind(StrEnum):
    """What a feed's entries are."""

    CIDR_LIST = "cidr_list"
    DOMAIN_LIST = "domain_list"
    ASN_LIST = "asn_list"
    IP2ASN = "ip2asn"
    IP2COUNTRY = "ip2country"
    STIX21 = "stix21"
    MISP = "misp"
    BIN_LIST = "bin_list"
    TAXII21 = "taxii21"
    CSL = "csl"

    @property
    def is_party_list(self) -> bool:
        """Whether the feed lists parties by name, and no indicators."""
        return self is FeedKind.CSL

    @property
    def is_lookup(self) -> bool:
        """Whether the feed only gives ranges to look addresses up in, and no indicators."""
        return self in (FeedKind.IP2ASN, FeedKind.IP2COUNTRY)


class Marking(StrEnum):
    """TLP 2.0, from the freest to the strictest."""

    CLEAR = "TLP:CLEAR"
    GREEN = "TLP:GREEN"
    AMBER = "TLP:AMBER"
    AMBER_STRICT = "TLP:AMBER+STRICT"
    RED = "TLP:RED"


def get_strictest(markings: list[Marking]) -> Marking:
    """Return the strictest of some markings.

    >>> get_strictest([Marking.GREEN, Marking.CLEAR])
    <Marking.GREEN: 'TLP:GREEN'>
    """
    order = list(Marking)
    return max(markings, key=order.index)


def get_narrowest_use(uses: list[str]) -> str:
    """Return the narrowest of some permitted uses.

    >>> get_narrowest_use(["public", "peers"])
    'peers'
    """
    return min(uses, key=PERMITTED_USES.index)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Bounds(_Strict):
    """What a version must look like to be believed; see docs/reference/feeds.md."""

    widest_prefix_v4: int = Field(default=8, ge=0, le=32)
    widest_prefix_v6: int = Field(default=19, ge=0, le=128)
    min_entries: int = Field(default=1, ge=1)
    max_entries: int = Field(default=1_000_000, ge=1)
    max_shrink_ratio: float = Field(
        default=0.5, ge=0, le=1
    )  # share of the last good version that may go
    max_growth_ratio: float = Field(default=3.0, ge=1)  # multiple of the last good version

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_entries < self.min_entries:
            raise ValueError(f"max_entries {self.max_entries} < min_entries {self.min_entries}")
        return self


class ParserHints(_Strict):
    """How to find the entries in the feed's files; the defaults fit plain lists."""

    format: Literal["auto", "text", "csv", "json"] = "auto"
    json_path: str = ""  # dotted path to the list, such as `list`; empty: the document itself
    comment: str = "#"  # a line, or the rest of one, that starts with it is no entry; empty: none
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    has_header: bool = False
    column: str | int = 0  # of the entry in a CSV file or JSON object: its name or its place
    start_column: int = 0  # of ip2asn and ip2country
    end_column: int = 1
    label_column: int = 2
    range_end_column: int | None = None  # of cidr_list: `column` is a start, this the end
    has_port: bool = False  # of cidr_list: entries are `address:port`, perhaps `scheme://` before
    labels_column: str | int | None = None  # of bin_list: further labels, separated by `;`
    honours_distribution: bool = True  # of misp: an event not meant for all stays inside
    indicator_type: Literal["domain", "email_domain"] = "domain"


class TaxiiHints(_Strict):
    """Which collection of a TAXII server is pulled, and in which portions."""

    collection: str = Field(min_length=1, max_length=256)  # its id, alias or title
    api_root: str | None = Field(default=None, pattern=r"^https?://[^/\s]+")  # else: discovery
    page_size: int = Field(default=1000, ge=1, le=100_000)  # asked for; a server may give less
    max_pages: int = Field(default=2_000, ge=1, le=99_999)
    max_objects: int = Field(default=1_000_000, ge=1)
    overlap_seconds: int = Field(default=3600, ge=0, le=7 * 86_400)  # asked for again: late entries


class MispHints(_Strict):
    """How a MISP feed is laid out at its URL, and how much of a feed folder one pull may take."""

    layout: Literal["auto", "folder", "file"] = "auto"  # auto goes by the end of the URL
    max_events: int = Field(default=5_000, ge=1, le=100_000)  # fetched by one pull
    max_failed_ratio: float = Field(default=0.1, ge=0, le=1)  # of the events that still count


class Exclusion(_Strict):
    """One entry of a feed that is known to be wrong, with the reason why it is left out."""

    value: str = Field(min_length=1)
    reason: str = Field(min_length=1)


class Feed(_Strict):
    """One feed: where it comes from, what it says, how far it is trusted and may be used."""

    id: _FeedId
    kind: FeedKind
    url: str | None = Field(default=None, pattern=r"^https?://[^/\s]+")
    path: str | tuple[str, ...] | None = None
    auth: Auth | None = None  # how its server knows us; names where the key lies
    parser: ParserHints = ParserHints()
    taxii: TaxiiHints | None = None  # of kind taxii21
    misp: MispHints | None = None  # of kind misp
    labels: tuple[Annotated[str, Field(pattern=r"^[a-z0-9_]+$")], ...] = Field(min_length=1)
    confidence: int = Field(default=50, ge=0, le=100)
    source_reliability: Literal["A", "B", "C", "D", "E", "F"]
    information_credibility: int = Field(default=6, ge=1, le=6)  # 6: it cannot be judged
    marking: Marking
    permitted_use: Literal["internal", "peers", "public"] = "internal"
    licence: str | None = None  # without it nothing of the feed leaves the house
    ttl_days: int | None = Field(default=None, ge=1, le=3650)  # likewise
    bounds: Bounds = Bounds()
    is_protected_list: bool = False
    protects: Literal["addresses", "networks"] = "addresses"  # of a protected list
    may_cover: tuple[_FeedId, ...] = ()  # protected lists that it may cover, by id
    exclude: tuple[Exclusion, ...] = ()
    note: str = ""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if self.url is not None and self.path is not None:
            raise ValueError("give `url` or `path`, not both")
        if self.auth is not None and self.url is None:
            raise ValueError("`auth` belongs to a `url`")
        if self.url is not None:
            check_url(self.url, self.auth is not None)
        return self

    @model_validator(mode="after")
    def _collection_of_taxii(self) -> Self:
        if self.kind is not FeedKind.TAXII21:
            if self.taxii is not None:
                raise ValueError("`taxii` belongs to kind taxii21")
            return self
        if self.path is not None or (self.url is not None and self.taxii is None):
            raise ValueError("kind taxii21 needs a `url` and `taxii: {collection: …}`, no `path`")
        if self.taxii is not None and self.taxii.api_root is not None:
            check_url(self.taxii.api_root, self.auth is not None)
        return self

    @model_validator(mode="after")
    def _layout_of_misp(self) -> Self:
        if self.misp is not None and (self.kind is not FeedKind.MISP or self.url is None):
            raise ValueError("`misp` belongs to kind misp, with a `url`")
        return self

    @model_validator(mode="after")
    def _kind_of_protected_list(self) -> Self:
        if self.is_protected_list and self.kind is not FeedKind.CIDR_LIST:
            raise ValueError(f"is_protected_list needs kind cidr_list, not {self.kind}")
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        """The entries of `path`, none if the feed is pulled from a URL or only delivered."""
        if self.path is None:
            return ()
        return (self.path,) if isinstance(self.path, str) else self.path

    @property
    def ttl(self) -> timedelta:
        """How long an entry counts after the pull that brought it."""
        return timedelta(days=self.ttl_days or DEFAULT_TTL_DAYS)

    @property
    def has_terms(self) -> bool:
        """Whether the feed says under which licence it comes and how long its entries hold."""
        return bool(self.licence and self.licence.strip()) and self.ttl_days is not None

    @property
    def effective_use(self) -> str:
        """What may be done with its entries: without terms they are for inside only."""
        return self.permitted_use if self.has_terms else "internal"


class ProtectedValue(_Strict):
    """One own address, network or domain that no feed may list, with the reason."""

    value: str = Field(min_length=1)
    reason: str = Field(min_length=1)


def read_protected(settings: Settings) -> tuple[ProtectedValue, ...]:
    """Return what `<config>/feeds.yml` protects by name, below its key `protected`."""
    path = settings.config / "feeds.yml"
    if not path.exists():
        return ()
    entries = _parse_mapping(_read_text(path), str(path)).get("protected") or []
    try:
        return tuple(ProtectedValue.model_validate(entry) for entry in entries)
    except (TypeError, ValidationError) as error:
        raise ConfigError(
            f"{path}: key protected needs a list of `value` and `reason`: "
            + re.sub(r"\s+", " ", str(error))
        ) from error


@dataclass(frozen=True)
class FeedEntries:
    """The entries that can be used, sorted by id, and why a landed one cannot, by its folder."""

    feeds: tuple[Feed, ...]
    unused: dict[str, str]


def find_feeds(settings: Settings) -> list[Feed]:
    """Return every configured and delivered feed that can be used, sorted by id.

    A wrong reviewed entry is a ConfigError; a landed one that cannot be used is logged.
    """
    entries = read_entries(settings)
    for feed_id, reason in entries.unused.items():
        _LOG.warning("landed feed %s is not used: %s", feed_id, reason)
    return list(entries.feeds)


def read_entries(settings: Settings) -> FeedEntries:
    """Return the entries of `<config>/feeds.yml` and of landing, those that cannot be used apart.

    A folder `landing/feeds/<feed_id>/` with a `feed.yml` is a feed too; where both exist the
    reviewed entry of `<config>/feeds.yml` counts. A wrong reviewed entry is a ConfigError. A wrong
    landed one costs its own feed alone: who delivers must not stop the line by it.
    """
    reviewed = {feed.id: feed for feed in _read_config(settings.config / "feeds.yml")}
    delivered = DeliveredFeeds(settings)
    landed: dict[str, Feed] = {}
    unused: dict[str, str] = {}
    for feed_id in delivered.list_ids():
        if feed_id not in reviewed:
            try:
                landed[feed_id] = _read_landed_entry(delivered, feed_id)
            except (ConfigError, InputError) as error:
                unused[feed_id] = str(error)
    protected = {
        feed.id for feed in (*reviewed.values(), *landed.values()) if feed.is_protected_list
    } | {WELL_KNOWN_RESOLVERS_ID}
    for feed in reviewed.values():
        _check_references(feed, protected)
    for feed_id, feed in list(landed.items()):
        try:
            _check_references(feed, protected)
        except ConfigError as error:
            unused[feed_id] = str(error)
            del landed[feed_id]
    feeds = reviewed | landed
    return FeedEntries(tuple(feeds[feed_id] for feed_id in sorted(feeds)), unused)


def _read_landed_entry(delivered: DeliveredFeeds, feed_id: str) -> Feed:
    """Return the feed that a landed folder describes; what landed does not decide what is fetched.

    Only a reviewed entry is ever pulled.
    """
    origin = delivered.get_definition_location(feed_id)
    text = delivered.read_definition(feed_id)
    if text is None:
        raise ConfigError(f"{origin} is missing and no feeds.yml names {feed_id}")
    feed = _parse_entry({"id": feed_id} | _parse_mapping(text, origin), origin, "")
    if feed.id != feed_id:
        raise ConfigError(f"{origin}: id is {feed.id!r}, but the folder is {feed_id!r}")
    return feed.model_copy(update={"url": None, "path": None, "auth": None})


def _read_config(path: Path) -> list[Feed]:
    if not path.exists():
        return []
    text = _read_text(path)
    document = _parse_mapping(text, str(path))
    unknown = sorted(set(document) - {"feeds", "protected"})
    if unknown:
        raise ConfigError(f"{path}: unknown key {unknown[0]!r} (keys are `feeds`, `protected`)")
    entries = document.get("feeds") or []
    if not isinstance(entries, list):
        raise ConfigError(f"{path}: key feeds is not a list")
    feeds = [_parse_entry(entry, str(path), f"feeds[{n}]") for n, entry in enumerate(entries)]
    ids = [feed.id for feed in feeds]
    for feed_id in ids:
        if ids.count(feed_id) > 1:
            raise ConfigError(f"{path}: the feed id {feed_id!r} is used {ids.count(feed_id)} times")
    return feeds


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


def _parse_mapping(text: str, origin: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = re.sub(r"\s+", " ", str(error))
        raise ConfigError(f"{origin} is not YAML: {where}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(f"{origin} holds a {type(document).__name__}, not keys and values")
    return document


def _parse_entry(entry: object, origin: str, place: str) -> Feed:
    try:
        return Feed.model_validate(entry)
    except ValidationError as error:
        name = entry.get("id") if isinstance(entry, dict) else None
        problems = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'entry'}: {item['msg']}"
            for item in error.errors()
        )
        named = " ".join(part for part in (place, f"({name})" if name else "") if part)
        raise ConfigError(f"{origin}: {named}: {problems}") from error


def _check_references(feed: Feed, protected: Collection[str]) -> None:
    for feed_id in feed.may_cover:
        if feed_id not in protected:
            raise ConfigError(
                f"feed {feed.id}: may_cover names {feed_id!r}, which is no protected list"
            )
