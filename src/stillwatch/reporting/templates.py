"""Fills a document's template from its facts object and notes which figures were printed.

Every value that a template prints passes through `finalize`: text is cleaned and given break
opportunities, figures are noted, and a missing value becomes the word "Unknown". Autoescape is on
for every file, and an undefined name stops the rendering.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from stillwatch.reporting.facts import Document, Facts
from stillwatch.reporting.fonts import FONTS, get_template_root
from stillwatch.reporting.numbers import Figure
from stillwatch.reporting.parts import Prose
from stillwatch.reporting.text import MAX_PROSE_CHARACTERS, Plain, breakable, clean

STYLE_FILES = ("tokens.css", "print.css")


@dataclass
class PrintedFigures:
    """The figures a document prints, in reading order."""

    figures: list[Figure] = field(default_factory=list)

    def finalize(self, value: Any) -> Any:
        """Return what is printed for a value of the facts."""
        if value is None:
            return "Unknown"
        if isinstance(value, Figure):
            self.figures.append(value)
            return Plain(clean(value.text))
        if isinstance(value, Prose):
            return Markup("").join(self._print_part(part) for part in value.parts)
        if isinstance(value, Markup | Plain):
            return value
        if isinstance(value, str):
            return breakable(clean(value, limit=MAX_PROSE_CHARACTERS))
        return value

    def _print_part(self, part: str | Figure) -> Markup:
        if isinstance(part, Figure):
            self.figures.append(part)
            return Markup('<span class="figure">{}</span>').format(clean(part.text))
        return _keep_edges(part)


def fill(facts: Facts, draw: Callable[[Any], Markup]) -> tuple[str, list[Figure]]:
    """Return the HTML of the document that the facts are for, and the figures printed in it."""
    printed = PrintedFigures()
    environment = make_environment(printed)
    environment.globals["draw"] = draw
    document = Document(facts.header.document)
    template = environment.get_template(f"{document.value}/document.html.j2")
    return template.render(facts=facts), printed.figures


def read_styles() -> list[str]:
    """Return the texts of the shared style sheets, in order."""
    base = get_template_root() / "base"
    return [(base / name).read_text(encoding="utf-8") for name in STYLE_FILES]


def make_environment(printed: PrintedFigures) -> Environment:
    """Return the template environment: autoescape everywhere, nothing undefined, no other data."""
    environment = Environment(
        loader=FileSystemLoader(get_template_root()),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=printed.finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = lambda value: Plain(clean(str(value), limit=400))
    return environment


def digest_templates(root: Path | None = None) -> str:
    """Return a digest of everything that shapes a document: templates, styles, font names."""
    root = root or get_template_root()
    digest = sha256()
    for path in sorted([*root.glob("**/*.j2"), *root.glob("base/*.css")]):
        digest.update(
            path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0"
        )
    for font in FONTS:
        digest.update(font.file_name.encode() + b"\0")
    return digest.hexdigest()[:12]


def _keep_edges(text: str) -> Markup:
    """Clean a part of a sentence without losing the space at either end."""
    cleaned = breakable(clean(text, limit=MAX_PROSE_CHARACTERS))
    start = " " if text[:1] == " " else ""
    end = " " if text[-1:] == " " and text.strip() else ""
    return escape(start) + cleaned + escape(end)
