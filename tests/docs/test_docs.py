"""The pages and the code say the same: verbs, settings, marts, links, decisions."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from stillwatch.cli import cli
from stillwatch.docs_generator import (
    REFERENCE,
    name_variable,
    write_decisions_index,
    write_marts_page,
    write_settings_page,
)
from stillwatch.errors import StillwatchError
from stillwatch.project import get_project_root
from stillwatch.settings import Settings

ROOT = get_project_root()
SKIPPED_FOLDERS = {".git", ".venv", ".uv", ".cache", "var", "landing"}
LINK = re.compile(r"(?<!\!)\[[^\]\n]*\]\(([^)\s]+)\)|\!\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
VERBS = cli.list_commands(click.Context(cli))


def find_pages() -> list[Path]:
    folders = [path for path in ROOT.iterdir() if path.name not in SKIPPED_FOLDERS]
    pages = [page for path in folders if path.is_dir() for page in path.rglob("*.md")]
    return sorted([*ROOT.glob("*.md"), *pages])


def strip_code(text: str) -> str:
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", text)


def list_anchors(path: Path) -> set[str]:
    headings = HEADING.findall(path.read_text())
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


def list_broken_links(page: Path) -> list[str]:
    broken = []
    for match in LINK.finditer(strip_code(page.read_text())):
        target = match.group(1) or match.group(2)
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        if not path.exists():
            broken.append(f"{target}: no such file")
        elif anchor and path.suffix == ".md" and anchor not in list_anchors(path):
            broken.append(f"{target}: no such heading")
    return broken


@pytest.mark.parametrize("page", find_pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_page__links_resolve(page: Path) -> None:
    assert list_broken_links(page) == []


def test_list_broken_links__finds_missing_files_and_headings(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# One heading\n")
    page = tmp_path / "page.md"
    page.write_text("[a](other.md) [b](other.md#one-heading) [c](other.md#two) ![d](gone.png)\n")
    assert list_broken_links(page) == [
        "other.md#two: no such heading",
        "gone.png: no such file",
    ]


@pytest.mark.parametrize("verb", VERBS)
def test_verb__has_help_and_stands_in_the_reference(verb: str) -> None:
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    assert command.help
    for option in command.params:
        assert not isinstance(option, click.Option) or option.help, option.name
    assert f"\n## stillwatch {verb}\n" in (ROOT / REFERENCE / "cli.md").read_text()


def test_cli_page__is_current() -> None:
    # In a process of its own: click keeps the help option of a command that was called by itself.
    code = "import sys; from stillwatch.docs_generator import write_cli_page as page; print(page())"
    page = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (ROOT / REFERENCE / "cli.md").read_text() == page.stdout.removesuffix("\n")


@pytest.mark.parametrize("field", Settings.model_fields)
def test_setting__is_documented(field: str) -> None:
    text = (ROOT / REFERENCE / "settings.md").read_text()
    assert f"| `{name_variable(field)}` |" in text


def test_settings_page__is_current() -> None:
    assert (ROOT / REFERENCE / "settings.md").read_text() == write_settings_page()


def test_marts_page__is_current() -> None:
    assert (ROOT / REFERENCE / "marts.md").read_text() == write_marts_page(ROOT)


def test_marts_page__names_every_mart() -> None:
    text = write_marts_page(ROOT)
    models = (ROOT / "dbt_project/models/marts").rglob("*.sql")
    assert [path.stem for path in models if f"\n### {path.stem}\n" not in text] == []


def test_decision__is_numbered_once_and_in_the_index() -> None:
    folder = ROOT / "docs/decisions"
    notes = sorted(path.name for path in folder.glob("*.md") if path.name != "README.md")
    index = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text())
    assert index == notes
    numbers = [name[:4] for name in notes]
    assert len(set(numbers)) == len(numbers)


def test_decisions_index__takes_number_and_title_from_the_note(tmp_path: Path) -> None:
    (tmp_path / "0007-one-thing.md").write_text("# 0007. One | thing\n\nText.\n")
    assert "| [0007](0007-one-thing.md) | One \\| thing |\n" in write_decisions_index(tmp_path)


def test_decisions_index__refuses_a_note_without_a_title(tmp_path: Path) -> None:
    (tmp_path / "0007-one-thing.md").write_text("Text.\n")
    with pytest.raises(StillwatchError, match=r"0007-one-thing\.md has no title"):
        write_decisions_index(tmp_path)


def test_path_named_in_code__exists() -> None:
    """A docs page that a module, model or setting points its reader to is there."""
    missing = []
    for folder in ("src", "dags", "dbt_project", "config", "expectations"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".sql", ".yml", ".json", ".html"}:
                named = re.findall(r"docs/[\w/-]+\.md", path.read_text())
                missing += [f"{path}: {page}" for page in named if not (ROOT / page).exists()]
    assert missing == []


def test_detection_page__quotes_vars_at_their_value() -> None:
    text = (ROOT / "docs/detection.md").read_text()
    project = yaml.safe_load((ROOT / "dbt_project/dbt_project.yml").read_text())
    quoted = re.findall(r"`([a-z0-9_]+)`\s\((-?\d[\d.]*)\)", text)
    assert len(quoted) >= 20
    wrong = [(name, value) for name, value in quoted if float(value) != project["vars"].get(name)]
    assert wrong == []


def test_likelihood_terms__in_the_glossary_match_the_seed() -> None:
    glossary = (ROOT / "docs/glossary.md").read_text()
    seed = (ROOT / "dbt_project/seeds/likelihood_terms.csv").read_text().splitlines()[1:]
    for line in seed:
        term, first, _ = line.split(",")
        assert f"| {term} | {float(first):.0%}".replace("%", " %") in glossary
