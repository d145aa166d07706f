"""The documents as files: what is on the pages, what is attached, what is in the register."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pikepdf
import pytest
from sample_snapshot import DAY, write_home

from stillwatch.errors import ReportError
from stillwatch.reporting.documents import collect_day, draft_day
from stillwatch.reporting.pdf_text import read_pages
from stillwatch.reporting.register import ReportRef, read_records
from stillwatch.reporting.verify import verify_report
from stillwatch.reporting.wording import find_wording_faults
from stillwatch.runs import get_paths
from stillwatch.settings import Settings

MARKING = "TLP:AMBER+STRICT"
STAMP = "DRAFT, not approved"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    write_home(folder, campaigns=("SW-0041",), member_scale=0.5)
    return folder


@pytest.fixture(scope="module")
def settings(home: Path) -> Settings:
    return Settings(home=home)


@pytest.fixture(scope="module")
def refs(settings: Settings) -> dict[str, ReportRef]:
    return {ref.report_id: ref for ref in draft_day(settings, DAY)}


@pytest.fixture(params=["brief-2026-11-12", "dossier-SW-0041-2026-11-12", "quality-2026-11-12"])
def ref(request: pytest.FixtureRequest, refs: dict[str, ReportRef]) -> ReportRef:
    return refs[request.param]


def test_draft_day__makes_a_brief_one_dossier_per_campaign_and_an_annex(
    refs: dict[str, ReportRef],
) -> None:
    assert set(refs) == {
        "brief-2026-11-12",
        "dossier-SW-0041-2026-11-12",
        "quality-2026-11-12",
    }
    assert refs["brief-2026-11-12"].page_count <= 2
    assert {ref.state for ref in refs.values()} == {"draft"}


def test_pages__each_carries_marking_twice_and_draft_stamp_and_its_number(ref: ReportRef) -> None:
    pages = read_pages(ref.path)
    assert len(pages) == ref.page_count
    for number, text in enumerate(pages, start=1):
        assert text.count(MARKING) >= 2, f"page {number}"
        assert STAMP in text
        assert f"Page {number} of {len(pages)}" in text
        assert len(text) > 400, f"page {number} is nearly empty"


def test_pages__marking_is_the_first_line_of_the_body_and_in_the_tag_tree(ref: ReportRef) -> None:
    with pikepdf.open(ref.path) as pdf:
        assert pdf.Root.MarkInfo.Marked
        assert str(pdf.Root.Lang) == "en"
        assert "/StructTreeRoot" in pdf.Root
    assert f"{MARKING} Stays inside" in read_pages(ref.path)[0]


def test_pages__nothing_is_drawn_outside_the_paper(ref: ReportRef) -> None:
    """Every glyph run starts inside the media box: nothing overflows to the right or the bottom."""
    with pikepdf.open(ref.path) as pdf:
        for page in pdf.pages:
            width, height = float(page.mediabox[2]), float(page.mediabox[3])
            assert (round(width), round(height)) == (612, 792)
            for x, y in _find_text_places(page):
                assert -1 <= x <= width, (x, y)
                assert -1 <= y <= height, (x, y)


def test_pages__hold_no_empty_box(ref: ReportRef) -> None:
    assert "\ufffd" not in "".join(read_pages(ref.path))


def test_file__declares_archivable_with_title_language_and_bookmarks(ref: ReportRef) -> None:
    with pikepdf.open(ref.path) as pdf:
        with pdf.open_metadata() as metadata:
            assert metadata["pdfaid:part"] == "3"
            assert metadata["pdfaid:conformance"] == "A"
        assert str(pdf.docinfo["/Title"])
        assert str(pdf.docinfo["/Author"]) == "Example Lab"
        assert "OutputIntents" in str(list(pdf.Root.keys()))
        with pdf.open_outline() as outline:
            titles = [item.title for item in outline.root[0].children]
    assert len(titles) >= 3


def test_file__embeds_every_font_and_runs_nothing(ref: ReportRef) -> None:
    with pikepdf.open(ref.path) as pdf:
        assert "/OpenAction" not in pdf.Root
        assert "/JavaScript" not in pdf.Root.get("/Names", {})
        for item in pdf.objects:
            if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/FontDescriptor":
                assert "/FontFile2" in item or "/FontFile3" in item or "/FontFile" in item


def test_file__every_chart_has_alternative_text(refs: dict[str, ReportRef]) -> None:
    with pikepdf.open(refs["dossier-SW-0041-2026-11-12"].path) as pdf:
        figures = [
            item
            for item in pdf.objects
            if isinstance(item, pikepdf.Dictionary) and item.get("/S") == "/Figure"
        ]
        alts = [str(item.get("/Alt", "")) for item in figures]
    assert len(alts) == 4
    assert all(len(alt) > 60 for alt in alts)
    assert any("Waterfall of log10 odds: prior odds −3.20" in alt for alt in alts)


def test_file__attaches_the_facts_and_numbers_that_lie_beside_it(ref: ReportRef) -> None:
    attached = _read_attachments(ref.path)
    for name in set(attached):
        assert attached[name] == (ref.path.parent / name).read_bytes()
    expected = {"facts.json", "numbers.json"}
    if ref.document == "campaign_dossier":
        expected.add("accounts.csv")
    assert set(attached) == expected


def test_accounts_csv__lists_every_member_and_the_pages_only_fifty(
    refs: dict[str, ReportRef],
) -> None:
    ref = refs["dossier-SW-0041-2026-11-12"]
    rows = list(csv.DictReader(io.StringIO(_read_attachments(ref.path)["accounts.csv"].decode())))
    facts = json.loads((ref.path.parent / "facts.json").read_text())
    assert len(rows) == 110
    assert len(facts["members"]) == 50


def test_text__keeps_the_wording_rules(ref: ReportRef) -> None:
    facts = json.loads((ref.path.parent / "facts.json").read_text())
    faults = [fault for text in _list_texts(facts) for fault in find_wording_faults(text)]
    assert faults == []


def test_draft_day__again_changes_nothing(settings: Settings, refs: dict[str, ReportRef]) -> None:
    before = {path: path.stat().st_mtime_ns for path in settings.home.glob("reports/**/*.*")}
    again = {ref.report_id: ref for ref in draft_day(settings, DAY)}
    assert {ref.sha256 for ref in again.values()} == {ref.sha256 for ref in refs.values()}
    assert not any(ref.is_new for ref in again.values())
    assert before == {
        path: path.stat().st_mtime_ns for path in settings.home.glob("reports/**/*.*")
    }


def test_render__gives_the_same_bytes_in_another_process_zone_and_hash_seed(
    settings: Settings, refs: dict[str, ReportRef], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    script = (
        "import sys; from datetime import date; from pathlib import Path\n"
        "from stillwatch.settings import Settings\n"
        "from stillwatch.reporting.documents import collect_day, register_draft\n"
        "from stillwatch.runs import Paths\n"
        f"drafts = collect_day(Settings(home=Path({str(settings.home)!r})), date(2026, 11, 12))\n"
        f"print(register_draft(Paths(Path({str(other)!r})), drafts[0]).sha256)\n"
    )
    environment = {**os.environ, "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "5", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == refs["brief-2026-11-12"].sha256


def test_records__have_exactly_the_columns_of_the_mart(
    settings: Settings, refs: dict[str, ReportRef]
) -> None:
    with duckdb.connect(str(settings.home / "published" / "current.duckdb"), read_only=True) as con:
        columns = [row[0] for row in con.execute("describe marts.fct_reports").fetchall()]
    for record in read_records(get_paths(settings)):
        assert sorted(record) == sorted(columns)
        assert record["sha256"] == refs[record["report_id"]].sha256


def test_verify__finds_no_difference_in_what_was_just_drafted(
    settings: Settings, ref: ReportRef
) -> None:
    outcome = verify_report(settings, ref.report_id)
    assert outcome.differences == ()
    assert outcome.number_count > 100
    assert outcome.printed_count > 20


def test_verify__names_the_numbers_of_a_changed_mart_row(
    settings: Settings, refs: dict[str, ReportRef], tmp_path: Path
) -> None:
    home = _copy_home(settings.home, tmp_path / "changed")
    for path in home.glob("published/**/*.duckdb"):
        path.chmod(0o644)
        with duckdb.connect(str(path)) as connection:
            connection.execute(
                "update marts.dim_campaigns set exchange_count = exchange_count + 1 "
                "where campaign_id = 'SW-0041'"
            )
    outcome = verify_report(Settings(home=home), "dossier-SW-0041-2026-11-12")
    keys = {difference.key for difference in outcome.differences}
    assert "campaign/exchange_count" in keys
    assert "campaign/account_count" not in keys


def test_verify__names_a_replaced_file(
    settings: Settings, refs: dict[str, ReportRef], tmp_path: Path
) -> None:
    home = _copy_home(settings.home, tmp_path / "replaced")
    brief, annex = (
        home / "reports" / name / "v1" for name in ("brief-2026-11-12", "quality-2026-11-12")
    )
    (brief / "document.pdf").write_bytes((annex / "document.pdf").read_bytes())
    outcome = verify_report(Settings(home=home), "brief-2026-11-12")
    keys = {difference.key for difference in outcome.differences}
    assert "document.pdf" in keys
    assert any(key.startswith("brief_totals/") for key in keys)


def test_draft_day__adds_a_version_when_the_facts_changed_and_keeps_the_old_one(
    settings: Settings, refs: dict[str, ReportRef], tmp_path: Path
) -> None:
    home = _copy_home(settings.home, tmp_path / "renewed")
    changed = Settings(home=home, contact="other-desk@example.com")
    annex = collect_day(changed, DAY)[-1]
    from stillwatch.reporting.documents import register_draft

    paths = get_paths(changed)
    again = register_draft(paths, annex)
    assert (again.version, again.is_new) == (2, True)
    old, new = read_records(paths, "quality-2026-11-12")
    assert (old["state"], new["state"]) == ("superseded", "draft")
    assert new["supersedes"] == "quality-2026-11-12.v1"
    old_pdf = home / "reports" / "quality-2026-11-12" / "v1" / "document.pdf"
    assert sha256(old_pdf.read_bytes()).hexdigest() == refs["quality-2026-11-12"].sha256


def test_draft_day__without_a_snapshot_of_the_day_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(ReportError, match=r"no snapshot of 2026-11-01 .*stillwatch publish"):
        draft_day(settings, DAY.replace(day=1))


def _copy_home(source: Path, target: Path) -> Path:
    import shutil

    shutil.copytree(source, target)
    return target


def _read_attachments(path: Path) -> dict[str, bytes]:
    with pikepdf.open(path) as pdf:
        return {name: spec.get_file().read_bytes() for name, spec in pdf.attachments.items()}


def _list_texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        if set(value) == {"parts"}:
            parts = (part if isinstance(part, str) else part["text"] for part in value["parts"])
            return ["".join(parts)]
        return [text for item in value.values() for text in _list_texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _list_texts(item)]
    return [value] if isinstance(value, str) else []


def _find_text_places(page: Any) -> list[tuple[float, float]]:
    """Return where each text run of the page itself starts, in points from the lower left."""
    places, matrix, stack = [], (1.0, 0, 0, 1.0, 0, 0), []
    for operands, operator in pikepdf.parse_content_stream(page):
        name = str(operator)
        if name == "q":
            stack.append(matrix)
        elif name == "Q":
            matrix = stack.pop()
        elif name == "cm":
            matrix = _multiply(tuple(float(n) for n in operands), matrix)
        elif name == "Tm":
            placed = _multiply(tuple(float(n) for n in operands), matrix)
            places.append((placed[4], placed[5]))
    return places


def _multiply(a: Any, b: Any) -> Any:
    return (
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
        a[4] * b[0] + a[5] * b[2] + b[4],
        a[4] * b[1] + a[5] * b[3] + b[5],
    )
