"""The landing folders of feeds: `feeds/<feed_id>/dt=<pull instant>/`, on any fsspec file system.

A version is one such folder: the answer as received. It is never changed after it has landed.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from stillwatch.errors import InputError
from stillwatch.landing.storage import get_landing
from stillwatch.log import get_logger
from stillwatch.settings import Settings

_LOG = get_logger(__name__)

PULL_RECORD = "pull.json"
_VERSION = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{6}Z$")
_VERSION_FORMAT = "%Y-%m-%dT%H%M%SZ"


def format_version(instant: datetime) -> str:
    """Return the version name of a pull instant.

    >>> format_version(datetime(2026, 10, 31, 6, tzinfo=UTC))
    '2026-10-31T060000Z'
    """
    return instant.astimezone(UTC).strftime(_VERSION_FORMAT)


def parse_version(name: str) -> datetime | None:
    """Return the pull instant of a version name, or None if it is not one."""
    if not _VERSION.match(name):
        return None
    try:
        return datetime.strptime(name, _VERSION_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


@dataclass(frozen=True)
class LandedFile:
    """One file of a version, by name and size."""

    name: str
    byte_count: int


@dataclass(frozen=True)
class LandedVersion:
    """One pull or delivery of a feed."""

    feed_id: str
    name: str
    known_at: datetime
    files: tuple[LandedFile, ...]


class DeliveredFeeds:
    """Reads and adds feed versions below the landing root."""

    def __init__(self, settings: Settings) -> None:
        self._fs, root = get_landing(settings).filesystem
        self._root = f"{root.rstrip('/')}/feeds"

    def list_ids(self) -> list[str]:
        """Return the names of the feed folders that have landed, sorted."""
        return [
            name
            for name, kind, _ in self._list(self._root)
            if kind == "directory" and not name.startswith((".", "_"))
        ]

    def get_definition_location(self, feed_id: str) -> str:
        """Return where a delivered feed's definition is looked for."""
        return f"{self._root}/{feed_id}/feed.yml"

    def read_definition(self, feed_id: str) -> str | None:
        """Return the text of a delivered feed's `feed.yml`, or None if it has none."""
        location = self.get_definition_location(feed_id)
        try:
            return bytes(self._fs.cat_file(location)).decode("utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise InputError(f"{location} is not UTF-8 (byte {error.start})") from error

    def list_versions(self, feed_id: str) -> list[LandedVersion]:
        """Return every version of a feed that has landed, oldest first."""
        versions = []
        for name, kind, _ in self._list(f"{self._root}/{feed_id}"):
            if kind != "directory" or not name.startswith("dt="):
                continue
            known_at = parse_version(name.removeprefix("dt="))
            if known_at is None:
                _LOG.warning("%s/%s/%s: not a pull instant, not read", self._root, feed_id, name)
                continue
            files = tuple(
                LandedFile(file_name, size)
                for file_name, file_kind, size in self._list(f"{self._root}/{feed_id}/{name}")
                if file_kind == "file" and file_name != PULL_RECORD and file_name[0] not in "._"
            )
            versions.append(LandedVersion(feed_id, name.removeprefix("dt="), known_at, files))
        return sorted(versions, key=lambda version: version.known_at)

    def read_file(self, version: LandedVersion, name: str) -> bytes:
        """Return the bytes of one file of a version as they landed."""
        content: bytes = self._fs.cat_file(f"{self._folder(version.feed_id, version.name)}/{name}")
        return content

    def read_pull_record(self, version: LandedVersion) -> dict[str, Any]:
        """Return what the pull noted (url, status, etag, sha256); empty for a delivered version."""
        location = f"{self._folder(version.feed_id, version.name)}/{PULL_RECORD}"
        try:
            record = json.loads(self._fs.cat_file(location))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise InputError(f"{location} is not JSON: {error}") from error
        return record if isinstance(record, dict) else {}

    def add_version(
        self, feed_id: str, known_at: datetime, files: Mapping[str, bytes], record: dict[str, Any]
    ) -> LandedVersion:
        """Land one pull; on a local disk the folder appears complete or not at all.

        Elsewhere the record comes first and names every file, so that a pull which broke off is
        known for what it is (`find_missing`).
        """
        name = format_version(known_at)
        folder = self._folder(feed_id, name)
        if self._fs.exists(folder):
            raise InputError(
                f"{folder} has landed already and landed files never change: "
                "pull under another instant (--at)"
            )
        is_local = "file" in self._fs.protocol
        parent = str(PurePosixPath(folder).parent)
        target = f"{parent}/.{name}.{secrets.token_hex(4)}.tmp" if is_local else folder
        self._fs.makedirs(target, exist_ok=True)
        sizes = {file_name: len(content) for file_name, content in files.items()}
        text = json.dumps({**record, "files": sizes}, sort_keys=True, indent=1) + "\n"
        for file_name, content in {PULL_RECORD: text.encode(), **files}.items():
            self._fs.pipe_file(f"{target}/{file_name}", content)
        if is_local:
            self._fs.mv(target, folder, recursive=True)
        landed = tuple(LandedFile(key, len(files[key])) for key in sorted(files))
        return LandedVersion(feed_id, name, known_at, landed)

    def add_pull(
        self, feed_id: str, at: datetime, files: Mapping[str, bytes], record: Mapping[str, Any]
    ) -> LandedVersion:
        """Land the answers of one pull with its record, completed by instant and digest."""
        full = {**record, "pulled_at": at.isoformat(), "sha256": hash_files(files)}
        return self.add_version(feed_id, at, files, full)

    def _folder(self, feed_id: str, version: str) -> str:
        return f"{self._root}/{feed_id}/dt={version}"

    def _list(self, folder: str) -> list[tuple[str, str, int]]:
        self._fs.invalidate_cache(folder)
        try:
            entries = self._fs.ls(folder, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        found = [
            (PurePosixPath(entry["name"].rstrip("/")).name, entry["type"], int(entry["size"] or 0))
            for entry in entries
        ]
        return sorted(found)


def find_missing(version: LandedVersion, record: Mapping[str, Any]) -> list[str]:
    """Return the files that a pull's record names and that have not landed in full, sorted.

    >>> version = LandedVersion("f", "v", datetime(2026, 1, 1, tzinfo=UTC), (LandedFile("a", 5),))
    >>> find_missing(version, {"files": {"a": 5, "b": 7}})
    ['b']
    """
    landed = {file.name: file.byte_count for file in version.files}
    named = record.get("files", {})
    return sorted(name for name, size in named.items() if landed.get(name) != size)


def select_inputs(
    version: LandedVersion, known: Sequence[LandedVersion], ttl: timedelta
) -> list[LandedVersion]:
    """Return the versions that one put together from several pulls is made of, itself last."""
    start = version.known_at - ttl
    return [item for item in known if start < item.known_at <= version.known_at]


def hash_files(files: Mapping[str, bytes]) -> str:
    """Return one SHA-256 over the names and contents of some files."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0".encode())
        digest.update(files[name])
    return digest.hexdigest()
