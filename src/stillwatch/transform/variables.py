"""The vars of the dbt project: value and origin of each, and the layers that use it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from stillwatch.errors import ConfigError
from stillwatch.project import get_project_root

Value = int | float

_OF_THE_RUN = {"run_date", "left_out_family"}  # given by the run, so nobody proposes them
_LINE = re.compile(r"^  (\w+):[^#]*(?:#\s*(.*))?$")
_GOES_ON = re.compile(r"^ {6,}#\s*(.*)$")
_HEADING = re.compile(r"^  #\s*(.*)$")
_USE = re.compile(r"""\bvar\(\s*['"](\w+)['"]""")


@dataclass(frozen=True)
class Variable:
    """A threshold or weight of dbt_project.yml; `origin` is the comment beside or above it."""

    name: str
    value: Value
    origin: str


def read_variables() -> dict[str, Variable]:
    """Return every var that may be proposed, by name, in the order of dbt_project.yml."""
    return parse_variables((get_project_root() / "dbt_project" / "dbt_project.yml").read_text())


def parse_variables(text: str) -> dict[str, Variable]:
    """Return the numbers among the vars of a dbt project's YAML, with their comments.

    A list (the growth factors) is no single weight that a proposal could move: it is left out.

    >>> parse_variables("vars:\\n  # Windows\\n  days: 28  # two\\n        # lines\\n")["days"]
    Variable(name='days', value=28, origin='two lines')
    """
    values: dict[str, Any] = yaml.safe_load(text)["vars"]
    origins = _read_origins(text.partition("\nvars:\n")[2] or text.partition("vars:\n")[2])
    return {
        name: Variable(name, value, origins[name])
        for name, value in values.items()
        if name not in _OF_THE_RUN and isinstance(value, int | float)
    }


def parse_changes(texts: Iterable[str]) -> dict[str, Value]:
    """Return name and new value of each `VAR=VALUE`; a ConfigError says what is wrong with one.

    A whole number stays one: models that count days or accounts would cut off the rest.
    """
    known = read_variables()
    changes: dict[str, Value] = {}
    for text in texts:
        name, sign, written = text.partition("=")
        if not sign or not written:
            raise ConfigError(f"--set {text!r}: write VAR=VALUE, e.g. evidence_slope=0.6")
        if name not in known:
            listed = "\n".join(
                f"  {v.name} = {v.value}  {v.origin}".rstrip() for v in known.values()
            )
            raise ConfigError(
                f"--set {text!r}: dbt_project.yml has no var {name!r} to change; there are\n"
                f"{listed}"
            )
        if name in changes:
            raise ConfigError(f"--set {text!r}: {name} is given twice")
        changes[name] = _parse_value(text, written, known[name])
    if not changes:
        raise ConfigError("nothing is proposed: give --set VAR=VALUE")
    return changes


def find_layers(manifest: Any, names: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return by var the tags of the models that use it, themselves or through a macro.

    `manifest` is dbt's parsed project.
    """
    tags: dict[str, set[str]] = {name: set() for name in names}
    for node in manifest.nodes.values():
        if node.resource_type != "model":
            continue
        for name in _list_uses(node, manifest.macros) & tags.keys():
            tags[name] |= set(node.tags)
    return {name: frozenset(found) for name, found in tags.items()}


def _read_origins(text: str) -> dict[str, str]:
    """Return the comment of each var: the one beside it, or the heading that it stands under."""
    origins: dict[str, str] = {}
    heading: list[str] = []
    newest = ""
    for line in text.splitlines():
        if match := _LINE.match(line):
            newest = match[1]
            origins[newest] = (match[2] or " ".join(heading)).strip()
        elif newest and (match := _GOES_ON.match(line)):
            origins[newest] = f"{origins[newest]} {match[1]}".strip()
        elif match := _HEADING.match(line):
            heading = [match[1]] if newest else [*heading, match[1]]
            newest = ""
    return origins


def _parse_value(text: str, written: str, known: Variable) -> Value:
    try:
        value = yaml.safe_load(written)
    except yaml.YAMLError:
        value = None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        raise ConfigError(f"--set {text!r}: {known.name} is a number ({known.value} now)")
    if isinstance(known.value, int) and not isinstance(value, int):
        raise ConfigError(f"--set {text!r}: {known.name} is a whole number ({known.value} now)")
    if value == known.value:
        raise ConfigError(f"--set {text!r}: {known.name} is {known.value} already")
    return float(value) if isinstance(known.value, float) else int(value)


def _list_uses(node: Any, macros: Mapping[str, Any]) -> set[str]:
    used = set(_USE.findall(node.raw_code))
    waiting, seen = list(node.depends_on.macros), set[str]()
    while waiting:
        key = waiting.pop()
        if key in seen or key not in macros:
            continue
        seen.add(key)
        used |= set(_USE.findall(macros[key].macro_sql))
        waiting += macros[key].depends_on.macros
    return used
