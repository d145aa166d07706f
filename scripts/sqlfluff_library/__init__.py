"""What dbt offers to models and macros, for SQLFluff's Jinja templater (.sqlfluff).

Loading the real dbt would take seconds per run and a warehouse. With these names the models render
with the project's own macros and vars, as they do on DuckDB.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import yaml
from jinja2 import pass_context
from jinja2.runtime import Context

_PROJECT = Path(__file__).resolve().parents[2] / "dbt_project" / "dbt_project.yml"
_VARS: dict[str, Any] = yaml.safe_load(_PROJECT.read_text(encoding="utf-8"))["vars"]


def var(name: str) -> Any:
    """Return the var's value in dbt_project.yml; one that does not stand there is an error."""
    if name not in _VARS:
        raise KeyError(f"var {name!r} is not in {_PROJECT}")
    return _VARS[name]


@pass_context
def _dispatch(context: Context, name: str) -> Callable[..., str]:
    """Return the macro's default implementation, which stands in the same file."""
    implementation: Callable[..., str] = context.resolve(f"default__{name}")
    return implementation


def _raise_compiler_error(message: str) -> NoReturn:
    raise ValueError(message)


adapter = SimpleNamespace(dispatch=_dispatch)
modules = SimpleNamespace(re=re)
exceptions = SimpleNamespace(raise_compiler_error=_raise_compiler_error)
