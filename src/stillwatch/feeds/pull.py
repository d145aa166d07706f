"""Pulls a feed from its origin and lands the answer as a new version.

Origins are URLs, files, and data inside installed packages. A pull that fails is recorded and
never raised: the last good version serves on.
"""

from __future__ import annotations

import importlib
import importlib.resources
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from stillwatch.feeds.download import PullFailedError, PullLimits, download
from stillwatch.feeds.landed import DeliveredFeeds, LandedVersion, format_version, hash_files
from stillwatch.feeds.registry import Feed
from stillwatch.log import get_logger
from stillwatch.runs import get_paths, read_json, write_json
from stillwatch.settings import Settings

_LOG = get_logger(__name__)

_NPM = re.compile(r"^npm://((?:@[a-z0-9._-]+/)?[a-z0-9._-]+@[0-9A-Za-z.+-]+)/([^\s]+)$")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class PullOutcome:
    """How a pull ended: `landed`, `unchanged`, `failed`, or `delivered` where none is made."""

    state: str
    asked_at: datetime
    reason: str | None = None
    detail: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as it is kept in the ledger."""
        return {
            "state": self.state,
            "asked_at": self.asked_at.isoformat(),
            "reason": self.reason,
            "detail": self.detail,
        }


def pull_feed(
    settings: Settings, feed: Feed, at: datetime, limits: PullLimits | None = None
) -> PullOutcome:
    """Land the feed's present content as the version of instant `at`, unless it is unchanged.

    Unchanged content lands again only when the newest version has reached half of its time to
    live: else entries that the source still lists would expire.
    """
    at = at.replace(microsecond=0)
    delivered = DeliveredFeeds(settings)
    if feed.url is None and not feed.paths:
        return PullOutcome("delivered", at, detail="delivered into landing, never pulled")
    known = [version for version in delivered.list_versions(feed.id) if version.known_at <= at]
    newest = known[-1] if known else None
    try:
        landed = _pull(settings, feed, at, delivered, newest, limits)
    except PullFailedError as error:
        _LOG.warning("feed %s: pull failed: %s", feed.id, error)
        outcome = PullOutcome("failed", at, error.reason, error.detail)
    else:
        outcome = PullOutcome("landed" if landed else "unchanged", at)
        _LOG.info("feed %s: %s at %s", feed.id, outcome.state, format_version(at))
    write_json(_get_record_path(settings, feed.id), outcome.to_json())
    return outcome


def read_last_outcome(settings: Settings, feed_id: str) -> PullOutcome | None:
    """Return how the last pull of a feed ended, None if there was none."""
    path = _get_record_path(settings, feed_id)
    if not path.exists():
        return None
    record = read_json(path)
    asked_at = datetime.fromisoformat(record["asked_at"])
    return PullOutcome(record["state"], asked_at, record["reason"], record["detail"])


def _get_record_path(settings: Settings, feed_id: str) -> Path:
    return get_paths(settings).ledger / "pulls" / f"{feed_id}.json"


def _pull(
    settings: Settings,
    feed: Feed,
    at: datetime,
    delivered: DeliveredFeeds,
    newest: LandedVersion | None,
    limits: PullLimits | None,
) -> bool:
    record = delivered.read_pull_record(newest) if newest else {}
    is_due = newest is None or at - newest.known_at > feed.ttl / 2
    new_record: dict[str, Any] = {"pulled_at": at.isoformat()}
    files: dict[str, bytes] | None
    if feed.url is not None:
        is_same = record.get("url") == feed.url
        answer = download(
            feed.url,
            record.get("etag") if is_same else None,
            record.get("last_modified") if is_same else None,
            limits,
        )
        files = None if answer.content is None else {_name_file(feed.url): answer.content}
        new_record |= {
            "url": feed.url,
            "final_url": answer.url,
            "status": answer.status,
            "etag": answer.etag or (record.get("etag") if files is None else None),
            "last_modified": answer.last_modified
            or (record.get("last_modified") if files is None else None),
        }
    else:
        files = {}
        for path in feed.paths:
            files |= _read_local(settings, path)
        new_record |= {"url": list(feed.paths), "status": None}
    held = (
        {file.name: delivered.read_file(newest, file.name) for file in newest.files}
        if newest
        else {}
    )
    if files is None or hash_files(files) == hash_files(held):
        if not is_due or (newest is not None and newest.known_at == at):
            return False
        files = held
    new_record["sha256"] = hash_files(files)
    delivered.add_version(feed.id, at, files, new_record)
    return True


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
