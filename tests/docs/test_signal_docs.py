"""The signal pages and the lock are current, and a change without a new version is refused."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from stillwatch.errors import ConfigError
from stillwatch.project import get_project_root
from stillwatch.transform.signal_docs import (
    LOCK,
    PAGE,
    find_stale,
    main,
    make_pages,
    read_lock,
    read_signals,
)

ROOT = get_project_root()
CODE = "timing__regular_gaps"
MODEL = Path("dbt_project/models/signals/timing") / f"sig_{CODE}.sql"
CATALOG = Path("dbt_project/seeds/signal_catalog.csv")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the signals with a lock and a page that are current."""
    for part in ("dbt_project/models/signals", "dbt_project/seeds"):
        shutil.copytree(ROOT / part, tmp_path / part)
    write_pages(tmp_path)
    return tmp_path


def write_pages(root: Path) -> None:
    for path, text in make_pages(root).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def get_version(root: Path) -> int:
    return next(signal.version for signal in read_signals(root) if signal.code == CODE)


def change_version(root: Path, by: int) -> int:
    old, new = get_version(root), get_version(root) + by
    replace_in((root / MODEL).with_suffix(".yml"), f"version: {old}", f"version: {new}")
    replace_in(root / CATALOG, f"{CODE},{old},", f"{CODE},{new},")
    return new


def change_sql(root: Path) -> None:
    with (root / MODEL).open("a") as file:
        file.write("-- another rule\n")


def test_committed_files__are_current() -> None:
    assert find_stale(ROOT, make_pages(ROOT)) == []


def test_check__passes_on_the_project_as_it_stands() -> None:
    result = CliRunner().invoke(main, ["--check"])
    assert result.exit_code == 0, result.output


def test_unit_tests__may_be_added_without_a_new_version(project: Path) -> None:
    with (project / MODEL).with_suffix(".yml").open("a") as file:
        file.write("  - name: another_case\n")
    assert find_stale(project, make_pages(project)) == []


def test_lock__has_one_sorted_line_per_measured_signal() -> None:
    lines = (ROOT / LOCK).read_text().splitlines()
    codes = [signal.code for signal in read_signals(ROOT) if signal.has_model]
    live = [line.split()[0] for line in lines if not line.endswith(" retired")]
    assert lines == sorted(lines)
    assert live == codes


def test_page__has_a_section_for_every_signal() -> None:
    text = (ROOT / PAGE).read_text()
    for signal in read_signals(ROOT):
        assert f"\n## {signal.code}\n" in text


def test_every_signal_model__is_used_as_evidence() -> None:
    union = ROOT / "dbt_project/models/intermediate/baselines/int_account_signals.sql"
    used = re.findall(r"ref\('sig_(\w+)'\)", union.read_text())
    assert sorted(used) == [signal.code for signal in read_signals(ROOT) if signal.has_model]


def test_every_signal_model__has_a_unit_test() -> None:
    described = (ROOT / MODEL).parents[1].rglob("sig_*.yml")
    bare = [path.stem for path in described if "\nunit_tests:\n" not in path.read_text()]
    assert bare == []


def test_make_pages__refuses_changed_sql_of_the_same_version(project: Path) -> None:
    change_sql(project)
    with pytest.raises(ConfigError, match=f"signal {CODE} has changed but is still version"):
        make_pages(project)


def test_make_pages__accepts_changed_sql_with_a_higher_version(project: Path) -> None:
    before = read_lock((project / LOCK).read_text())[CODE]
    change_sql(project)
    raised = change_version(project, 1)
    assert find_stale(project, make_pages(project)) == [LOCK, PAGE]
    write_pages(project)
    version, digest = read_lock((project / LOCK).read_text())[CODE]
    assert (version, digest != before[1]) == (raised, True)
    assert find_stale(project, make_pages(project)) == []


def test_make_pages__refuses_a_version_that_goes_back(project: Path) -> None:
    change_version(project, 1)
    write_pages(project)
    change_version(project, -1)
    with pytest.raises(ConfigError, match=f"signal {CODE} has changed"):
        make_pages(project)


def test_make_pages__refuses_yml_and_catalogue_that_disagree(project: Path) -> None:
    old = get_version(project)
    replace_in(project / CATALOG, f"{CODE},{old},", f"{CODE},{old + 2},")
    with pytest.raises(ConfigError, match=rf"version is '{old}' .* signal_version is '{old + 2}'"):
        make_pages(project)


def test_lock__keeps_the_code_of_a_signal_that_is_gone(project: Path) -> None:
    version = get_version(project)
    (project / MODEL).unlink()
    (project / MODEL).with_suffix(".yml").unlink()
    lines = (project / CATALOG).read_text().splitlines(keepends=True)
    (project / CATALOG).write_text("".join(line for line in lines if not line.startswith(CODE)))
    write_pages(project)
    assert f"{CODE} {version} retired\n" in (project / LOCK).read_text()


def test_read_signals__refuses_a_model_without_its_yml(project: Path) -> None:
    (project / MODEL).with_suffix(".yml").unlink()
    with pytest.raises(ConfigError, match=rf"{CODE} .* lacks its \.sql or its \.yml"):
        read_signals(project)


def test_read_lock__names_a_malformed_line() -> None:
    with pytest.raises(ConfigError, match="line 2 is not `code version hash`"):
        read_lock("a 1 0123\nb one 4567\n")
