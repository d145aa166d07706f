"""scripts/fetch_packages.sh with a made-up npm: no network."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from stillwatch.project import get_project_root

SCRIPT = get_project_root() / "scripts" / "fetch_packages.sh"
TOOLS = (
    "bash",
    "cat",
    "cut",
    "dirname",
    "find",
    "gzip",
    "mkdir",
    "mktemp",
    "mv",
    "rm",
    "tail",
    "tar",
)


@pytest.fixture
def run(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in (*TOOLS, "sha512sum"):
        found = shutil.which(name)
        if found is not None:
            (tools / name).symlink_to(found)

    def call(npm: str | None = None) -> subprocess.CompletedProcess[str]:
        if npm is not None:
            (tools / "npm").write_text(f"#!/bin/bash\n{npm}\n")
            (tools / "npm").chmod(0o755)
        environment = os.environ | {"PATH": str(tools), "UV": str(tmp_path / "no-uv")}
        return subprocess.run(
            [SCRIPT, tmp_path / "npm"], env=environment, capture_output=True, text=True, timeout=60
        )

    return call


def test_fetch_packages__what_is_there_is_left_alone(run, tmp_path):
    for name, version in re.findall(r'^    "(\S+) (\S+)$', SCRIPT.read_text(), re.MULTILINE):
        folder = tmp_path / "npm" / f"{name}@{version}"
        folder.mkdir(parents=True)
        (folder / "package.json").write_text("{}")
    result = run("exit 9")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("is there") == 2


def test_fetch_packages__without_npm_and_uv_says_what_to_install(run):
    result = run()
    assert result.returncode == 1
    assert "neither npm on PATH nor uv" in result.stderr


def test_fetch_packages__offline_says_so_and_leaves_nothing(run, tmp_path):
    result = run("echo 'request failed, getaddrinfo ENOTFOUND' >&2; exit 1")
    assert result.returncode == 1
    assert "is the npm registry in reach" in result.stderr
    assert "ENOTFOUND" in result.stderr
    assert [path for path in (tmp_path / "npm").rglob("*") if path.is_file()] == []


def test_fetch_packages__another_tarball_than_the_pinned_one_is_not_unpacked(run, tmp_path):
    result = run("echo changed > package.tgz")
    assert result.returncode == 1
    assert "the package was changed; nothing unpacked" in result.stderr
    assert [path for path in Path(tmp_path / "npm").rglob("*") if path.is_file()] == []


def test_fetch_packages__names_no_registry_host():
    assert not re.search(r"https?://|registry\.", SCRIPT.read_text())
