"""Folders and files of the landing root, or of any other location, through fsspec.

A root may be a local path or a URL (`s3://bucket/landing`). Paths that go in and come out are
relative to it, or begin with its URL, so that ledgers and quarantine rows read the same wherever
the inputs lie. A store that does not answer is an error, tried again and then raised: it is never
taken for a folder without files.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import fsspec
import tenacity

from stillwatch.errors import ConfigError, InputError, LocationError
from stillwatch.landing.connections import (
    EXTRAS,
    Connection,
    find_connection,
    find_family,
    get_options,
    hide_secrets,
)
from stillwatch.log import get_logger
from stillwatch.settings import Settings

_BLOCK_BYTES = 1 << 20
_ATTEMPTS = 4
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 8
_MESSAGE_CHARS = 300
_TIME_FOLDER = re.compile(r"(?:[a-z]+=)?\d\d")  # `07` or `h=07`: an hour, or a minute below it

# Errors of these libraries are about the store; all others are faults of ours and pass through.
_BACKENDS = frozenset(
    {"adlfs", "aiobotocore", "aiohttp", "azure", "botocore", "fsspec", "gcsfs", "google", "s3fs"}
)
_NO_CREDENTIALS = frozenset(
    {
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "DefaultCredentialsError",
        "ClientAuthenticationError",
        "RefreshError",
    }
)

_LOG = get_logger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class LandedFile:
    """One landed file: its name, its size as stored, and what tells its versions apart."""

    name: str
    byte_count: int
    tag: str = ""  # entity tag or time of change, as the store gives it


@dataclass(frozen=True)
class Folder:
    """What lies in a folder and its hours: files, markers (`_SUCCESS`), folders not read."""

    files: tuple[LandedFile, ...]
    markers: frozenset[str]
    unread: tuple[str, ...]


@dataclass(frozen=True)
class _Entry:
    name: str
    kind: str
    byte_count: int
    tag: str


class Landing:
    """Read-only view of a location.

    It holds only the URL and the name of the connection, so that it can travel to another process;
    the connection is made on use.
    """

    def __init__(
        self,
        root: str,
        connection: str | None = None,
        origin: str = "STILLWATCH_LANDING_URI",
        must_exist: bool = False,
    ) -> None:
        if "://" in root and "@" in root and ":" in root.partition("://")[2].partition("@")[0]:
            # The value is not shown: it holds a credential.
            raise ConfigError(f"the location in {origin} holds credentials: name a connection")
        self._root = root.rstrip("/") or root
        self._connection_id = connection
        self._origin = origin
        self._must_exist = must_exist
        protocol = root.partition("://")[0] if "://" in root else "file"
        self._family = find_family(protocol)
        self._connection: Connection | None = (
            find_connection(connection, origin) if connection else None
        )
        options = get_options(self._family, self._connection, origin)
        try:
            filesystem, path = fsspec.core.url_to_fs(root, **options)
        except ImportError:
            extra = EXTRAS.get(self._family or "")
            advice = (
                f'pip install "stillwatch[{extra}]"'
                if extra
                else "use s3://, gs://, az:// or file://"
            )
            raise ConfigError(
                f"location {root!r} ({origin}) needs a library that is not installed: {advice}"
            ) from None
        except ValueError as error:
            raise ConfigError(
                f"location {root!r} ({origin}) cannot be opened: "
                f"{hide_secrets(str(error), self._connection)}"
            ) from None
        if self._family == "s3":
            filesystem.retries = 1  # we try again ourselves, and say so
        self._filesystem = filesystem
        self._path = str(path).rstrip("/")
        self._has_answered = False

    def __reduce__(self) -> tuple[type[Landing], tuple[str, str | None, str, bool]]:
        return (Landing, (self._root, self._connection_id, self._origin, self._must_exist))

    @property
    def filesystem(self) -> tuple[Any, str]:
        """The fsspec file system and the path of the root in it."""
        return self._filesystem, self._path

    def describe(self) -> str:
        """Return the location and the name of its connection, for a message."""
        by = f", connection {self._connection_id}" if self._connection_id else ""
        return f"{self._root}{by}"

    def list_folders(self, folder: str) -> list[str]:
        """Return the names of the folders directly below `folder`, sorted; none if it is absent.

        Names that begin with a dot or an underscore are work in progress and are left out.
        """
        return sorted(
            entry.name
            for entry in self._list(folder)
            if entry.kind == "directory" and not entry.name.startswith((".", "_"))
        )

    def list_files(self, folder: str, suffixes: tuple[str, ...]) -> list[LandedFile]:
        """Return the files of `folder` and its hours with one of the suffixes, sorted by name."""
        return [file for file in self.read_folder(folder).files if file.name.endswith(suffixes)]

    def read_folder(self, folder: str) -> Folder:
        """Return the files of `folder` and of its hours, sorted, and the markers beside them.

        Cloud platforms put the files of a day into folders of hours and minutes (`07`, `h=07`).
        No other folder is read; those beside the files are named.
        """
        entries = self._list(folder)
        visible = [entry for entry in entries if not entry.name.startswith((".", "_"))]
        files = [
            LandedFile(_join(folder, entry.name), entry.byte_count, entry.tag)
            for entry in visible
            if entry.kind == "file"
        ]
        below = sorted(entry.name for entry in visible if entry.kind == "directory")
        hours = [name for name in below if _TIME_FOLDER.fullmatch(name)]
        for name in hours:
            files += self.read_folder(_join(folder, name)).files
        return Folder(
            files=tuple(sorted(files, key=lambda file: file.name)),
            markers=frozenset(
                entry.name
                for entry in entries
                if entry.kind == "file" and entry.name.startswith("_")
            ),
            unread=tuple(name for name in below if name not in hours),
        )

    def read_text(self, name: str) -> str | None:
        """Return the UTF-8 text of a small file, or None if there is none of that name."""

        def read() -> str | None:
            try:
                with self._filesystem.open(self._full(name), "rb") as file:
                    return str(file.read().decode("utf-8"))
            except FileNotFoundError:
                self._require_root()
                return None

        return self._reach(name, read)

    def read_blocks(self, name: str) -> Iterator[bytes]:
        """Yield the stored bytes of a file from first to last, in blocks."""
        with self.open(name) as file:
            while block := file.read(_BLOCK_BYTES):
                yield block

    def open(self, name: str) -> Any:
        """Return a seekable binary file, for formats that are read from their end."""

        def open_file() -> Any:
            return self._filesystem.open(self._full(name), "rb")

        if self._family is None:
            return self._reach(name, open_file)
        return _StoredFile(open_file, lambda action: self._reach(name, action))

    def _full(self, name: str) -> str:
        if name == self._root or name.startswith(f"{self._root}/"):
            name = name[len(self._root) + 1 :]
        return posixpath.join(self._path, name) if name else self._path

    def _list(self, folder: str) -> list[_Entry]:
        full = self._full(folder)

        def list_entries() -> list[_Entry]:
            try:
                found = self._filesystem.ls(full, detail=True)
            except (FileNotFoundError, NotADirectoryError):
                self._require_root()
                return []
            own = full.strip("/")  # a store may list the folder itself as an empty object
            return [
                _Entry(
                    posixpath.basename(str(entry["name"]).rstrip("/")),
                    str(entry["type"]),
                    int(entry.get("size") or 0),
                    _read_tag(entry),
                )
                for entry in found
                if str(entry["name"]).strip("/") != own
            ]

        return self._reach(folder, list_entries)

    def _require_root(self) -> None:
        """Raise unless the store itself answers: only then does an absent folder mean no files."""
        if self._has_answered:
            return
        if self._family is not None:
            bucket = self._path.partition("/")[0]
            try:
                self._filesystem.ls(bucket, detail=False)
            except FileNotFoundError:
                raise ConfigError(
                    f"location {self.describe()} ({self._origin}): there is no bucket or "
                    f"container {bucket!r}"
                ) from None
            except PermissionError:
                pass  # it is there; only parts of it may be listed
        elif self._must_exist and not self._filesystem.isdir(self._path):
            raise LocationError(
                f"location {self.describe()} ({self._origin}) is not there: mount or make the "
                "folder (an absent folder is not taken for a day without deliveries)"
            )
        self._has_answered = True

    def _reach(self, name: str, action: Callable[[], T]) -> T:
        """Return what `action` returns; try again what may pass, and raise errors in our words."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(LocationError),
            stop=tenacity.stop_after_attempt(_ATTEMPTS if self._family else 1),
            wait=tenacity.wait_exponential_jitter(
                multiplier=_FIRST_WAIT_SECONDS, max=_LONGEST_WAIT_SECONDS
            ),
            before_sleep=lambda state: _LOG.warning(
                "try %d failed, again in %.1f s: %s",
                state.attempt_number,
                state.next_action.sleep if state.next_action else 0,
                state.outcome.exception() if state.outcome else "",
            ),
            reraise=True,
        )
        result: T = retrying(self._run, name, action)
        return result

    def _run(self, name: str, action: Callable[[], T]) -> T:
        try:
            return action()
        except (ConfigError, InputError, LocationError):
            raise
        except Exception as error:
            explained = self._explain(name, error)
            if explained is None:
                raise
        # Outside the handler, so that no cause hangs on it that could quote a credential.
        raise explained

    def _explain(self, name: str, error: Exception) -> Exception | None:
        if not isinstance(error, OSError) and type(error).__module__.split(".")[0] not in _BACKENDS:
            return None
        kind = type(error).__name__
        text = hide_secrets(str(error), self._connection)[:_MESSAGE_CHARS]
        where = f"location {self.describe()} ({self._origin})"
        if isinstance(error, FileNotFoundError):
            return InputError(f"{where}: {name} is gone: it was listed a moment ago")
        if isinstance(error, PermissionError):
            return ConfigError(f"{where}: access to {name or 'it'} is denied: {text}")
        if kind in _NO_CREDENTIALS:
            return ConfigError(f"{where}: no usable credentials: {text}")
        if isinstance(error, UnicodeDecodeError):
            return InputError(f"{where}: {name} is not UTF-8")
        return LocationError(f"{where} did not answer for {name or 'it'}: {kind}: {text}")


class _StoredFile:
    """A file of a remote store, opened again where it stood when the store fails for a moment."""

    def __init__(
        self, open_file: Callable[[], Any], reach: Callable[[Callable[[], Any]], Any]
    ) -> None:
        self._open = open_file
        self._reach = reach
        self._file: Any = None
        self._position = 0
        self.closed = False
        self._reach(self._get)

    def __enter__(self) -> _StoredFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes from the current position, or all that follow."""

        def read() -> bytes:
            try:
                file = self._get()
                file.seek(self._position)
                return bytes(file.read(size))
            except Exception:
                self._drop()
                raise

        data: bytes = self._reach(read)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to another position and return it."""
        base = (0, self._position, self._reach(self._get).size)[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can be moved in."""
        return True

    def writable(self) -> bool:
        """Return that landed files are never written."""
        return False

    def flush(self) -> None:
        """Do nothing: there is nothing to write."""

    def close(self) -> None:
        """Close the file."""
        self._drop()
        self.closed = True

    def _get(self) -> Any:
        if self._file is None:
            self._file = self._open()
        return self._file

    def _drop(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def get_landing(settings: Settings) -> Landing:
    """Return the landing root of the settings."""
    return Landing(
        settings.landing_uri if "://" in settings.landing_uri else settings.landing,
        settings.landing_connection,
    )


def _join(folder: str, name: str) -> str:
    return posixpath.join(folder, name) if folder else name


def _read_tag(entry: dict[str, Any]) -> str:
    """Return what the store says about the version of a file, as text."""
    for name in ("ETag", "etag", "generation", "mtime", "LastModified", "last_modified", "updated"):
        value = entry.get(name)
        if value:
            return str(value).strip('"')
    return ""
