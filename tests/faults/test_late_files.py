"""A file that lands late, on the tiny world: the results are those of an on-time delivery."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from stillwatch.cli import cli
from stillwatch.runs import get_paths
from stillwatch.settings import Settings, get_settings
from stillwatch.worlds.simulate import write_world

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 2)
LATE_FILE = f"usage/native_api/dt={FIRST}/part-001.jsonl.gz"


@pytest.fixture
def use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Return a function that points the settings to a home and a landing root of that name."""

    def point_to(name: str) -> Settings:
        for variable, folder in (("HOME", "home"), ("LANDING_URI", "landing")):
            monkeypatch.setenv(f"STILLWATCH_{variable}", str(tmp_path / name / folder))
        monkeypatch.setenv("STILLWATCH_CONFIG", str(tmp_path / "config"))
        get_settings.cache_clear()
        return get_settings()

    (tmp_path / "config").mkdir()
    yield point_to
    get_settings.cache_clear()


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, ["run", "--reports", "none", *arguments])
    if result.exception is not None:
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def read_marts(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    with duckdb.connect(
        str(get_paths(settings).published / "current.duckdb"), read_only=True
    ) as connection:
        names = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'marts'"
        ).fetchall()
        return {
            name: connection.execute(f'select * from marts."{name}" order by all').fetchall()
            for (name,) in names
        }


def read_canonical(settings: Settings) -> dict[str, bytes]:
    root = get_paths(settings).canonical
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.mark.fault(17, 18)
@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_reopen__gives_what_an_on_time_delivery_gives(tmp_path: Path, use: object) -> None:
    landing = tmp_path / "on_time" / "landing"
    write_world("tiny", landing, tmp_path / "truth", None)
    whole = landing / f"usage/native_api/dt={FIRST}/part-000.jsonl.gz"
    lines = gzip.decompress(whole.read_bytes()).splitlines(keepends=True)
    cut = len(lines) // 2
    whole.write_bytes(gzip.compress(b"".join(lines[:cut]), mtime=0))
    (landing / LATE_FILE).write_bytes(gzip.compress(b"".join(lines[cut:]), mtime=0))
    shutil.copytree(landing, tmp_path / "late" / "landing")
    held_back = tmp_path / "held_back.gz"
    (tmp_path / "late" / "landing" / LATE_FILE).rename(held_back)

    on_time = use("on_time")  # type: ignore[operator]
    run("--date", str(FIRST), "--to", str(LAST))

    late = use("late")  # type: ignore[operator]
    run("--date", str(FIRST), "--to", str(LAST))
    assert read_marts(late) != read_marts(on_time)
    shutil.copy(held_back, tmp_path / "late" / "landing" / LATE_FILE)
    status = CliRunner().invoke(cli, ["status"])
    assert f"late: {FIRST} usage of native_api: 1 new" in status.output
    done = run("--reopen")
    assert f"late: {FIRST} usage of native_api: 1 new" in done.output

    assert read_canonical(late) == read_canonical(on_time)
    assert read_marts(late) == read_marts(on_time)
    again = run("--reopen")
    assert "nothing to run again" in again.output


def test_reopen__alone_with_nothing_late_ends_quietly(tmp_path: Path, use: object) -> None:
    (tmp_path / "new" / "landing").mkdir(parents=True)
    use("new")  # type: ignore[operator]
    assert "nothing to run again" in run("--reopen").output
