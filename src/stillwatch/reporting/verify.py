"""Checks a registered report against its snapshot, its stored numbers and its own pages."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stillwatch.errors import ReportError
from stillwatch.reporting.numbers import Number, read_numbers, recompute
from stillwatch.reporting.pdf_text import read_pages
from stillwatch.reporting.register import find_damage, get_folder, read_latest, read_manifest
from stillwatch.reporting.snapshots import find_snapshot_by_id, open_snapshot
from stillwatch.reporting.wording import write_value
from stillwatch.runs import get_paths
from stillwatch.settings import Settings


@dataclass(frozen=True)
class Difference:
    """One number, file or page text that is not what it should be."""

    key: str
    stored: str
    found: str


@dataclass(frozen=True)
class Verification:
    """The outcome of a check."""

    report_id: str
    version: int
    number_count: int
    printed_count: int
    differences: tuple[Difference, ...]


def verify_report(settings: Settings, report_id: str) -> Verification:
    """Run every stored SQL of the newest version again and compare numbers, files and pages."""
    paths = get_paths(settings)
    record = read_latest(paths, report_id)
    if record is None:
        raise ReportError(f"report {report_id} is not registered: `stillwatch report` drafts it")
    folder = get_folder(paths, report_id, record["version"])
    damaged = [Difference(name, "as registered", "differs") for name in find_damage(paths, record)]
    numbers = read_numbers(json.loads((folder / "numbers.json").read_text(encoding="utf-8")))
    snapshot = find_snapshot_by_id(paths, record["snapshot_id"])
    with open_snapshot(snapshot.path) as connection:
        found: dict[str, Any] = {}
        for name, sql in sorted({(number.key.split("/")[0], number.sql) for number in numbers}):
            found.update(recompute(connection, name, sql))
    printed = read_manifest(paths, record).get("printed", [])
    differences = [
        *damaged,
        *compare_numbers(numbers, found),
        *compare_printed(numbers, printed),
        *compare_pages(printed, read_pages(folder / "document.pdf")),
    ]
    return Verification(
        report_id, record["version"], len(numbers), len(printed), tuple(differences)
    )


def compare_numbers(numbers: Iterable[Number], found: Mapping[str, Any]) -> list[Difference]:
    """Return each stored number that the snapshot does not give again."""
    return [
        Difference(number.key, str(number.value), str(found.get(number.key, "no such row")))
        for number in numbers
        if number.key not in found or not _is_equal(number.value, found[number.key])
    ]


def compare_printed(
    numbers: Iterable[Number], printed: Iterable[Mapping[str, str]]
) -> list[Difference]:
    """Return each printed figure that is not the stored number in its printed form."""
    expected = {number.key: write_value(number.value, number.unit) for number in numbers}
    return [
        Difference(item["key"], expected.get(item["key"], "no such number"), item["text"])
        for item in printed
        if expected.get(item["key"]) != item["text"]
    ]


def compare_pages(printed: Iterable[Mapping[str, str]], pages: Iterable[str]) -> list[Difference]:
    """Return each figure that the pages show less often than the document printed it."""
    text = " ".join(pages).replace("\u00a0", " ")
    items = list(printed)
    wanted = Counter(item["text"].replace("\u00a0", " ") for item in items)
    missing = {words: count for words, count in wanted.items() if _count(words, text) < count}
    keys: dict[str, str] = {}
    for item in items:
        keys.setdefault(item["text"].replace("\u00a0", " "), item["key"])
    return [
        Difference(
            keys[words], f"{words} on the pages, {count} times", f"{_count(words, text)} times"
        )
        for words, count in sorted(missing.items())
    ]


def _count(words: str, text: str) -> int:
    return len(re.findall(rf"(?<![\w.,]){re.escape(words)}(?![\w]|[.,]\d)", text))


def _is_equal(stored: Any, found: Any) -> bool:
    if stored is None or found is None:
        return stored is found
    return math.isclose(stored, found, rel_tol=1e-9, abs_tol=1e-8)
