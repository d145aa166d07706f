"""Writing tiny published files, and reading what an import landed."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest

from stillwatch.importers.model import Options
from stillwatch.importers.run import ImportPlan, ImportSummary, run_import

FIRST_DAY = date(2026, 11, 1)


class Landed:
    """A landing root of one test: runs imports into it and reads them back."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, kind: str, paths: Sequence[Path], **choices: Any) -> ImportSummary:
        """Import with the given choices; names of `Options` go there."""
        names = set(Options.__dataclass_fields__) & choices.keys()
        options = Options(**{name: choices.pop(name) for name in names})
        plan = {"source_id": "background", "first_day": FIRST_DAY, "days": 2, **choices}
        return run_import(
            ImportPlan(
                kind=kind,
                paths=tuple(paths),
                landing=self.root / "landing",
                options=options,
                **plan,
            )
        )

    def read(self, kind: str = "usage", source_id: str = "background") -> list[dict[str, Any]]:
        """Return the landed rows of all days, in order of file and line."""
        return [
            orjson.loads(line)
            for path in sorted((self.root / "landing" / kind / source_id).glob("dt=*/*.jsonl.gz"))
            for line in gzip.decompress(path.read_bytes()).splitlines()
        ]

    def list_bytes(self) -> dict[str, bytes]:
        """Return every landed file by its relative name."""
        files = sorted(path for path in self.root.rglob("*") if path.is_file())
        return {str(path.relative_to(self.root)): path.read_bytes() for path in files}


@pytest.fixture
def landed(tmp_path: Path) -> Landed:
    return Landed(tmp_path / "out")


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes lines to a file, compressed if its name says so."""

    def write(name: str, *lines: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = "".join(f"{line}\n" for line in lines).encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write
