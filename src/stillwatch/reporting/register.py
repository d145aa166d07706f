"""The register of report versions: folders below `reports/`, one flat record each in the ledger."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from stillwatch.errors import ReportError
from stillwatch.runs import Paths, read_json, write_json

_REPORT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,120}")

Record = dict[str, Any]


@dataclass(frozen=True)
class ReportRef:
    """One registered version of a report document."""

    report_id: str
    version: int
    document: str
    subject_id: str | None
    day: date
    state: str
    sha256: str
    page_count: int
    path: Path
    approved_by: str | None = None
    approved_at: str | None = None
    is_new: bool = False


def check_report_id(report_id: str) -> str:
    """Return the id if it can be a folder name, else raise a ReportError."""
    if not _REPORT_ID.fullmatch(report_id) or ".." in report_id:
        raise ReportError(
            f"report id {report_id!r} is not one of ours: `stillwatch approve --list` shows them"
        )
    return report_id


def make_dossier_id(campaign_id: str, day: date) -> str:
    """Return the id of a campaign's dossier; an id unfit for a file name is hashed."""
    plain = f"dossier-{campaign_id}-{day.isoformat()}"
    if _REPORT_ID.fullmatch(plain) and ".." not in plain:
        return plain
    return f"dossier-{sha256(campaign_id.encode()).hexdigest()[:16]}-{day.isoformat()}"


def get_folder(paths: Paths, report_id: str, version: int) -> Path:
    """Return the folder of a version."""
    return paths.reports / report_id / f"v{version}"


def write_name(record: Mapping[str, Any]) -> str:
    """Return how a record is named in `supersedes` and in its file name."""
    return f"{record['report_id']}.v{record['version']}"


def read_records(paths: Paths, report_id: str | None = None) -> list[Record]:
    """Return the records of a report (or of all), oldest version first."""
    pattern = f"{check_report_id(report_id)}.v*.json" if report_id else "*.json"
    records = [read_json(path) for path in (paths.ledger / "reports").glob(pattern)]
    found = [record for record in records if report_id in (None, record["report_id"])]
    return sorted(found, key=lambda record: (record["report_id"], record["version"]))


def read_latest(paths: Paths, report_id: str) -> Record | None:
    """Return the newest record of a report, or None."""
    records = read_records(paths, report_id)
    return records[-1] if records else None


def write_record(paths: Paths, record: Record) -> None:
    """Write a record at its place in the ledger."""
    write_json(paths.ledger / "reports" / f"{write_name(record)}.json", record)


def settle_states(paths: Paths, report_id: str) -> None:
    """Mark drafts before the newest version, and releases before the newest release, superseded.

    It also repairs a register whose writer was killed between two records.
    """
    records = read_records(paths, report_id)
    released = [record["version"] for record in records if record["state"] == "released"]
    for record in records[:-1]:
        is_old_draft = record["state"] == "draft"
        is_old_release = record["state"] == "released" and record["version"] < max(released)
        if is_old_draft or is_old_release:
            write_record(paths, {**record, "state": "superseded"})


def write_version(
    paths: Paths,
    report_id: str,
    version: int,
    files: Mapping[str, bytes],
    manifest: Mapping[str, Any],
) -> None:
    """Put a version's files and its manifest of digests in place at once."""
    folder = get_folder(paths, report_id, version)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(mode=0o750)
    try:
        for name, content in files.items():
            _write_synced(temporary / name, content)
        described = {
            name: {"sha256": sha256(content).hexdigest(), "byte_count": len(content)}
            for name, content in files.items()
        }
        write_json(temporary / "manifest.json", {**manifest, "files": described})
        shutil.rmtree(folder, ignore_errors=True)  # a folder without a record is a torn attempt
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_manifest(paths: Paths, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest of a version, or an empty one if its folder is gone."""
    path = get_folder(paths, record["report_id"], record["version"]) / "manifest.json"
    return dict(read_json(path)) if path.exists() else {}


def find_damage(paths: Paths, record: Mapping[str, Any]) -> list[str]:
    """Return the names of a version's files that are missing or differ from the manifest."""
    folder = get_folder(paths, record["report_id"], record["version"])
    manifest = read_manifest(paths, record)
    if not manifest:
        return ["manifest.json"]
    damaged = [
        name
        for name, described in sorted(manifest["files"].items())
        if not (folder / name).exists()
        or sha256((folder / name).read_bytes()).hexdigest() != described["sha256"]
    ]
    if not damaged and manifest["files"]["document.pdf"]["sha256"] != record["sha256"]:
        damaged.append("document.pdf")
    return damaged


def make_ref(paths: Paths, record: Mapping[str, Any], is_new: bool = False) -> ReportRef:
    """Return the reference to a registered version."""
    report_id, version = record["report_id"], record["version"]
    until = date.fromisoformat(record["period_until"])
    return ReportRef(
        report_id=report_id,
        version=version,
        document=record["document"],
        subject_id=record["subject_id"],
        day=date.fromordinal(until.toordinal() - 1),
        state=record["state"],
        sha256=record["sha256"],
        page_count=int(read_manifest(paths, record).get("page_count", 0)),
        path=get_folder(paths, report_id, version) / "document.pdf",
        approved_by=record["approved_by"],
        approved_at=record["approved_at"],
        is_new=is_new,
    )


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
