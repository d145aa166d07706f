"""Renders a facts object to PDF in a child process with limits, to the same bytes every time."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from hashlib import sha256
from pathlib import Path
from typing import Any

from stillwatch.errors import ReportError
from stillwatch.log import get_logger
from stillwatch.reporting.facts import Facts, to_json
from stillwatch.reporting.text import clean

MEMORY_BYTES = 4 * 1024**3
CPU_SECONDS = 120
WALL_SECONDS = 180

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "|", "%")
_FONTS_CONF = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig><dir>{folder}/none</dir><cachedir>{folder}/fontconfig</cachedir></fontconfig>
"""

_log = get_logger(__name__)


@dataclass(frozen=True)
class Attached:
    """A file that is embedded in the PDF."""

    name: str
    description: str
    text: str
    relationship: str = "Data"


@dataclass(frozen=True)
class Rendered:
    """A finished document: its bytes, pages, and the figures printed in it."""

    pdf: bytes
    page_count: int
    printed: tuple[tuple[str, str], ...]
    seconds: float

    @property
    def sha256(self) -> str:
        """Digest of the file."""
        return sha256(self.pdf).hexdigest()


def write_facts(facts: Facts) -> str:
    """Return the facts as the JSON text that is stored, hashed and attached."""
    return json.dumps(to_json(facts), sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV in which no cell is taken for a formula by a spreadsheet.

    >>> write_csv(["a", "b"], [["=1+1", None], ["-3", True]])
    "a,b\\r\\n'=1+1,\\r\\n-3,true\\r\\n"
    """
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_neutralize(cell) for cell in row])
    return target.getvalue()


def render(
    facts: Facts,
    attached: Sequence[Attached] = (),
    *,
    memory_bytes: int = MEMORY_BYTES,
    cpu_seconds: int = CPU_SECONDS,
    wall_seconds: int = WALL_SECONDS,
) -> Rendered:
    """Return the PDF of the facts; the facts themselves are its first attachment.

    Raises ReportError with the report's id if the child fails, warns, or exceeds a limit.
    """
    report_id = facts.header.report_id
    facts_text = write_facts(facts)
    files = [Attached("facts.json", "All facts of this document", facts_text, "Source"), *attached]
    with tempfile.TemporaryDirectory(prefix="stillwatch-report-") as name:
        folder = Path(name)
        epoch = _write_job(folder, facts, facts_text, files, memory_bytes, cpu_seconds)
        try:
            process = subprocess.run(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "stillwatch.reporting.worker", str(folder)],
                env=_make_environment(folder, epoch),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=wall_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ReportError(
                f"report {report_id} took more than {wall_seconds} s: its renderer was stopped"
            ) from error
        return _read_result(folder, report_id, process)


def _write_job(
    folder: Path,
    facts: Facts,
    facts_text: str,
    files: Sequence[Attached],
    memory_bytes: int,
    cpu_seconds: int,
) -> int:
    header = facts.header
    epoch = int(datetime.combine(header.period_until, time(), tzinfo=UTC).timestamp())
    items = []
    identifier = sha256(b"stillwatch report\0")
    for n, file in enumerate(files):
        (folder / f"attached-{n}").write_text(file.text, encoding="utf-8", newline="")
        identifier.update(file.name.encode() + b"\0" + file.text.encode() + b"\0")
        items.append(
            {
                "file": f"attached-{n}",
                "name": file.name,
                "description": file.description,
                "relationship": file.relationship,
            }
        )
    (folder / "facts.json").write_text(facts_text, encoding="utf-8")
    (folder / "fonts.conf").write_text(_FONTS_CONF.format(folder=folder), encoding="utf-8")
    job = {
        "document": header.document,
        "epoch": epoch,
        "identifier": identifier.hexdigest()[:32],
        "attachments": items,
        "memory_bytes": memory_bytes,
        "cpu_seconds": cpu_seconds,
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    return epoch


def _make_environment(folder: Path, epoch: int) -> dict[str, str]:
    """Return the child's whole environment: nothing of the parent's but where programs lie."""
    return {
        "PATH": os.defpath,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "MPLCONFIGDIR": str(folder),
        "XDG_CACHE_HOME": str(folder),
        "FONTCONFIG_FILE": str(folder / "fonts.conf"),
        "SOURCE_DATE_EPOCH": str(epoch),
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
    }


def _read_result(
    folder: Path, report_id: str, process: subprocess.CompletedProcess[bytes]
) -> Rendered:
    result_path = folder / "result.json"
    result = json.loads(result_path.read_text(encoding="utf-8")) if result_path.exists() else {}
    if process.returncode != 0 or "error" in result:
        reason = result.get("error") or _explain(process)
        _log.debug("report %s: %s", report_id, result.get("traceback", reason))
        raise ReportError(f"report {report_id} could not be rendered: {reason}")
    pdf = (folder / "document.pdf").read_bytes()
    if sha256(pdf).hexdigest() != result["sha256"]:
        raise ReportError(f"report {report_id}: the rendered file is torn, its digest differs")
    printed = tuple((item["key"], item["text"]) for item in result["printed"])
    return Rendered(pdf, result["page_count"], printed, result["seconds"])


def _explain(process: subprocess.CompletedProcess[bytes]) -> str:
    tail = process.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
    if process.returncode < 0:
        return f"the renderer was killed by signal {-process.returncode} (out of memory or time)"
    return clean(tail[0]) if tail else f"the renderer ended with code {process.returncode}"


def _neutralize(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    text = clean(str(cell))
    return f"'{text}" if text.startswith(_FORMULA_STARTS) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
