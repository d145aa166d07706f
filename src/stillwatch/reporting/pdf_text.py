"""Reads the text back from our own PDFs, so that a check needs no other program.

The renderer writes two-byte glyph codes with a ToUnicode map for every font; this reads those
maps and the text operators, nothing more. It is not a general PDF reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf

_BLOCK = re.compile(rb"beginbf(char|range)(.*?)endbf", re.DOTALL)
_HEX = re.compile(rb"<([0-9A-Fa-f ]*)>|\[([^\]]*)\]")


def read_pages(path: Path) -> list[str]:
    """Return the text of each page, with one space between lines and no-break spaces as spaces."""
    with pikepdf.open(path) as pdf:
        return [" ".join("".join(_read_stream(page.obj, page.obj)).split()) for page in pdf.pages]


def _read_stream(holder: Any, owner: Any) -> Iterator[str]:
    resources = owner.get("/Resources", {})
    fonts = {
        name: _read_map(font)
        for name, font in dict(resources.get("/Font", {})).items()
        if "/ToUnicode" in font
    }
    current: dict[int, str] = {}
    for operands, operator in pikepdf.parse_content_stream(holder):
        match str(operator):
            case "Tf":
                current = fonts.get(str(operands[0]), {})
            case "Tj":
                yield _decode(bytes(operands[0]), current)
            case "TJ":
                for item in operands[0]:
                    if isinstance(item, pikepdf.String):
                        yield _decode(bytes(item), current)
            case "BT" | "ET" | "Td" | "Tm" | "T*":
                yield " "
            case "Do":
                form = resources.get("/XObject", {}).get(str(operands[0]))
                if form is not None and form.get("/Subtype") == "/Form":
                    yield " "
                    yield from _read_stream(form, form)


def _decode(raw: bytes, characters: dict[int, str]) -> str:
    codes = (int.from_bytes(raw[n : n + 2], "big") for n in range(0, len(raw), 2))
    return "".join(characters.get(code, "\ufffd") for code in codes)


def _read_map(font: Any) -> dict[int, str]:
    """Return the characters of each glyph code; glyph 0, the empty box, has none."""
    characters: dict[int, str] = {}
    data = font["/ToUnicode"].read_bytes()
    for kind, body in _BLOCK.findall(data):
        cells = [(single, many) for single, many in _HEX.findall(body)]
        step = 2 if kind == b"char" else 3
        for start in range(0, len(cells) - step + 1, step):
            first = int(cells[start][0], 16)
            if step == 2:
                characters[first] = _read_text(cells[start + 1][0])
                continue
            last = int(cells[start + 1][0], 16)
            single, many = cells[start + 2]
            if many:
                texts = [_read_text(part[0]) for part in _HEX.findall(many)]
                characters.update(zip(range(first, last + 1), texts, strict=False))
            else:
                base = int(single, 16)
                characters.update({first + n: chr(base + n) for n in range(last - first + 1)})
    return characters


def _read_text(digits: bytes) -> str:
    return bytes.fromhex(digits.decode()).decode("utf-16-be", "replace")
