"""Pulls a feed from its origin and lands the answer as a new version.

Origins are URLs, files, and data inside installed packages. A pull that fails is recorded and
never raised: the last good version serves on.
"""

from __future__ import annotations

import importlib
import importlib.resources
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from stillwatch.feeds.access import Credential, SecretError, read_credential
from stillwatch.feeds.download import Fetcher, PullFailedError, PullLimits, download
from stillwatch.feeds.landed import (
    DeliveredFeeds,
    LandedVersion,
    find_missing,
    format_version,
    hash_files,
)
from stillwatch.feeds.misp_pull import is_folder, pull_misp
from stillwatch.feeds.registry import Feed, FeedKind
from stillwatch.feeds.taxii21_pull import pull_taxii
from stillwatch.log import get_logger
from stillwatch.runs import get_paths, read_json, write_json
from stillwatch.settings import Settings

_LOG = get_logger(__name__)

_NPM = re.compile(r"^npm://((?:@[a-z0-9._-]+/)?[a-z0-9._-]+@[0-9A-Za-z.+-]+)/([^\s]+)$")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class PullOutcome:
    """How a pull ended.

    `landed`, `unchanged`, `failed`, `deferred` where the server asked to be left alone until
    `until`, or `delivered` where no pull is made.
    """

    state: str
    asked_at: datetime
    reason: str | None = None
    detail: str | None = None
    until: datetime | None = None
    url: str | None = None

    @property
    def has_failed(self) -> bool:
        """Whether the source was to be asked and gave no usable answer."""
        return self.state in ("failed", "deferred")

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as it is kept in the ledger."""
        return {
            "state": self.state,
            "asked_at": self.asked_at.isoformat(),
            "reason": self.reason,
            "detail": self.detail,
            "until": self.until.isoformat() if self.until else None,
            "url": self.url,
        }


@dataclass(frozen=True)
class _Pull:
    """One pull: of which feed, when, with what has landed before, how patiently."""

    settings: Settings
    feed: Feed
    at: datetime
    delivered: DeliveredFeeds
    known: Sequence[LandedVersion]
    limits: PullLimits
    sleep: Callable[[float], None]

    @property
    def newest(self) -> LandedVersion | None:
        """The newest version that had landed."""
        return self.known[-1] if self.known else None


def pull_feed(
    settings: Settings,
    feed: Feed,
    at: datetime,
    limits: PullLimits | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> PullOutcome:
    """Land the feed's present content as the version of instant `at`, unless it is unchanged.

    Unchanged content lands again only when the newest version has reached half of its time to
    live: else entries that the source still lists would expire. A server that has asked to be
    left alone until a later instant is not asked.
    """
    at = at.replace(microsecond=0)
    limits = limits or PullLimits()
    delivered = DeliveredFeeds(settings)
    if feed.url is None and not feed.paths:
        return PullOutcome("delivered", at, detail="delivered into landing, never pulled")
    last = read_last_outcome(settings, feed.id)
    if last is not None and _is_deferred(last, feed, at):
        _LOG.info("feed %s: not asked before %s, as its server wished", feed.id, last.until)
        return last
    known = [version for version in delivered.list_versions(feed.id) if version.known_at <= at]
    try:
        landed = _pull(_Pull(settings, feed, at, delivered, known, limits, sleep))
    except PullFailedError as error:
        outcome = _make_failure(error, at, limits)
        _LOG.warning("feed %s: pull %s: %s", feed.id, outcome.state, error)
    else:
        outcome = PullOutcome("landed" if landed else "unchanged", at)
        _LOG.info("feed %s: %s at %s", feed.id, outcome.state, format_version(at))
    outcome = replace(outcome, url=feed.url)
    write_json(_get_record_path(settings, feed.id), outcome.to_json())
    return outcome


def read_last_outcome(settings: Settings, feed_id: str) -> PullOutcome | None:
    """Return how the last pull of a feed ended, None if there was none."""
    path = _get_record_path(settings, feed_id)
    if not path.exists():
        return None
    record = read_json(path)
    until = record.get("until")
    return PullOutcome(
        state=record["state"],
        asked_at=datetime.fromisoformat(record["asked_at"]),
        reason=record["reason"],
        detail=record["detail"],
        until=datetime.fromisoformat(until) if until else None,
        url=record.get("url"),
    )


def _get_record_path(settings: Settings, feed_id: str) -> Path:
    return get_paths(settings).ledger / "pulls" / f"{feed_id}.json"


def _is_deferred(last: PullOutcome, feed: Feed, at: datetime) -> bool:
    return last.until is not None and last.url == feed.url and last.asked_at <= at < last.until


def _make_failure(error: PullFailedError, at: datetime, limits: PullLimits) -> PullOutcome:
    """Return `deferred` if the server asked for a longer wait than a pull may take."""
    if error.wait is None or error.wait <= limits.longest_wait_seconds:
        return PullOutcome("failed", at, error.reason, error.detail)
    wait = timedelta(seconds=min(error.wait, limits.longest_deferral_seconds))
    return PullOutcome("deferred", at, error.reason, error.detail, at + wait)


def _pull(pull: _Pull) -> bool:
    feed = pull.feed
    if feed.url is None:
        return _land(pull, _read_paths(pull.settings, feed), {"url": list(feed.paths)})
    credential = _read_credential(pull.settings, feed)
    if feed.kind is FeedKind.TAXII21:
        with Fetcher(feed.url, pull.limits, pull.sleep, credential) as fetcher:
            return pull_taxii(feed, pull.at, pull.delivered, pull.known, fetcher, pull.limits)
    if feed.kind is FeedKind.MISP and is_folder(feed):
        with Fetcher(feed.url, pull.limits, pull.sleep, credential) as fetcher:
            return pull_misp(feed, pull.at, pull.delivered, pull.known, fetcher, pull.limits)
    newest = pull.newest
    record = pull.delivered.read_pull_record(newest) if newest else {}
    is_usable = newest is not None and not find_missing(newest, record)
    validators = record if is_usable and record.get("url") == feed.url else {}
    etag, modified = validators.get("etag"), validators.get("last_modified")
    answer = download(feed.url, etag, modified, pull.limits, pull.sleep, credential)
    if answer.content is None and not (etag or modified):
        raise PullFailedError("http_304", f"{answer.url} answered 304 to a first question")
    is_same = answer.content is None
    new_record = {
        "url": feed.url,
        "final_url": answer.url,
        "status": answer.status,
        "etag": answer.etag or (etag if is_same else None),
        "last_modified": answer.last_modified or (modified if is_same else None),
    }
    files = None if answer.content is None else {_name_file(feed.url): answer.content}
    return _land(pull, files, new_record)


def _land(pull: _Pull, files: dict[str, bytes] | None, record: dict[str, Any]) -> bool:
    """Land an answer as a new version (None: that of before); return whether it was due."""
    newest, delivered = pull.newest, pull.delivered
    held = (
        {file.name: delivered.read_file(newest, file.name) for file in newest.files}
        if newest
        else {}
    )
    if files is None or hash_files(files) == hash_files(held):
        is_due = newest is None or pull.at - newest.known_at > pull.feed.ttl / 2
        if not is_due or (newest is not None and newest.known_at == pull.at):
            return False
        files = held
    delivered.add_pull(pull.feed.id, pull.at, files, {"status": None, **record})
    return True


def _read_credential(settings: Settings, feed: Feed) -> Credential | None:
    if feed.auth is None:
        return None
    try:
        return read_credential(feed.auth, settings.config)
    except SecretError as error:
        raise PullFailedError("no_secret", str(error)) from error


def _read_paths(settings: Settings, feed: Feed) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for path in feed.paths:
        files |= _read_local(settings, path)
    return files


def _read_local(settings: Settings, path: str) -> dict[str, bytes]:
    try:
        if path.startswith("package-attr://"):
            return _read_attribute(path)
        if path.startswith("package://"):
            package, _, inner = path.removeprefix("package://").partition("/")
            resource = importlib.resources.files(package).joinpath(inner)
            return {_name_file(inner): resource.read_bytes()}
        if path.startswith("npm://"):
            file = _find_npm_file(settings, path)
        else:
            file = settings.config / unquote(path.removeprefix("file://"))
        return {_name_file(file.name): file.read_bytes()}
    except (OSError, ImportError) as error:
        hint = ": run scripts/fetch_packages.sh" if path.startswith("npm://") else ""
        raise PullFailedError("not_found", f"{path} cannot be read ({error}){hint}") from error


def _read_attribute(path: str) -> dict[str, bytes]:
    """Return a package's set or list of strings as one sorted text file."""
    module, _, name = path.removeprefix("package-attr://").partition("/")
    value = getattr(importlib.import_module(module), name, None)
    if not isinstance(value, Iterable) or isinstance(value, str | bytes):
        raise PullFailedError("not_found", f"{path} is no collection of strings")
    lines = sorted(str(item) for item in value)
    return {f"{_name_file(name)}.txt": ("\n".join(lines) + "\n").encode()}


def _find_npm_file(settings: Settings, path: str) -> Path:
    found = _NPM.match(path)
    if found is None or ".." in path.split("/"):
        raise PullFailedError("bad_url", f"{path} is not npm://<name>@<version>/<file>")
    return get_paths(settings).cache / "npm" / found[1] / found[2]


def _name_file(path: str) -> str:
    name = _UNSAFE.sub("_", urlsplit(path).path.rstrip("/").rsplit("/", 1)[-1]).lstrip("._")
    return name or "answer"
