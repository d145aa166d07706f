"""All settings, read once from the environment and checked together.

Every setting is one environment variable `STILLWATCH_<NAME>`. Nothing else in the package reads
the environment, but for the connections of `landing.connections`, which Airflow shares.
"""

from __future__ import annotations

import os
import secrets
from functools import lru_cache
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from stillwatch.errors import ConfigError

_KEY_BYTES = 32


class Settings(BaseSettings):
    """Where things lie and how the deployment is keyed."""

    model_config = SettingsConfigDict(env_prefix="STILLWATCH_", frozen=True, extra="ignore")

    home: Path = Field(
        default=Path("var"), description="all state: canonical data, warehouse, reports"
    )
    landing_uri: str = Field(
        default="landing", description="where inputs land (path or fsspec URL)"
    )
    landing_connection: str | None = Field(
        default=None, description="connection of the landing root, if its URL needs one"
    )
    config: Path = Field(default=Path("config"), description="folder of sources.yml and feeds.yml")
    key_file: Path | None = Field(
        default=None,
        description="file of the deployment key (32 bytes as hex); made on first use if unset",
    )
    dbt_threads: int = Field(
        default=2, ge=1, le=64, description="models that dbt builds at the same time"
    )
    warehouse_memory: str = Field(
        default="4GB", description="memory limit of the embedded warehouse"
    )
    screening_match_minimum: float = Field(
        default=0.8,
        ge=0.5,
        le=1.0,
        description="score from which a name on a screening list is put before a person; 0.8 finds "
        "94 % of listed names with one seeded error, and of 415 names of another list only the 4 "
        "of a party that is on both (Entity List of 2026-07, measured 2026-11)",
    )
    paper: str = Field(
        default="letter", pattern="^(letter|a4)$", description="paper of the PDF reports"
    )
    organization: str = Field(
        default="Example Lab", description="who reports: printed on every page"
    )
    contact: str = Field(
        default="trust-and-safety@example.com", description="contact printed on reports"
    )

    @property
    def landing(self) -> str:
        """The landing root without a `file://` prefix or trailing slash."""
        return self.landing_uri.removeprefix("file://").rstrip("/") or "/"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the process's settings; all problems are listed in one ConfigError."""
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(
            f"STILLWATCH_{'_'.join(str(part) for part in item['loc']).upper()}"
            f"={item.get('input')!r}: {item['msg']}"
            for item in error.errors()
        )
        raise ConfigError(f"settings from the environment are wrong: {problems}") from error


def get_deployment_key(settings: Settings) -> bytes:
    """Return the deployment's secret key, making it on first use.

    Every token and fingerprint in the warehouse is keyed with it, so the same key must be kept as
    long as the data. It lies in `key_file` if that is set, else in `<config>/secrets/`, or in
    `<home>/secrets/` where the config folder cannot be written.
    """
    if settings.key_file is not None:
        return _read_key(settings.key_file)
    candidates = [
        settings.config / "secrets" / "deployment.key",
        settings.home / "secrets" / "deployment.key",
    ]
    for path in candidates:
        if path.exists():
            return _read_key(path)
    for path in candidates:
        try:
            return _make_key(path)
        except FileExistsError:
            return _read_key(path)
        except OSError:
            continue
    raise ConfigError(
        f"no deployment key, and none can be written to {candidates[0]} or {candidates[1]}: "
        "set STILLWATCH_KEY_FILE to a file with 64 hexadecimal digits"
    )


def _make_key(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = secrets.token_bytes(_KEY_BYTES)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(key.hex() + "\n")
    try:
        os.link(temporary, path)  # fails if another process was first: its key counts
    finally:
        temporary.unlink()
    return key


def _read_key(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text().strip())
    except FileNotFoundError as error:
        raise ConfigError(f"deployment key {path} is missing (STILLWATCH_KEY_FILE)") from error
    except ValueError as error:
        raise ConfigError(f"deployment key {path} is not hexadecimal") from error
    if len(key) != _KEY_BYTES:
        raise ConfigError(f"deployment key {path} has {len(key)} bytes, not {_KEY_BYTES}")
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"deployment key {path} can be read by others: chmod 600 {path}")
    return key
