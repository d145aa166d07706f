"""The same world with fields missing: landed files are written again without them.

Fields are taken out before anything is ingested, so that every step (ingest, gates, models) works
with what such a platform would really deliver. Broken lines stay as they are.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson
import yaml

from stillwatch.errors import InputError


class Ablation(StrEnum):
    """What is missing; the value is how it is written in plans and on the command line."""

    ADDRESSES = "addresses"
    PAYMENT = "payment"
    TEXT = "text"

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
            case _:
                raise ValueError(f"no label for {self!r}")


_NATIVE_FIELDS = {
    Ablation.ADDRESSES: ("client_ip", "client_country", "ja4", "header_order_hash"),
    Ablation.PAYMENT: (),
    Ablation.TEXT: ("system_prompt", "prompt"),
}
_ACCOUNT_FIELDS = {
    Ablation.ADDRESSES: ("signup_ip", "signup_country", "signup_ja4"),
    Ablation.PAYMENT: ("payment_instrument", "payment_bin", "payment_type", "billing_country"),
    Ablation.TEXT: ("declared_use",),
}
# Formats that never carry the fields need nothing taken out.
_NEVER_CARRIED = {"aws_bedrock_invocation": {Ablation.ADDRESSES, Ablation.PAYMENT}}

Edit = Callable[[dict[str, Any]], None]


def blank_fields(landing: Path, ablation: Ablation) -> int:
    """Take the fields out of every landed file of a world; return how many records were changed."""
    changed = 0
    for folder in sorted((landing / "usage").iterdir()):
        about = yaml.safe_load((folder / "source.yml").read_text("utf-8"))
        edit = _choose_edit(str(about["format"]), ablation)
        if edit is not None:
            changed += _edit_files(folder, edit)
    for folder in sorted((landing / "accounts").iterdir()):
        changed += _edit_files(folder, _drop(_ACCOUNT_FIELDS[ablation]))
    return changed


def _choose_edit(format_name: str, ablation: Ablation) -> Edit | None:
    if format_name == "native":
        return _drop(_NATIVE_FIELDS[ablation])
    if ablation in _NEVER_CARRIED.get(format_name, ()):
        return None
    if format_name == "aws_bedrock_invocation" and ablation is Ablation.TEXT:
        return _drop_bedrock_text
    raise InputError(
        f"usage format {format_name!r} cannot be written {ablation.label}: ablations know native "
        "and aws_bedrock_invocation, choose a world of these"
    )


def _drop(names: tuple[str, ...]) -> Edit:
    def edit(record: dict[str, Any]) -> None:
        for name in names:
            record.pop(name, None)

    return edit


def _drop_bedrock_text(record: dict[str, Any]) -> None:
    """Leave what was asked with its blocks of other kinds (images, tools), but no word of it."""
    request = record.get("input")
    body = request.get("inputBodyJson") if isinstance(request, dict) else None
    if not isinstance(body, dict):
        return
    body.pop("system", None)
    for message in body.get("messages", ()):
        blocks = message.get("content")
        message["content"] = (
            [block for block in blocks if "text" not in block] if isinstance(blocks, list) else []
        )


def _edit_files(folder: Path, edit: Edit) -> int:
    """Rewrite a folder's files, record by record; other kinds of files are an error."""
    changed = 0
    for path in sorted(path for path in folder.glob("dt=*/*") if path.is_file()):
        if not path.name.endswith(".jsonl.gz"):
            raise InputError(f"{path} is no .jsonl.gz: ablations cannot rewrite it")
        lines = gzip.decompress(path.read_bytes()).split(b"\n")
        for number, line in enumerate(lines):
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            edit(record)
            edited = orjson.dumps(record)
            changed += edited != line
            lines[number] = edited
        path.write_bytes(gzip.compress(b"\n".join(lines), compresslevel=5, mtime=0))
    return changed
