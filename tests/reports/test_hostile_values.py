"""Text from logs can neither reach files or networks nor break a page."""

from __future__ import annotations

import time
from typing import Any

import pikepdf
import pytest
from sample_facts import make_facts, read_sample, replace_texts, shorten_lists

from stillwatch.errors import ReportError
from stillwatch.reporting.facts import Document
from stillwatch.reporting.pdf_text import read_pages
from stillwatch.reporting.render import Rendered, render

MARKUP = (
    "<img src=file:///etc/passwd><a rel=attachment href=file:///etc/passwd>x</a>{{7*7}}"
    '{% import os %}<script>alert(1)</script>";}body{display:none}<base href=http://192.0.2.1/>'
    "<svg><image href=http://192.0.2.1/a></svg>"
)
SCRIPTS = (
    "user\u202egnp.exe 深度求索 月之暗面 \u0645\u0631\u062d\u0628\u0627 \U0001f600 "
    "Ωμέγα Ђорђе \u0e44\u0e17\u0e22 $x^2$"
)


def _render(document: Document, text: str, tmp_path: Any) -> tuple[Rendered, list[str]]:
    sample = replace_texts(shorten_lists(read_sample(document)), lambda value: text)
    rendered = render(make_facts(document, sample))
    path = tmp_path / "hostile.pdf"
    path.write_bytes(rendered.pdf)
    with pikepdf.open(path) as pdf:
        assert list(pdf.attachments.keys()) == ["facts.json"]
    return rendered, read_pages(path)


@pytest.mark.parametrize("document", list(Document))
def test_markup__is_printed_as_text_in_every_template(document: Document, tmp_path: Any) -> None:
    _, pages = _render(document, MARKUP, tmp_path)
    text = "".join(" ".join(pages).split())
    assert "{{7*7}}" in text
    assert "<script>alert(1)</script>" in text
    assert "<imgsrc=file:///etc/passwd>" in text
    assert "root:" not in text
    assert all("TLP:AMBER+STRICT" in page for page in pages)


@pytest.mark.parametrize("document", [Document.LEADERSHIP_BRIEF])
def test_scripts__show_every_glyph_or_say_what_was_there(document: Document, tmp_path: Any) -> None:
    _, pages = _render(document, SCRIPTS, tmp_path)
    text = " ".join(pages)
    assert "深度求索" in text
    assert "\U0001f600" in text
    assert "user[U+202E]gnp.exe" in text
    assert "[3 hidden characters]" in text  # Thai: no shipped font has it
    assert "\ufffd" not in text
    assert _count_empty_boxes(tmp_path / "hostile.pdf") == 0


def test_long_token__is_cut_and_rendered_in_time(tmp_path: Any) -> None:
    started = time.monotonic()
    rendered, pages = _render(Document.LEADERSHIP_BRIEF, "A" * 10_000, tmp_path)
    assert time.monotonic() - started < 60
    assert "more characters]" in " ".join(pages)
    assert rendered.page_count < 60


def test_render__stops_a_renderer_that_takes_too_long() -> None:
    facts = make_facts(Document.QUALITY_ANNEX, read_sample(Document.QUALITY_ANNEX))
    with pytest.raises(ReportError, match=r"quality-2026-11-12 took more than 0\.05 s"):
        render(facts, wall_seconds=0.05)


def test_render__reports_a_renderer_without_memory() -> None:
    facts = make_facts(Document.QUALITY_ANNEX, read_sample(Document.QUALITY_ANNEX))
    with pytest.raises(ReportError, match="quality-2026-11-12 could not be rendered"):
        render(facts, memory_bytes=120 * 1024**2)


def _count_empty_boxes(path: Any) -> int:
    """Return how many glyph codes on the pages are 0, the empty box."""
    count = 0
    with pikepdf.open(path) as pdf:
        for page in pdf.pages:
            for operands, operator in pikepdf.parse_content_stream(page):
                if str(operator) in ("Tj", "TJ"):
                    items = operands[0] if str(operator) == "TJ" else [operands[0]]
                    for item in items:
                        raw = bytes(item) if isinstance(item, pikepdf.String) else b""
                        count += sum(raw[n : n + 2] == b"\0\0" for n in range(0, len(raw), 2))
    return count
