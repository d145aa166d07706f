from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup
from weasyprint.urls import FatalURLFetchingError

from stillwatch.reporting.charts.network import MAX_NODES, draw_network, place_nodes
from stillwatch.reporting.charts.style import choose_ticks, write_tick
from stillwatch.reporting.fetcher import SealedFetcher
from stillwatch.reporting.fonts import FONTS, choose_fonts, get_template_root, is_covered
from stillwatch.reporting.numbers import Figure
from stillwatch.reporting.parts import Edge, NetworkChart, Node, Prose, prose
from stillwatch.reporting.pdf_text import read_pages
from stillwatch.reporting.render import write_csv
from stillwatch.reporting.templates import PrintedFigures, digest_templates, make_environment
from stillwatch.reporting.verify import compare_pages

FIGURE = Figure("k/count", 12, "count", "12")


def _fill(source: str, **values: Any) -> tuple[str, PrintedFigures]:
    printed = PrintedFigures()
    return make_environment(printed).from_string(source).render(**values), printed


def test_template__stops_at_an_undefined_name() -> None:
    with pytest.raises(UndefinedError):
        _fill("{{ facts.nothing }}", facts=FIGURE)


def test_template__escapes_text_and_says_unknown_for_nothing() -> None:
    html, _ = _fill("{{ a }}|{{ b }}", a="<script>{{7*7}}</script>", b=None)
    assert html == "&lt;script&gt;{{7*7}}&lt;/script&gt;|Unknown"


def test_template__notes_each_printed_figure() -> None:
    html, printed = _fill("{{ f }} {{ p }}", f=FIGURE, p=prose("of {} accounts", FIGURE))
    assert html == '12 of <span class="figure">12</span> accounts'
    assert [figure.key for figure in printed.figures] == ["k/count", "k/count"]


def test_template__an_attribute_gets_no_break_opportunities() -> None:
    html, _ = _fill('<a title="{{ a|plain }}">', a='x" onclick="' + "y" * 30)
    assert "<wbr>" not in html
    assert "&#34; onclick=&#34;" in html


def test_templates__print_no_markup_from_data_and_write_no_style_attribute() -> None:
    for path in get_template_root().glob("**/*.j2"):
        source = path.read_text(encoding="utf-8")
        assert "|safe" not in source.replace(" ", ""), path
        assert "style=" not in source, path
        assert "overflow-wrap: anywhere" not in source, path


def test_digest__changes_with_a_template(tmp_path: Path) -> None:
    (tmp_path / "a.j2").write_text("one")
    first = digest_templates(tmp_path)
    (tmp_path / "a.j2").write_text("two")
    assert digest_templates(tmp_path) != first


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://192.0.2.1/a.png",
        "https://example.com/",
        "data:image/png;base64,AAAA",
        "asset:fonts/../../../etc/passwd",
        "asset:charts/1.svg",
    ],
)
def test_fetcher__stops_the_rendering_for_anything_but_its_own_assets(url: str) -> None:
    fetcher = SealedFetcher({}, {"asset:charts/0.svg": "<svg/>"})
    with pytest.raises(FatalURLFetchingError):
        fetcher.fetch(url)
    assert fetcher.fetch("asset:charts/0.svg").read() == b"<svg/>"


def test_fonts__ship_with_their_licences_and_stay_small() -> None:
    folder = get_template_root() / "base" / "fonts"
    assert {font.path for font in FONTS} == set(folder.glob("*.woff"))
    assert sum(path.stat().st_size for path in folder.iterdir()) < 6_000_000
    for licence in folder.glob("LICENSE-*.txt"):
        assert "SIL OPEN FONT LICENSE" in licence.read_text(encoding="utf-8")


def test_fonts__cover_our_own_signs() -> None:
    assert all(is_covered(sign) for sign in "■▲●○−≥≤→·’–深ا\U0001f600Ωж")


def test_choose_fonts__adds_a_script_only_where_it_is_used() -> None:
    basic = {font.family for font in choose_fonts("plain text")}
    assert basic == {"Source Sans 3", "Source Serif 4"}
    assert "Noto Sans SC" in {font.family for font in choose_fonts("深度")}


@pytest.mark.parametrize(
    ("largest", "ticks"),
    [(254, [0, 100, 200, 300]), (45, [0, 20, 40, 60]), (11, [0, 5, 10, 15]), (1, [0, 1])],
)
def test_choose_ticks__are_round_and_start_at_zero(largest: float, ticks: list[float]) -> None:
    assert choose_ticks(largest) == ticks


def test_write_tick__is_exact() -> None:
    assert [write_tick(value) for value in (0, 2500, 20_000, 1_500_000)] == [
        "0",
        "2,500",
        "20k",
        "1.5M",
    ]


def test_network__refuses_more_nodes_than_a_reader_can_see() -> None:
    node = Node("n", "bundle", "B1", "", FIGURE)
    chart = NetworkChart(
        "network", Prose(()), "", "", (node,) * (MAX_NODES + 1), (Edge("n", "n", ""),)
    )
    with pytest.raises(ValueError, match="151 nodes"):
        draw_network(chart)


def test_place_nodes__keeps_unconnected_parts_within_the_drawing() -> None:
    ids = ("a", "b", "c", "d", "e")
    nodes = tuple(Node(node_id, "bundle", node_id, "", FIGURE) for node_id in ids)
    edges = (Edge("a", "b", ""), Edge("c", "d", ""))
    places = place_nodes(NetworkChart("network", Prose(()), "", "", nodes, edges))
    assert set(places) == set(ids)
    assert all(-1 <= number <= 1 for place in places.values() for number in place)
    assert len(set(places.values())) == len(ids)


def test_write_csv__neutralises_formulas_and_keeps_numbers() -> None:
    text = write_csv(["a", "b"], [["=cmd|'/c calc'!A0", -3.5], ["@x", "+1"], ['ok,"q"', None]])
    assert text.splitlines() == [
        "a,b",
        "'=cmd|'/c calc'!A0,-3.5",
        "'@x,+1",
        '"ok,""q""",',
    ]


def test_compare_pages__finds_a_figure_that_the_pages_do_not_show() -> None:
    printed = [{"key": "a/count", "text": "12"}, {"key": "b/count", "text": "3,112"}]
    assert compare_pages(printed, ["12 accounts sent 3,112 exchanges"]) == []
    (missing,) = compare_pages(printed, ["112 accounts sent 3,112 exchanges, 1.12 each"])
    assert missing.key == "a/count"


def test_prose__refuses_a_wrong_number_of_figures() -> None:
    with pytest.raises(ValueError, match="1 places for 0 figures"):
        prose("{} accounts")


def test_read_pages__reads_a_plain_document(tmp_path: Path) -> None:
    from weasyprint import HTML

    path = tmp_path / "plain.pdf"
    HTML(
        string=str(Markup("<p>One &amp; two</p><p style='break-before:page'>Three</p>"))
    ).write_pdf(path)
    assert read_pages(path) == ["One & two", "Three"]
