"""Where the checked-out project lies: dbt models, expectations, templates, DAGs are its files."""

from __future__ import annotations

from pathlib import Path

from stillwatch.errors import ConfigError

_ROOT = Path(__file__).resolve().parents[2]


def get_project_root() -> Path:
    """Return the root of the project's checkout (the package is installed editable from it)."""
    if not (_ROOT / "dbt_project" / "dbt_project.yml").exists():
        raise ConfigError(
            f"{_ROOT} holds no dbt_project/: install Stillwatch from its checkout "
            "(`make setup`), not as a bare wheel"
        )
    return _ROOT
