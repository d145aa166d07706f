"""Which sources there are: entries of `config/sources.yml`, and folders found in landing.

A location is a folder below the landing root, or the URL of a folder anywhere else. Finding the
sources asks the landing root only, so that one unreachable store does not hide the others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stillwatch.errors import ConfigError
from stillwatch.landing.decoding import SUFFIXES
from stillwatch.landing.storage import Landing, get_landing
from stillwatch.log import get_logger
from stillwatch.settings import Settings
from stillwatch.sources.day_folders import (
    DAY_FOLDER,
    DAY_FOLDER_PATTERN,
    list_days,
    write_day_folder,
)
from stillwatch.sources.formats import ADAPTERS, sniff_format

_ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
_SNIFFED_DAYS = 3
_MARKER_PATTERN = r"_[A-Za-z0-9_.-]{1,63}"  # the underscore keeps it apart from the data files
NO_TRAFFIC_MARKER = "_NO_TRAFFIC"
REOPEN_DAYS = 30
# The message says it already, or the value may be a credential in a place where none belongs.
_NOT_SHOWN = ("value_error", "extra_forbidden")

_LOG = get_logger(__name__)

M = TypeVar("M", bound=BaseModel)
_Identifier = Annotated[str, Field(pattern=rf"^{_ID_PATTERN}$")]


@dataclass(frozen=True)
class Source:
    """One platform's deliveries: usage logs, an account registry or both."""

    source_id: str
    platform: str
    format: str
    location: str  # of the usage logs: below the landing root, or a URL
    accounts_location: str
    day_folder: str = DAY_FOLDER  # how the usage logs' folder of a day is named, for strftime
    min_rows: int | None = None  # expected exchanges of a day; checked by the quality gates
    max_rows: int | None = None
    complete_after_hours: float | None = None  # after midnight UTC; None: no rule in hours
    marker: str | None = None  # a file of this name says that the day is complete
    no_traffic_marker: str = NO_TRAFFIC_MARKER  # and of this name that there was nothing
    may_be_absent: bool = False  # days without a delivery are ordinary
    required_kinds: frozenset[str] = frozenset()  # of which every day must bring a delivery
    reopen_days: int = REOPEN_DAYS  # how far back a late file makes a day run again
    connection: str | None = None  # by which URLs are reached
    licence: str | None = None
    handling: str | None = None

    def get_location(self, kind: str) -> str:
        """Return where the deliveries of `usage` or `accounts` lie."""
        return self.location if kind == "usage" else self.accounts_location

    def get_day_folder(self, kind: str) -> str:
        """Return how the folder of a day is named below the location."""
        return self.day_folder if kind == "usage" else DAY_FOLDER

    def get_folder(self, kind: str, day: date) -> str:
        """Return the folder of one delivery day."""
        return write_day_folder(self.get_location(kind), self.get_day_folder(kind), day)


class _Description(BaseModel):
    """What can be said of a source in its own `source.yml`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    platform: _Identifier | None = None
    format: str | None = None
    min_rows: int | None = Field(default=None, ge=0)
    max_rows: int | None = Field(default=None, ge=0)
    complete_after_hours: float | None = Field(default=None, ge=0, le=240)
    marker: str | None = Field(default=None, pattern=rf"^{_MARKER_PATTERN}$")
    no_traffic_marker: str = Field(default=NO_TRAFFIC_MARKER, pattern=rf"^{_MARKER_PATTERN}$")
    may_be_absent: bool = False
    reopen_days: int = Field(default=REOPEN_DAYS, ge=0, le=400)
    licence: str | None = None
    handling: str | None = None

    @model_validator(mode="after")
    def _check(self) -> _Description:
        if self.format is not None and self.format not in ADAPTERS:
            raise ValueError(f"format {self.format!r} is none of {', '.join(sorted(ADAPTERS))}")
        if None not in (self.min_rows, self.max_rows) and self.min_rows > self.max_rows:  # type: ignore[operator]
            raise ValueError(f"min_rows {self.min_rows} is above max_rows {self.max_rows}")
        return self


class _Entry(_Description):
    """One entry of sources.yml."""

    id: _Identifier
    location: str | None = None
    accounts_location: str | None = None
    day_folder: str = Field(default=DAY_FOLDER, pattern=rf"^{DAY_FOLDER_PATTERN}$")
    connection: str | None = Field(default=None, pattern=rf"^{_ID_PATTERN}$")

    @model_validator(mode="after")
    def _check_locations(self) -> _Entry:
        for name, value in (
            ("location", self.location),
            ("accounts_location", self.accounts_location),
        ):
            if value is not None:
                _check_location(name, value)
        if self.location is not None and "://" in self.location and self.format is None:
            raise ValueError("a location that is a URL needs the format of its files: add `format`")
        remote = [v for v in (self.location, self.accounts_location) if v and "://" in v]
        if self.connection is not None and not remote:
            raise ValueError(
                f"connection {self.connection!r} is for locations that are URLs: the landing root "
                "has its own, STILLWATCH_LANDING_CONNECTION"
            )
        return self

    @property
    def required_kinds(self) -> frozenset[str]:
        """What an entry promises: usage logs unless it names accounts alone."""
        if self.may_be_absent:
            return frozenset()
        kinds = set()
        if self.location is not None or self.accounts_location is None:
            kinds.add("usage")
        if self.accounts_location is not None:
            kinds.add("accounts")
        return frozenset(kinds)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sources: list[_Entry] | None = None


def open_source(settings: Settings, source: Source, kind: str) -> Landing:
    """Return the place in which the deliveries of one kind of a source lie."""
    location = source.get_location(kind)
    if "://" not in location:
        return get_landing(settings)
    origin = f"source {source.source_id} in sources.yml"
    return Landing(location, source.connection, origin, must_exist=True)


def find_sources(settings: Settings) -> list[Source]:
    """Return every source, sorted by id: those configured, then those only found in landing.

    A folder `usage/<id>/` or `accounts/<id>/` that no entry names is a source too. It may describe
    itself in `source.yml`; otherwise its platform is its id, and its format that of the first
    records in it.
    """
    landing = get_landing(settings)
    entries = _read_entries(settings.config / "sources.yml")
    found = {entry.id: _describe(landing, entry.id, entry) for entry in entries}
    taken = {source.location for source in found.values()} | {
        source.accounts_location for source in found.values()
    }
    for kind in ("usage", "accounts"):
        for name in landing.list_folders(kind):
            if name in found or f"{kind}/{name}" in taken:
                continue
            if not re.fullmatch(_ID_PATTERN, name):
                raise ConfigError(
                    f"landing folder {kind}/{name} cannot be a source id: rename it, "
                    "or name it as the location of an entry in sources.yml"
                )
            found[name] = _describe(landing, name, None)
    return [found[name] for name in sorted(found)]


def find_source(settings: Settings, source_id: str) -> Source:
    """Return the source of that id, or raise a ConfigError that lists the known ones."""
    sources = find_sources(settings)
    for source in sources:
        if source.source_id == source_id:
            return source
    known = ", ".join(source.source_id for source in sources) or "none"
    raise ConfigError(f"there is no source {source_id!r}: known are {known}")


def _read_entries(path: Path) -> list[_Entry]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    content = _load_yaml(text, str(path))
    entries = _validate(_File, content, str(path)).sources or []
    seen: set[str] = set()
    for entry in entries:
        if entry.id in seen:
            raise ConfigError(f"{path}: sources: id {entry.id!r} stands twice")
        seen.add(entry.id)
    return entries


def _describe(landing: Landing, source_id: str, entry: _Entry | None) -> Source:
    location = _clean(entry.location if entry else None, f"usage/{source_id}")
    accounts = _clean(entry.accounts_location if entry else None, f"accounts/{source_id}")
    day_folder = entry.day_folder if entry else DAY_FOLDER
    described: _Description = entry or _Description()
    for folder in (location, accounts) if entry is None else ():
        name = f"{folder}/source.yml"
        text = landing.read_text(name)
        if text is not None:
            described = _read_landed_description(text, name)
            break
    return Source(
        source_id=source_id,
        platform=described.platform or source_id,
        format=described.format or _sniff(landing, location, day_folder),
        location=location,
        accounts_location=accounts,
        day_folder=day_folder,
        min_rows=described.min_rows,
        max_rows=described.max_rows,
        complete_after_hours=described.complete_after_hours,
        marker=described.marker,
        no_traffic_marker=described.no_traffic_marker,
        may_be_absent=described.may_be_absent,
        required_kinds=entry.required_kinds if entry else frozenset(),
        reopen_days=described.reopen_days,
        connection=entry.connection if entry else None,
        licence=described.licence,
        handling=described.handling,
    )


def _read_landed_description(text: str, name: str) -> _Description:
    """Return what a landed `source.yml` says; keys that are none of ours are left out.

    Whoever delivers may say more than we ask for, and must not stop the line by it.
    """
    content = _load_yaml(text, name)
    if isinstance(content, dict):
        unknown = sorted(str(key) for key in content if key not in _Description.model_fields)
        if unknown:
            known = ", ".join(_Description.model_fields)
            _LOG.warning("%s: not used: %s (known are %s)", name, ", ".join(unknown), known)
        content = {key: value for key, value in content.items() if str(key) not in unknown}
    return _validate(_Description, content, name)


def _clean(location: str | None, default: str) -> str:
    """Return a location without its last slash; the landing root itself (`.`) is empty."""
    if location is None:
        return default
    return "" if location in (".", "./") else location.rstrip("/").removeprefix("./")


def _check_location(name: str, value: str) -> None:
    if "://" not in value:
        if value.startswith("/") or ".." in value.split("/"):
            raise ValueError(
                f"{name} {value!r} must be a folder below the landing root, or a URL "
                "(file:///..., s3://..., gs://..., az://...)"
            )
        return
    parts = urlsplit(value)
    if parts.password is not None or (
        parts.scheme in ("s3", "s3a", "gs", "gcs") and parts.username
    ):
        # The value is not shown: it holds a credential.
        raise ValueError(f"{name} holds credentials: name a `connection` instead")
    if parts.query or ".." in parts.path.split("/"):
        raise ValueError(f"{name} must be the plain URL of a folder, without query or '..'")
    if parts.scheme == "file" and not parts.path.strip("/"):
        raise ValueError(f"{name} {value!r} names no folder")


def _sniff(landing: Landing, location: str, day_folder: str) -> str:
    if "://" in location:  # an entry that only names accounts elsewhere
        return sniff_format(landing, [])
    files = [
        file
        for day in list_days(landing, location, day_folder)[:_SNIFFED_DAYS]
        for file in landing.list_files(write_day_folder(location, day_folder, day), SUFFIXES)
    ]
    return sniff_format(landing, files)


def _load_yaml(text: str, origin: str) -> object:
    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{origin} is not YAML: {' '.join(str(error).split())}") from error


def _validate(model: type[M], content: object, origin: str) -> M:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'file'}: {item['msg']}"
            + (f" (found {item['input']!r})" if item["type"] not in _NOT_SHOWN else "")
            for item in error.errors()
        )
        raise ConfigError(f"{origin}: {problems}") from error
