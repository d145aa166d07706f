"""Which sources there are: entries of `config/sources.yml`, and folders found in landing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stillwatch.errors import ConfigError
from stillwatch.landing.decoding import SUFFIXES
from stillwatch.landing.storage import Landing, get_landing
from stillwatch.settings import Settings
from stillwatch.sources.formats import ADAPTERS, sniff_format

_ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
_SNIFFED_DAYS = 3

M = TypeVar("M", bound=BaseModel)
_Identifier = Annotated[str, Field(pattern=rf"^{_ID_PATTERN}$")]


@dataclass(frozen=True)
class Source:
    """One platform's deliveries: usage logs, an account registry or both."""

    source_id: str
    platform: str
    format: str
    location: str  # of the usage logs, relative to the landing root
    accounts_location: str
    min_rows: int | None = None  # expected exchanges of a day; checked by the quality gates
    max_rows: int | None = None
    complete_after_hours: float = 6.0
    licence: str | None = None
    handling: str | None = None


class _Description(BaseModel):
    """What can be said of a source in its own `source.yml`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    platform: _Identifier | None = None
    format: str | None = None
    min_rows: int | None = Field(default=None, ge=0)
    max_rows: int | None = Field(default=None, ge=0)
    complete_after_hours: float = Field(default=6.0, ge=0, le=240)
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

    @model_validator(mode="after")
    def _check_locations(self) -> _Entry:
        for name, value in (
            ("location", self.location),
            ("accounts_location", self.accounts_location),
        ):
            if value is not None and (value.startswith("/") or ".." in value.split("/")):
                raise ValueError(f"{name} {value!r} must be a folder below the landing root")
        return self


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sources: list[_Entry] | None = None


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
    location = (entry.location if entry else None) or f"usage/{source_id}"
    accounts = (entry.accounts_location if entry else None) or f"accounts/{source_id}"
    described: _Description = entry or _Description()
    for folder in (location, accounts) if entry is None else ():
        name = f"{folder}/source.yml"
        text = landing.read_text(name)
        if text is not None:
            described = _validate(_Description, _load_yaml(text, name), name)
            break
    return Source(
        source_id=source_id,
        platform=described.platform or source_id,
        format=described.format or _sniff(landing, location),
        location=location.rstrip("/"),
        accounts_location=accounts.rstrip("/"),
        min_rows=described.min_rows,
        max_rows=described.max_rows,
        complete_after_hours=described.complete_after_hours,
        licence=described.licence,
        handling=described.handling,
    )


def _sniff(landing: Landing, location: str) -> str:
    folders = [name for name in landing.list_folders(location) if name.startswith("dt=")]
    files = [
        file
        for folder in folders[:_SNIFFED_DAYS]
        for file in landing.list_files(f"{location}/{folder}", SUFFIXES)
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
            + (f" (found {item['input']!r})" if item["type"] != "value_error" else "")
            for item in error.errors()
        )
        raise ConfigError(f"{origin}: {problems}") from error
