"""The same world with fields missing: landed files are written again without them.

Fields are taken out before anything is ingested, so that every step (ingest, gates, models) works
with what such a platform would really deliver. Broken lines stay as they are.
"""

from __future__ import annotations

import gzip
import shutil
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from stillwatch.errors import InputError
from stillwatch.evaluation.ablation_edits import (
    ADDRESS_EDITS,
    KNOWN_FORMATS,
    TEXT_EDITS,
    Edit,
    drop_fields,
)
from stillwatch.worlds.landing import write_lines, write_table
from stillwatch.worlds.model import FileKind
from stillwatch.worlds.records import REGISTRY_FIELDS


class Ablation(StrEnum):
    """What is missing; the value is how it is written in plans and on the command line."""

    ADDRESSES = "addresses"
    PAYMENT = "payment"
    TEXT = "text"
    SIGNUP = "signup"
    REGISTRY = "registry"

    @property
    def label(self) -> str:
        """What is missing, in words."""
        match self:
            case Ablation.ADDRESSES:
                return "without addresses and JA4"
            case Ablation.PAYMENT:
                return "without payment"
            case Ablation.TEXT:
                return "without any text"
            case Ablation.SIGNUP:
                return "with a registry of ids, dates and status only"
            case Ablation.REGISTRY:
                return "without an account registry"
            case _:
                raise ValueError(f"no label for {self!r}")


_USAGE_EDITS: dict[Ablation, dict[str, Edit]] = {
    Ablation.ADDRESSES: ADDRESS_EDITS,
    Ablation.TEXT: TEXT_EDITS,
}
_REGISTRY_EDITS: dict[Ablation, Edit] = {
    Ablation.ADDRESSES: drop_fields("signup_ip", "signup_country", "signup_ja4"),
    Ablation.PAYMENT: drop_fields(
        "payment_instrument", "payment_bin", "payment_type", "billing_country"
    ),
    Ablation.TEXT: drop_fields("declared_use"),
    Ablation.SIGNUP: drop_fields("organization_id", *REGISTRY_FIELDS),
}
_KINDS: dict[str, FileKind] = {".jsonl": "jsonl", ".jsonl.gz": "gzip", ".jsonl.zst": "zstd"}


def blank_fields(landing: Path, ablation: Ablation) -> int:
    """Take the fields out of every landed file of a world; return how many records were changed.

    Without a registry its folders are removed, and no record is counted as changed.
    """
    if ablation is Ablation.REGISTRY:
        shutil.rmtree(landing / "accounts")
        return 0
    changed = 0
    edits = _USAGE_EDITS.get(ablation, {})
    for folder in sorted((landing / "usage").iterdir()):
        about = yaml.safe_load((folder / "source.yml").read_text("utf-8"))
        name = str(about["format"])
        if name not in KNOWN_FORMATS:
            raise InputError(
                f"usage format {name!r} of {folder} cannot be written {ablation.label}: "
                f"known are {', '.join(sorted(KNOWN_FORMATS))}"
            )
        if name in edits:
            changed += _edit_files(folder, edits[name])
    for folder in sorted((landing / "accounts").iterdir()):
        changed += _edit_files(folder, _REGISTRY_EDITS[ablation])
    return changed


def _edit_files(folder: Path, edit: Edit) -> int:
    """Rewrite a folder's files of lines or Parquet, record by record."""
    changed = 0
    for path in sorted(path for path in folder.glob("dt=*/*") if path.is_file()):
        ending = path.name[path.name.index(".") :]
        if ending == ".parquet":
            changed += _edit_table(path, edit)
        elif ending in _KINDS:
            changed += _edit_lines(path, _KINDS[ending], edit)
        else:
            raise InputError(f"{path}: cannot rewrite {ending}, only .parquet, {', '.join(_KINDS)}")
    return changed


def _edit_lines(path: Path, kind: FileKind, edit: Edit) -> int:
    changed = 0
    lines = _read(path, kind).split(b"\n")
    for number, line in enumerate(lines):
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        edit(record)
        edited = orjson.dumps(record)
        changed += edited != line
        lines[number] = edited
    write_lines(path, lines[:-1], kind)  # each line ends in a line feed: nothing follows the last
    return changed


def _edit_table(path: Path, edit: Edit) -> int:
    table = pq.ParquetFile(path).read()  # a read of the path would add its `dt` as a column
    before: list[dict[str, Any]] = table.to_pylist()
    after: list[dict[str, Any]] = table.to_pylist()
    for row in after:
        edit(row)
    edited = pa.Table.from_pylist(after, schema=table.schema)
    write_table(path, edited)
    return sum(old != new for old, new in zip(before, edited.to_pylist(), strict=True))


def _read(path: Path, kind: FileKind) -> bytes:
    match kind:
        case "jsonl":
            return path.read_bytes()
        case "gzip":
            return gzip.decompress(path.read_bytes())
        case "zstd":
            with pa.input_stream(str(path), compression="zstd") as stream:
                return bytes(stream.read())
        case _:
            raise ValueError(f"{path} is no file of lines")
