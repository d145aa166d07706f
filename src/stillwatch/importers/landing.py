"""Writing an import: dated native files, registries, the source's own description."""

from __future__ import annotations

import gzip
import re
import shutil
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import IO

import orjson
import yaml

from stillwatch.errors import ConfigError
from stillwatch.runs import write_json

HANDLING = "imported by stillwatch, benign background"

_SOURCE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_PART = "part-000.jsonl.gz"
_ABOUT = "source.yml"  # in both folders: it marks what an import may replace


def check_target(root: Path, source_id: str, replace: bool) -> None:
    """Raise a ConfigError unless the source's folders are free, or an import that may go."""
    if not _SOURCE_ID.fullmatch(source_id):
        raise ConfigError(
            f"--source-id {source_id!r}: use 1 to 64 letters, digits, `_`, `.` or `-`, "
            "beginning with a letter or digit"
        )
    for folder in _list_folders(root, source_id):
        if not _is_filled(folder):
            continue
        about = folder / _ABOUT
        if not about.is_file() or HANDLING not in about.read_text("utf-8"):
            raise ConfigError(
                f"{folder} holds data that was not imported: choose another --source-id than "
                f"{source_id!r}, or move the data away"
            )
        if not replace:
            raise ConfigError(
                f"{folder} holds an earlier import: give --replace to write it anew, "
                f"or another --source-id than {source_id!r}"
            )


class ImportWriter:
    """Writes one source. Nothing appears under its final name before all of it is written."""

    def __init__(self, root: Path, source_id: str) -> None:
        self._root, self._source_id = root, source_id
        self._staged = root / f".import-{source_id}"
        self._files: dict[date, tuple[IO[bytes], gzip.GzipFile]] = {}

    def __enter__(self) -> ImportWriter:
        shutil.rmtree(self._staged, ignore_errors=True)
        self._staged.mkdir(parents=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()
        shutil.rmtree(self._staged, ignore_errors=True)

    def add(self, day: date, row: dict[str, object]) -> None:
        """Append one exchange to a day's file."""
        if day not in self._files:
            path = self._staged / "usage" / f"dt={day}" / _PART
            path.parent.mkdir(parents=True)
            raw = path.open("wb")
            packed = gzip.GzipFile(filename="", mode="wb", compresslevel=5, fileobj=raw, mtime=0)
            self._files[day] = (raw, packed)
        self._files[day][1].write(orjson.dumps(row) + b"\n")

    def finish(
        self,
        days: Iterable[date],
        registry: Iterable[bytes],
        about: dict[str, object],
        manifest: dict[str, object],
    ) -> None:
        """Add the registry of every day and the descriptions, and put all of it into place."""
        self._close()
        lines = b"".join(line + b"\n" for line in registry)
        packed = gzip.compress(lines, compresslevel=5, mtime=0)
        for day in days:
            path = self._staged / "accounts" / f"dt={day}" / "accounts.jsonl.gz"
            path.parent.mkdir(parents=True)
            path.write_bytes(packed)
        usage = self._staged / "usage"
        usage.mkdir(exist_ok=True)
        for kind in ("usage", "accounts"):
            text = yaml.safe_dump(about, sort_keys=False)
            (self._staged / kind / _ABOUT).write_text(text, "utf-8")
        write_json(usage / "import.json", manifest)
        for folder in _list_folders(self._root, self._source_id):
            shutil.rmtree(folder, ignore_errors=True)
            folder.parent.mkdir(parents=True, exist_ok=True)
            (self._staged / folder.parent.name).rename(folder)

    def _close(self) -> None:
        for raw, packed in self._files.values():
            packed.close()
            raw.close()
        self._files.clear()


def _list_folders(root: Path, source_id: str) -> list[Path]:
    return [root / kind / source_id for kind in ("accounts", "usage")]


def _is_filled(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())
