"""Folders and files of the landing root, on any fsspec location.

The root may be a local path or a URL (`s3://bucket/landing`); every path that goes in or comes out
is relative to it, so that ledgers and quarantine rows read the same wherever the inputs lie.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import fsspec

from stillwatch.errors import ConfigError
from stillwatch.settings import Settings

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class LandedFile:
    """One file below the landing root: its relative name and its size as stored."""

    name: str
    byte_count: int


class Landing:
    """Read-only view of the landing root.

    It holds only the URL, so that it can travel to another process; the connection is made on use.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        try:
            filesystem, path = fsspec.core.url_to_fs(root)
        except (ValueError, ImportError) as error:
            raise ConfigError(
                f"landing root {root!r} (STILLWATCH_LANDING_URI) cannot be opened: {error}"
            ) from error
        self._filesystem = filesystem
        self._path = str(path).rstrip("/")

    def __reduce__(self) -> tuple[type[Landing], tuple[str]]:
        return (Landing, (self._root,))

    def list_folders(self, folder: str) -> list[str]:
        """Return the names of the folders directly below `folder`, sorted; none if it is absent.

        Names that begin with a dot or an underscore are work in progress and are left out.
        """
        return sorted(
            name
            for name, kind, _ in self._list(folder)
            if kind == "directory" and not name.startswith((".", "_"))
        )

    def list_files(self, folder: str, suffixes: tuple[str, ...]) -> list[LandedFile]:
        """Return the files directly below `folder` with one of the suffixes, sorted by name."""
        return sorted(
            (
                LandedFile(posixpath.join(folder, name), size)
                for name, kind, size in self._list(folder)
                if kind == "file" and not name.startswith((".", "_")) and name.endswith(suffixes)
            ),
            key=lambda file: file.name,
        )

    def read_text(self, name: str) -> str | None:
        """Return the UTF-8 text of a small file, or None if there is none of that name."""
        try:
            with self._filesystem.open(self._full(name), "rb") as file:
                return str(file.read().decode("utf-8"))
        except FileNotFoundError:
            return None

    def read_blocks(self, name: str) -> Iterator[bytes]:
        """Yield the stored bytes of a file from first to last, in blocks."""
        with self._filesystem.open(self._full(name), "rb") as file:
            while block := file.read(_BLOCK_BYTES):
                yield block

    def open(self, name: str) -> Any:
        """Return a seekable binary file, for formats that are read from their end."""
        return self._filesystem.open(self._full(name), "rb")

    def _full(self, name: str) -> str:
        return posixpath.join(self._path, name)

    def _list(self, folder: str) -> list[tuple[str, str, int]]:
        try:
            entries = self._filesystem.ls(self._full(folder), detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [
            (
                posixpath.basename(str(entry["name"]).rstrip("/")),
                str(entry["type"]),
                int(cast(int, entry.get("size") or 0)),
            )
            for entry in entries
        ]


def get_landing(settings: Settings) -> Landing:
    """Return the landing root of the settings."""
    return Landing(settings.landing_uri if "://" in settings.landing_uri else settings.landing)
