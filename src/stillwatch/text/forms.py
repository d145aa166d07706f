"""What the form of a text says about its capability, in any language."""

from __future__ import annotations

import re

# Names such as `read_all_rows` are a sign of code that words alone do not give.
_IDENTIFIER = re.compile(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b")
_IDENTIFIERS_OF_CODE = 2

# Lines as they stand in source code and hardly elsewhere.
_CODE_LINE = re.compile(
    r"^[ \t]*(?:def \w+\(|class \w+[:({]|#include\b|import \w+|from \w+ import |function \w*\("
    r"|(?:public|private|static) \w+ |(?:const|let|var) \w+ ?=|SELECT\b.+\bFROM\b|.*\) ?[;{]$|\}$)",
    re.MULTILINE,
)
_LINES_OF_CODE = 2

# A short text with several quantities (numbers that are no years) that ends in a question is a
# calculation, in any language.
_QUANTITY = re.compile(r"(?<![\w.])(?!(?:1\d|20)\d\d(?![\w.,]\d))\d[\d.,]*(?!\w)")
_QUESTION_MARKS = ("?", "？", "؟")
_CALCULATION_CHARS = 1200
_QUANTITIES = 3


def add_points_of_form(text: str, points: dict[str, int]) -> None:
    """Add the capability points that the form of a text gives, whatever its words."""
    if "_" in text and len(_IDENTIFIER.findall(text)) >= _IDENTIFIERS_OF_CODE:
        points["coding"] = points.get("coding", 0) + 1
    if "\n" in text and len(_CODE_LINE.findall(text)) >= _LINES_OF_CODE:
        points["coding"] = points.get("coding", 0) + 2
    if (
        len(text) <= _CALCULATION_CHARS
        and text.rstrip().endswith(_QUESTION_MARKS)
        and len(_QUANTITY.findall(text)) >= _QUANTITIES
    ):
        points["reasoning"] = points.get("reasoning", 0) + 2
