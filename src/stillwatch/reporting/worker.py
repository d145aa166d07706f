"""The child process that renders one document, under limits and without a way out.

`python -m stillwatch.reporting.worker <job folder>` reads `job.json`, writes `document.pdf` and
`result.json`. It limits its own memory and time, refuses sockets, and serves the renderer nothing
but the fonts in its allow-list; a warning of the renderer is an error.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from markupsafe import Markup

_TOLERATED = ("HarfBuzz-Subset",)
_PAGE_SIZES = {"letter": "215.9mm 279.4mm", "a4": "210mm 297mm"}


class _WarningList(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if not any(word in message for word in _TOLERATED):
            self.messages.append(message)


def main(folder: Path) -> int:
    """Render the job in `folder`; return 0, or 1 with the reason in result.json."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    _limit(job["memory_bytes"], job["cpu_seconds"])
    sys.addaudithook(_refuse_network)
    try:
        result = _render(folder, job)
    except BaseException as error:  # noqa: BLE001 - the renderer's fatal errors are no Exceptions
        result = {
            "error": f"{type(error).__name__}: {error}",
            "traceback": traceback.format_exc()[-4000:],
        }
    (folder / "result.json").write_text(json.dumps(result, ensure_ascii=True), encoding="utf-8")
    return 1 if "error" in result else 0


def _limit(memory_bytes: int, cpu_seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event in {"socket.connect", "socket.getaddrinfo", "socket.bind", "urllib.Request"}:
        raise PermissionError(f"rendering a report may not use the network: {event} {arguments!r}")


def _render(folder: Path, job: Mapping[str, Any]) -> dict[str, Any]:
    from stillwatch.reporting.charts.draw import draw_chart
    from stillwatch.reporting.charts.style import set_up_drawing
    from stillwatch.reporting.facts import FACTS_CLASSES, Document, from_json
    from stillwatch.reporting.fetcher import SealedFetcher
    from stillwatch.reporting.fonts import choose_fonts, write_font_css
    from stillwatch.reporting.templates import fill, read_styles
    from stillwatch.reporting.text import clean

    started = time.monotonic()
    facts_text = (folder / "facts.json").read_text(encoding="utf-8")
    facts = from_json(FACTS_CLASSES[Document(job["document"])], json.loads(facts_text))
    fonts = choose_fonts(set(facts_text) | set("□■▲●○▼→≥≤"))
    set_up_drawing([font for font in fonts if font.style == "normal"], folder)
    charts: dict[str, str] = {}

    def draw(chart: Any) -> Markup:
        address = f"asset:charts/{len(charts)}.svg"
        charts[address] = draw_chart(chart)
        alt = clean(chart.alt, limit=2000)
        return Markup('<img class="chart" src="{}" alt="{}">').format(address, alt)

    html, figures = fill(facts, draw)
    is_letter = facts.header.paper == "letter"
    page_css = f"@page {{ size: {_PAGE_SIZES['letter' if is_letter else 'a4']} }}"
    warnings = _WarningList()
    logging.getLogger("weasyprint").addHandler(warnings)
    fetcher = SealedFetcher({f"asset:fonts/{font.file_name}": font.path for font in fonts}, charts)
    styles = [write_font_css(fonts), *read_styles(), page_css]
    pdf, page_count = _write_pdf(folder, job, html, styles, fetcher)
    if warnings.messages:
        raise RuntimeError(f"the renderer warned: {'; '.join(warnings.messages[:5])}")
    (folder / "document.pdf").write_bytes(pdf)
    return {
        "page_count": page_count,
        "printed": [{"key": figure.key, "text": figure.text} for figure in figures],
        "sha256": sha256(pdf).hexdigest(),
        "seconds": round(time.monotonic() - started, 3),
    }


def _write_pdf(
    folder: Path, job: Mapping[str, Any], html: str, styles: list[str], fetcher: Any
) -> tuple[bytes, int]:
    from weasyprint import CSS, HTML, Attachment
    from weasyprint.text.fonts import FontConfiguration

    configuration = FontConfiguration()
    sheets = [
        CSS(string=text, font_config=configuration, url_fetcher=fetcher, base_url="asset:/")
        for text in styles
    ]
    instant = datetime.fromtimestamp(job["epoch"], UTC)
    attachments = [
        Attachment(
            string=(folder / item["file"]).read_bytes().decode("utf-8"),
            name=item["name"],
            description=item["description"],
            relationship=item["relationship"],
            created=instant,
            modified=instant,
            url_fetcher=fetcher,
        )
        for item in job["attachments"]
    ]
    source = HTML(string=html, url_fetcher=fetcher, base_url="asset:/")
    document = source.render(
        font_config=configuration, stylesheets=sheets, pdf_variant="pdf/a-3a", pdf_tags=True
    )
    document.metadata.attachments = attachments
    pdf = document.write_pdf(
        pdf_variant="pdf/a-3a",
        pdf_identifier=bytes.fromhex(job["identifier"]),
        pdf_tags=True,
        custom_metadata=False,
    )
    return pdf, len(document.pages)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
