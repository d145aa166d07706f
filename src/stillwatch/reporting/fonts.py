"""The fonts that ship with the templates, and which characters they can show.

A document uses these files only, never a font of the machine: the same text then gives the same
glyphs everywhere, and a character that no shipped font covers is spelled out (`text.clean`)
instead of printed as an empty box. Files are WOFF 1, which unpacks a hundred times faster than
WOFF 2 for the large scripts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from stillwatch.project import get_project_root


@dataclass(frozen=True)
class Font:
    """One font file: the CSS family it is offered as, its weight and its style."""

    file_name: str
    family: str
    weight: int = 400
    style: str = "normal"
    is_basic: bool = False

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return get_template_root() / "base" / "fonts" / self.file_name


_SANS = "Source Sans 3"
_SERIF = "Source Serif 4"

FONTS = (
    Font("source-sans-3-latin-400-normal.woff", _SANS, is_basic=True),
    Font("source-sans-3-latin-600-normal.woff", _SANS, 600, is_basic=True),
    Font("source-sans-3-latin-700-normal.woff", _SANS, 700, is_basic=True),
    Font("source-serif-4-latin-400-normal.woff", _SERIF, is_basic=True),
    Font("source-serif-4-latin-400-italic.woff", _SERIF, style="italic", is_basic=True),
    Font("source-serif-4-latin-600-normal.woff", _SERIF, 600, is_basic=True),
    Font("source-sans-3-latin-ext-400-normal.woff", "Still Sans Extended"),
    Font("source-sans-3-latin-ext-600-normal.woff", "Still Sans Extended", 600),
    Font("source-serif-4-latin-ext-400-normal.woff", "Still Serif Extended"),
    Font("source-serif-4-latin-ext-600-normal.woff", "Still Serif Extended", 600),
    Font("source-sans-3-vietnamese-400-normal.woff", "Still Sans Vietnamese"),
    Font("source-sans-3-cyrillic-400-normal.woff", "Still Sans Cyrillic"),
    Font("source-sans-3-cyrillic-ext-400-normal.woff", "Still Sans Cyrillic Extended"),
    Font("source-sans-3-greek-400-normal.woff", "Still Sans Greek"),
    Font("source-sans-3-greek-ext-400-normal.woff", "Still Sans Greek Extended"),
    Font("noto-sans-arabic-arabic-400-normal.woff", "Noto Sans Arabic"),
    Font("noto-sans-sc-chinese-simplified-400-normal.woff", "Noto Sans SC"),
    Font("noto-sans-math-latin-400-normal.woff", "Noto Sans Math"),
    Font("noto-sans-symbols-2-symbols-400-normal.woff", "Noto Sans Symbols 2"),
    Font("noto-emoji-emoji-400-normal.woff", "Noto Emoji"),
)

EXTRA_FAMILIES = tuple(dict.fromkeys(font.family for font in FONTS if not font.is_basic))


def get_template_root() -> Path:
    """Return the folder `report_templates` of the checkout."""
    return get_project_root() / "report_templates"


@lru_cache(maxsize=len(FONTS))
def read_coverage(font: Font) -> frozenset[int]:
    """Return the code points that a font file can show."""
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

    with TTFont(font.path, lazy=True) as file:
        return frozenset(file.getBestCmap())


@lru_cache(maxsize=65536)
def is_covered(character: str) -> bool:
    """Tell whether some shipped font shows the character."""
    point = ord(character)
    return any(point in read_coverage(font) for font in FONTS)


def choose_fonts(characters: Iterable[str]) -> list[Font]:
    """Return the fonts a text needs: the basic ones, and each further one that adds a character.

    Loading only these keeps a plain document fast; a Chinese one pays for Chinese.
    """
    points = {ord(character) for character in characters}
    chosen = [font for font in FONTS if font.is_basic]
    missing = points.difference(*(read_coverage(font) for font in chosen))
    for family in EXTRA_FAMILIES:
        if not missing:
            break
        faces = [font for font in FONTS if font.family == family]
        shown = read_coverage(faces[0])
        if missing & shown:
            chosen += faces
            # The extended Latin of both designs belongs together: one is for headings.
            if not family.endswith(" Extended"):
                missing -= shown
    return chosen


def write_font_css(fonts: Iterable[Font]) -> str:
    """Return the `@font-face` rules for the given fonts, at the renderer's own `asset:` address."""
    return "\n".join(
        f'@font-face {{ font-family: "{font.family}"; src: url("asset:fonts/{font.file_name}"); '
        f"font-weight: {font.weight}; font-style: {font.style} }}"
        for font in fonts
    )
