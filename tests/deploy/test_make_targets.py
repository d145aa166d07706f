from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from stillwatch.project import get_project_root

ROOT = get_project_root()
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
SCRIPTS = ["setup.sh", "demo.sh", "up.sh", "down.sh", "make_secrets.sh"]


def test_make__alone_lists_every_target() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.M)
    assert targets is not None
    for target in targets[1].split():
        assert f"make {target} " in listed


@pytest.mark.parametrize("target", ["demo", "up", "down", "test", "test-slow", "check", "docs"])
def test_make__every_working_target_does_the_set_up(target: str) -> None:
    assert re.search(rf"^{target}: setup ##", MAKEFILE, re.M)


def test_make_clean__refuses_state_that_is_not_the_demos(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "real.jsonl").write_text("{}\n")
    result = subprocess.run(
        ["make", "clean"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode != 0
    assert "was not made by the demo" in result.stdout
    assert (tmp_path / "landing" / "real.jsonl").exists()


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts__are_executable_and_parse(name: str) -> None:
    path = ROOT / "scripts" / name
    assert os.access(path, os.X_OK)
    subprocess.run(["bash", "-n", str(path)], check=True)
    assert "set -euo pipefail" in path.read_text(encoding="utf-8")


def test_ci__runs_the_tests() -> None:
    path = ROOT / ".ci" / "run"
    assert os.access(path, os.X_OK)
    assert "make test" in path.read_text(encoding="utf-8")


def _run_setup(folder: Path, path: str) -> subprocess.CompletedProcess[str]:
    (folder / "scripts").mkdir(exist_ok=True)
    shutil.copy(ROOT / "scripts" / "setup.sh", folder / "scripts")
    return subprocess.run(
        ["bash", str(folder / "scripts" / "setup.sh")],
        env={"PATH": path, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_setup__says_which_python_is_needed(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "dirname"):
        (tools / name).symlink_to(shutil.which(name) or "")
    result = _run_setup(tmp_path, str(tools))
    assert result.returncode == 1
    assert "Python 3.11 or 3.12 is needed" in result.stderr


def test_setup__prints_the_exact_package_line_where_a_library_is_missing(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "dirname", "cat", "cut", "mkdir", "grep"):
        (tools / name).symlink_to(shutil.which(name) or "")
    # A Python that is new enough but cannot load Pango, used by somebody who is not root.
    (tools / "python3").write_text(
        "#!/bin/bash\n"
        "if [[ $1 == -c ]]; then\n"
        "    if [[ $2 == *hashlib* ]]; then cat >/dev/null; fi\n"
        "    echo 3.11.9; exit 0\n"
        "fi\n"
        "script=$(cat); [[ $script != *CDLL* ]]\n"
    )
    (tools / "id").write_text("#!/bin/bash\necho 1000\n")
    for name in ("python3", "id"):
        (tools / name).chmod(0o755)
    for name in ("pyproject.toml", "requirements-dev.lock"):
        (tmp_path / name).write_text("")
    result = _run_setup(tmp_path, str(tools))
    assert result.returncode == 1
    assert "libpango-1.0-0" in result.stderr
    assert "libharfbuzz-subset0" in result.stderr
