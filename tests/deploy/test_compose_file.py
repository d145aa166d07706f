from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from stillwatch.orchestration.pools import POOLS
from stillwatch.project import get_project_root

ROOT = get_project_root()
COMPOSE = ROOT / "docker-compose.yml"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return loaded


def _check_schema(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            "vendor.compose-spec",
            str(path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def test_compose__follows_the_compose_specification() -> None:
    result = _check_schema(COMPOSE)
    assert result.returncode == 0, result.stdout


def test_compose__the_schema_check_catches_a_slip(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(COMPOSE.read_text(encoding="utf-8").replace("healthcheck:", "healthchek:"))
    assert _check_schema(wrong).returncode != 0


def test_compose__only_the_ui_is_published_and_only_to_this_machine(
    compose: dict[str, Any],
) -> None:
    published = {
        name: item["ports"] for name, item in compose["services"].items() if "ports" in item
    }
    assert published == {"api-server": ["127.0.0.1:8080:8080"]}
    assert compose["networks"]["database"]["internal"] is True
    assert compose["services"]["postgres"]["networks"] == ["database"]


def test_compose__every_service_is_restricted(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["deploy"]["resources"]["limits"]["memory"], name
        assert "privileged" not in service, name
        if name != "airflow-init":
            assert service["healthcheck"]["test"], name


def test_compose__secrets_come_from_files_and_none_stands_in_the_file(
    compose: dict[str, Any], tmp_path: Path
) -> None:
    made = subprocess.run(
        ["bash", str(ROOT / "scripts" / "make_secrets.sh"), str(tmp_path / "secrets")],
        capture_output=True,
        text=True,
        check=True,
    )
    files = {path.name: path.read_text() for path in (tmp_path / "secrets").glob("*.txt")}
    wanted = {Path(item["file"]).name for item in compose["secrets"].values()}
    assert wanted == set(files)
    assert all(len(text) >= 24 for text in files.values())
    assert len(set(files.values())) == len(files)
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    assert not [text for text in files.values() if text in made.stdout]
    used = {name for item in compose["services"].values() for name in item.get("secrets", [])}
    assert used == set(compose["secrets"])
    text = COMPOSE.read_text(encoding="utf-8")
    plain = r"(?i)(password|secret|key|token)\w*: *[\"']?(?!/)[A-Za-z0-9+/=_-]{12,}"
    assert not re.search(plain, text)


def test_make_secrets__keeps_what_is_there(tmp_path: Path) -> None:
    command = ["bash", str(ROOT / "scripts" / "make_secrets.sh"), str(tmp_path)]
    subprocess.run(command, capture_output=True, check=True)
    first = {path.name: path.read_bytes() for path in tmp_path.glob("*.txt")}
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.txt")} == first
    assert again.stdout == ""


def test_compose__makes_every_pool_that_the_dags_use(compose: dict[str, Any]) -> None:
    script = compose["services"]["airflow-init"]["command"][-1]
    for name, (slots, description) in POOLS.items():
        assert f'airflow pools set {name} {slots} "{description}"' in script


def test_compose__only_the_scheduler_sees_the_data(compose: dict[str, Any]) -> None:
    seeing = [
        name
        for name, item in compose["services"].items()
        if any("stillwatch-state" in volume for volume in item.get("volumes", []))
    ]
    assert seeing == ["scheduler"]


def test_compose__images_carry_a_version(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        _, _, version = service["image"].partition(":")
        assert version
        assert version != "latest"
