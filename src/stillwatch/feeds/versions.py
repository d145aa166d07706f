"""Judges every landed version of a feed once, in the order in which they became known.

A verdict depends only on what had landed by the end of the version's own day (the version, the
last good one before it, the protected lists known then) and on the feed's entry, so judging day
by day, all at once or again gives the same verdicts. Good versions lie parsed in `feeds/`; the
verdicts on refused ones are kept in the cache.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from stillwatch.feeds.asn_list import parse_asn_list
from stillwatch.feeds.bin_list import parse_bin_list
from stillwatch.feeds.cidr_list import parse_cidr_list
from stillwatch.feeds.csl import parse_csl
from stillwatch.feeds.domain_list import parse_domain_list
from stillwatch.feeds.gate import (
    ProtectedList,
    check_protected,
    check_protected_domains,
    check_size,
    get_well_known_resolvers,
    is_checked_against_protected,
    read_own_values,
)
from stillwatch.feeds.landed import DeliveredFeeds, LandedVersion, find_missing, select_inputs
from stillwatch.feeds.lookup_tables import parse_lookup_table
from stillwatch.feeds.misp_state import parse_misp_version
from stillwatch.feeds.parsed import ParsedFeed, VersionRefusedError
from stillwatch.feeds.registry import Feed, FeedKind, read_protected
from stillwatch.feeds.stix21 import parse_stix21
from stillwatch.feeds.tables import list_ranges, read_history, read_spans, write_tables
from stillwatch.feeds.taxii21_state import parse_taxii21
from stillwatch.keyed import Keyer
from stillwatch.log import get_logger
from stillwatch.runs import end_of_day, exclusive, get_paths, read_json, write_json
from stillwatch.settings import Settings, get_deployment_key

_LOG = get_logger(__name__)

_PARSER_VERSION = 3  # counts up when a parser gives another answer: all versions are read anew
_RECORD = "version.json"
_NOT_JUDGED = {
    "url",
    "path",
    "auth",
    "taxii",
    "misp",
    "note",
}  # keys of an entry that no verdict depends on


@dataclass(frozen=True)
class Verdict:
    """What came of one version; `reason` is None if it is good."""

    feed_id: str
    kind: str
    version: str
    known_at: str
    digest: str
    reason: str | None
    detail: str | None
    entry_count: int
    used_count: int
    refused_count: int
    refused_by_reason: dict[str, int]
    refused_examples: dict[str, list[str]]
    canonicalised_count: int
    other_objects: dict[str, int]
    protected: dict[str, str]

    @property
    def known_instant(self) -> datetime:
        """When the version became known."""
        return datetime.fromisoformat(self.known_at)


class FeedVersions:
    """Judges and parses the versions of the feeds of one run day."""

    def __init__(self, settings: Settings, feeds: Sequence[Feed], day: date) -> None:
        self._paths = get_paths(settings)
        self._delivered = DeliveredFeeds(settings)
        self._keyer = Keyer(get_deployment_key(settings))
        self._feeds = {feed.id: feed for feed in feeds}
        self._day = day
        self._known: dict[str, list[LandedVersion]] = {}
        self._verdicts: dict[str, list[Verdict]] = {}
        self._protected: dict[tuple[str, str], ProtectedList] = {}
        self._own_values = read_protected(settings)
        self._always = [get_well_known_resolvers(), read_own_values(self._own_values)]

    def get_folder(self, feed_id: str, version: str) -> Path:
        """Return the folder of a good version."""
        return self._paths.feeds / feed_id / version

    def judge(self, feed: Feed) -> list[Verdict]:
        """Return the verdict on every version known at the end of the day, oldest first."""
        if feed.id not in self._verdicts:
            known = [
                version
                for version in self._delivered.list_versions(feed.id)
                if version.known_at < end_of_day(self._day)
            ]
            self._known[feed.id] = known
            with exclusive(self._paths, f"feed-{feed.id}"):
                verdicts: list[Verdict] = []
                for version in known:
                    verdicts.append(self._judge_version(feed, version, verdicts))
            self._verdicts[feed.id] = verdicts
        return self._verdicts[feed.id]

    def find_in_use(self, feed: Feed) -> tuple[Verdict | None, list[Verdict]]:
        """Return the newest version that may be used on the day, and all that may not.

        A version that was good when it landed is put aside if it covers an address that has been
        protected since.
        """
        refused = []
        in_use = None
        present = self._find_protected(feed, end_of_day(self._day))
        for verdict in reversed(self.judge(feed)):
            if verdict.reason is None and in_use is None:
                if verdict.protected != present:
                    verdict = self._check_again(feed, verdict, present)
                if verdict.reason is None:
                    in_use = verdict
            if verdict.reason is not None:
                refused.append(verdict)
        return in_use, refused[::-1]

    def _judge_version(
        self, feed: Feed, version: LandedVersion, earlier: Sequence[Verdict]
    ) -> Verdict:
        good = [verdict for verdict in earlier if verdict.reason is None]
        protected = self._find_protected(feed, end_of_day(version.known_at.date()))
        digest = self._make_digest(feed, version, good[-1] if good else None, protected)
        folder = self.get_folder(feed.id, version.name)
        refusal = self._paths.cache / "feeds" / feed.id / f"{version.name}.json"
        for record in (folder / _RECORD, refusal):
            held = _read_verdict(record)
            if held is not None and held.digest == digest:
                return held
        parsed = ParsedFeed()
        reason = detail = None
        try:
            parsed = self._read_and_parse(feed, version)
            check_size(feed, parsed.used_count, good[-1].used_count if good else None)
            ranges = list_ranges(feed, parsed, version.known_at, self._keyer)
            check_protected(feed, ranges, self._load_protected(protected))
            check_protected_domains(feed, parsed.indicators.values(), self._always)
        except VersionRefusedError as error:
            reason, detail = error.reason, error.detail
            _LOG.warning("feed %s: version %s refused: %s", feed.id, version.name, error)
        verdict = _make_verdict(feed, version, digest, parsed, protected, reason, detail)
        if reason is not None:
            shutil.rmtree(folder, ignore_errors=True)
            write_json(refusal, asdict(verdict))
            return verdict
        history = read_history([self.get_folder(feed.id, item.version) for item in good])
        temporary = folder.with_name(f".{version.name}.{secrets.token_hex(4)}.tmp")
        temporary.mkdir(parents=True)
        try:
            write_tables(temporary, feed, version, parsed, ranges, history, self._keyer)
            write_json(temporary / _RECORD, asdict(verdict))
            shutil.rmtree(folder, ignore_errors=True)
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        refusal.unlink(missing_ok=True)
        _LOG.info(
            "feed %s: version %s parsed: %d entries, %d used, %d refused",
            *(feed.id, version.name, parsed.entry_count, parsed.used_count),
            verdict.refused_count,
        )
        return verdict

    def _read_and_parse(self, feed: Feed, version: LandedVersion) -> ParsedFeed:
        missing = find_missing(version, self._delivered.read_pull_record(version))
        if missing:
            raise VersionRefusedError("incomplete", f"the pull broke off: {missing[0]} is missing")
        if not version.files:
            raise VersionRefusedError("empty", "the landing folder holds no file")
        if feed.kind is FeedKind.TAXII21:
            return parse_taxii21(feed, version, self._known[feed.id], self._delivered)
        if feed.kind is FeedKind.MISP:
            return parse_misp_version(feed, version, self._known[feed.id], self._delivered)
        files = {file.name: self._delivered.read_file(version, file.name) for file in version.files}
        return _parse(feed, version, files)

    def _check_again(self, feed: Feed, verdict: Verdict, present: dict[str, str]) -> Verdict:
        spans = read_spans(self.get_folder(feed.id, verdict.version))
        try:
            check_protected(feed, spans, self._load_protected(present))
        except VersionRefusedError as error:
            _LOG.warning("feed %s: version %s put aside: %s", feed.id, verdict.version, error)
            return replace(verdict, reason=error.reason, detail=error.detail)
        return verdict

    def _find_protected(self, feed: Feed, before: datetime) -> dict[str, str]:
        """Return the version of each protected list that was in use just before an instant."""
        found: dict[str, str] = {}
        if not is_checked_against_protected(feed):
            return found
        for other in self._feeds.values():
            if not other.is_protected_list or other.id in feed.may_cover:
                continue
            for verdict in self.judge(other):
                if verdict.reason is None and verdict.known_instant < before:
                    found[other.id] = verdict.version
        return found

    def _load_protected(self, versions: Mapping[str, str]) -> list[ProtectedList]:
        lists = list(self._always)
        for key in sorted(versions.items()):
            if key not in self._protected:
                spans = [(start, end) for start, end, _ in read_spans(self.get_folder(*key))]
                is_of_networks = self._feeds[key[0]].protects == "networks"
                self._protected[key] = ProtectedList(key[0], spans, allows_small=is_of_networks)
            lists.append(self._protected[key])
        return lists

    def _make_digest(
        self,
        feed: Feed,
        version: LandedVersion,
        previous: Verdict | None,
        protected: Mapping[str, str],
    ) -> str:
        basis: dict[str, Any] = {
            "parser": _PARSER_VERSION,
            "feed": feed.model_dump(mode="json", exclude=_NOT_JUDGED),
            "key": self._keyer.token("feeds", "key check"),
            "files": [asdict(file) for file in version.files],
            "previous": previous.digest if previous else None,
            "own_values": [item.value for item in self._own_values],
            "protected": [
                [feed_id, name, self._get_digest(feed_id, name)]
                for feed_id, name in sorted(protected.items())
            ],
        }
        if feed.kind in (FeedKind.TAXII21, FeedKind.MISP):  # made of earlier pulls, too
            inputs = select_inputs(version, self._known[feed.id], feed.ttl)
            basis["inputs"] = [[item.name, *map(asdict, item.files)] for item in inputs]
        return hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()

    def _get_digest(self, feed_id: str, version: str) -> str:
        return next(item.digest for item in self._verdicts[feed_id] if item.version == version)


def _parse(feed: Feed, version: LandedVersion, files: Mapping[str, bytes]) -> ParsedFeed:
    parsers: dict[FeedKind, Callable[[Feed, Mapping[str, bytes]], ParsedFeed]] = {
        FeedKind.CIDR_LIST: parse_cidr_list,
        FeedKind.DOMAIN_LIST: parse_domain_list,
        FeedKind.ASN_LIST: parse_asn_list,
        FeedKind.IP2ASN: parse_lookup_table,
        FeedKind.IP2COUNTRY: parse_lookup_table,
        FeedKind.BIN_LIST: parse_bin_list,
        FeedKind.CSL: parse_csl,
        FeedKind.STIX21: lambda feed, files: parse_stix21(feed, files, version.known_at),
    }
    return parsers[feed.kind](feed, files)


def _make_verdict(
    feed: Feed,
    version: LandedVersion,
    digest: str,
    parsed: ParsedFeed,
    protected: dict[str, str],
    reason: str | None,
    detail: str | None,
) -> Verdict:
    return Verdict(
        feed_id=feed.id,
        kind=str(feed.kind),
        version=version.name,
        known_at=version.known_at.isoformat(),
        digest=digest,
        reason=reason,
        detail=detail,
        entry_count=parsed.entry_count,
        used_count=parsed.used_count,
        refused_count=parsed.refused.total(),
        refused_by_reason=dict(sorted(parsed.refused.items())),
        refused_examples=dict(sorted(parsed.examples.items())),
        canonicalised_count=parsed.canonicalised_count,
        other_objects=dict(sorted(parsed.other_objects.items())),
        protected=protected,
    )


def _read_verdict(path: Path) -> Verdict | None:
    if not path.exists():
        return None
    try:
        return Verdict(**read_json(path))
    except (TypeError, ValueError) as error:
        _LOG.warning("%s is of another version of Stillwatch, judged anew: %s", path, error)
        return None
