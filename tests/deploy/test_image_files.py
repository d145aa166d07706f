from __future__ import annotations

import re
from pathlib import Path

from stillwatch.project import get_project_root
from stillwatch.settings import Settings

ROOT = get_project_root()
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_dockerfile__installs_the_locked_packages_with_their_hashes() -> None:
    assert "--require-hashes" in DOCKERFILE
    assert "requirements.lock" in DOCKERFILE
    assert "requirements-dev.lock" not in DOCKERFILE


def test_dockerfile__runs_as_an_ordinary_user() -> None:
    users = re.findall(r"^USER (\S+)", DOCKERFILE, re.M)
    assert users == ["10001:10001"]
    assert DOCKERFILE.rindex("USER") > DOCKERFILE.rindex("\nRUN")


def test_dockerfile__uses_the_same_uv_and_libraries_as_the_setup_script() -> None:
    setup = (ROOT / "scripts" / "setup.sh").read_text(encoding="utf-8")
    version = re.search(r"^UV_VERSION=(\S+)", setup, re.M)
    assert version is not None
    assert f"uv=={version[1]}" in DOCKERFILE
    packages = re.search(r"SYSTEM_PACKAGES=\(([^)]*)\)", setup)
    assert packages is not None
    for package in packages[1].split():
        assert package in DOCKERFILE


def test_dockerfile__everything_that_is_copied_exists_or_is_built() -> None:
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M):
        for source in sources.split():
            assert (ROOT / source).exists(), source


def test_dockerignore__starts_from_nothing_and_lets_no_secret_in() -> None:
    lines = [
        line
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert lines[0] == "**"
    allowed = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert not [line for line in allowed if re.match(r"(var|landing|secrets|\.env|\.git)", line)]
    assert "config/secrets" in lines
    for line in allowed:
        assert list(ROOT.glob(line)), f".dockerignore lets in {line}, which is not there"


def test_env_example__shows_every_setting_with_its_default() -> None:
    shown: dict[str, str] = {}
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines():
        if match := re.match(r"#?(STILLWATCH_\w+)=(.*)", line):
            shown[match[1]] = match[2].strip('"')
    fields = {f"STILLWATCH_{name.upper()}": field for name, field in Settings.model_fields.items()}
    assert set(fields) <= set(shown)
    assert set(shown) - set(fields) == {"STILLWATCH_LANDING_DIR"}
    for name, field in fields.items():
        if field.default is not None:
            assert shown[name] == str(field.default), name
    assert "STILLWATCH_LANDING_DIR" in (ROOT / "docker-compose.yml").read_text(encoding="utf-8")


def test_lock_files__name_no_host_and_hash_everything() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text, name
        for block in re.split(r"\n(?=[a-z0-9])", text):
            if re.match(r"[a-z0-9][\w.-]*==", block):
                assert "--hash=sha256:" in block, block.splitlines()[0]


def test_scripts__name_no_package_host() -> None:
    for path in [*Path(ROOT / "scripts").glob("*.sh"), ROOT / "Makefile", ROOT / "Dockerfile"]:
        assert not re.search(r"https?://", path.read_text(encoding="utf-8")), path
