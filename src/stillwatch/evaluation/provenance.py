"""Which code gave the figures: version, commit, packages, a digest of the files that decide."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from stillwatch import __version__
from stillwatch.project import get_project_root

_CODE = ("src/stillwatch", "dbt_project", "expectations")
_CODE_SUFFIXES = {".py", ".sql", ".yml", ".yaml", ".csv", ".json", ".txt", ".toml"}
_PACKAGES = ("duckdb", "igraph", "leidenalg", "numpy", "pyod", "scikit-learn", "scipy")
_NOT_CODE = {"target", "logs", "dbt_packages", "__pycache__"}


@dataclass(frozen=True)
class Provenance:
    """What was run. `git_commit` is null outside a checkout; a changed one ends in `-changed`.

    A package that is not installed has a null version: the methods that need it are not run.
    """

    version: str
    git_commit: str | None
    code_sha256: str
    packages: Mapping[str, str | None]


def read_provenance() -> Provenance:
    """Return the version, commit and digest of the checkout that is running."""
    root = get_project_root()
    packages = {name: _read_version(name) for name in _PACKAGES}
    return Provenance(__version__, _read_commit(root), _hash_code(root), packages)


def _read_version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _read_commit(root: Path) -> str | None:
    commit = _ask_git(root, "rev-parse", "HEAD")
    if not commit:
        return None
    return f"{commit}-changed" if _ask_git(root, "status", "--porcelain", *_CODE) else commit


def _ask_git(root: Path, *arguments: str) -> str:
    """Return what git says, or nothing where there is no git or no checkout."""
    try:
        asked = subprocess.run(  # noqa: S603
            ["git", "-C", str(root), *arguments],  # noqa: S607
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""


def _hash_code(root: Path) -> str:
    digest = hashlib.sha256()
    for name in _CODE:
        for path in sorted((root / name).rglob("*")):
            relative = path.relative_to(root)
            if path.suffix not in _CODE_SUFFIXES or _NOT_CODE & set(relative.parts):
                continue
            if path.is_file():
                digest.update(f"{relative.as_posix()}\0".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
