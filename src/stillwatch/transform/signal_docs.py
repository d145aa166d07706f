"""The signals as they are documented and locked, read from their models and the catalogue.

A signal is `dbt_project/models/signals/<family>/sig_<code>.sql` with its `.yml`, and one line of
`seeds/signal_catalog.csv`. From these come `docs/signals/README.md` and `dbt_project/signals.lock`.
The lock holds one line per signal: code, version, hash of its SQL and of what its yml says of the
model. A signal that has changed needs a higher version, so that a figure in an old report keeps its
meaning.

    python -m stillwatch.transform.signal_docs            write both files
    python -m stillwatch.transform.signal_docs --check    say whether both are current
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
import yaml

from stillwatch.errors import ConfigError, StillwatchError
from stillwatch.project import get_project_root
from stillwatch.runs import replacing

LOCK = Path("dbt_project/signals.lock")
PAGE = Path("docs/signals/README.md")
COMMAND = "python -m stillwatch.transform.signal_docs"

_MODELS = Path("dbt_project/models/signals")
_CATALOG = Path("dbt_project/seeds/signal_catalog.csv")
_HASH_DIGITS = 12
_RETIRED = "retired"
# meta key of the yml, column of the catalogue: the same fact in two places, which must agree
_SHARED = {
    "version": "signal_version",
    "severity": "severity",
    "family": "family",
    "atlas_ids": "atlas_ids",
    "data_fields": "data_fields",
    "look_alikes": "benign_explanation",
}


@dataclass(frozen=True)
class Signal:
    """One signal or kind of group evidence; those of groups have no model of their own."""

    code: str
    version: int
    family: str
    side: str
    is_content: bool
    severity: str
    phrase: str
    look_alikes: str
    data_fields: tuple[str, ...]
    atlas_ids: tuple[str, ...]
    description: str | None = None
    runbook: str | None = None
    model: Path | None = None  # the SQL file, relative to the project
    digest: str | None = None

    @property
    def has_model(self) -> bool:
        """Whether it is measured on single accounts by a model of its own."""
        return self.model is not None


def read_signals(root: Path) -> list[Signal]:
    """Return every signal, sorted by code; its model and its catalogue line must agree."""
    catalog = _read_catalog(root / _CATALOG)
    models = {path.stem.removeprefix("sig_"): path for path in (root / _MODELS).rglob("sig_*.sql")}
    described = {path.stem.removeprefix("sig_") for path in (root / _MODELS).rglob("sig_*.yml")}
    for code in sorted(set(models) ^ described):
        raise ConfigError(f"signal {code} in {_MODELS} lacks its .sql or its .yml beside the other")
    for code in sorted(set(models) - set(catalog)):
        raise ConfigError(f"signal {code} has a model but no line in {_CATALOG}")
    return [
        _join(root, code, catalog[code], models[code])
        if code in models
        else _read_line(catalog[code])
        for code in sorted(catalog)
    ]


def write_lock(signals: Sequence[Signal], locked: Mapping[str, tuple[int, str]]) -> str:
    """Return the text of the lock, or raise a ConfigError if a version was not counted up.

    `locked` is the lock as it stands. A signal whose model is gone stays in it as retired, and its
    code can come back only with a higher version.
    """
    lines = {}
    for signal in signals:
        if signal.digest is None:
            continue
        version, digest = locked.get(signal.code, (0, ""))
        if digest != signal.digest and signal.version <= version:
            raise ConfigError(
                f"signal {signal.code} has changed but is still version {signal.version} "
                f"(locked: {version} {digest}): raise `version` in sig_{signal.code}.yml "
                f"and `signal_version` in {_CATALOG} to {version + 1}"
            )
        lines[signal.code] = f"{signal.code} {signal.version} {signal.digest}"
    for code, (version, _) in locked.items():
        lines.setdefault(code, f"{code} {version} {_RETIRED}")
    return "".join(f"{lines[code]}\n" for code in sorted(lines))


def read_lock(text: str) -> dict[str, tuple[int, str]]:
    """Return version and hash by signal code.

    >>> read_lock("timing__regular_gaps 2 0123456789ab\\n")
    {'timing__regular_gaps': (2, '0123456789ab')}
    """
    locked = {}
    for number, line in enumerate(text.splitlines(), start=1):
        parts = line.split()
        if len(parts) != 3 or not parts[1].isdigit():
            raise ConfigError(f"{LOCK} line {number} is not `code version hash`: {line!r}")
        locked[parts[0]] = (int(parts[1]), parts[2])
    return locked


def make_pages(root: Path) -> dict[Path, str]:
    """Return what the lock and the page should hold, by path relative to the project."""
    signals = read_signals(root)
    lock = root / LOCK
    locked = read_lock(lock.read_text(encoding="utf-8")) if lock.exists() else {}
    return {LOCK: write_lock(signals, locked), PAGE: _write_page(signals)}


def find_stale(root: Path, pages: Mapping[Path, str]) -> list[Path]:
    """Return the pages that are missing or differ from what they should hold."""
    return [
        path
        for path, text in pages.items()
        if not (root / path).exists() or (root / path).read_text(encoding="utf-8") != text
    ]


def bring_up_to_date(root: Path, pages: Mapping[Path, str], check: bool, command: str) -> None:
    """Write the stale pages and name them; with `check`, only name them and exit 1."""
    stale = find_stale(root, pages)
    for path in stale:
        if check:
            click.echo(f"{path} is not current: run `{command}`", err=True)
            continue
        with replacing(root / path) as temporary:
            temporary.write_text(pages[path], encoding="utf-8")
        click.echo(f"wrote {path}")
    if stale and check:
        sys.exit(1)
    if not stale:
        click.echo(f"{len(pages)} generated files are current")


def _read_catalog(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["signal_code"]: row for row in csv.DictReader(file)}


def _read_line(row: Mapping[str, str]) -> Signal:
    return Signal(
        code=row["signal_code"],
        version=int(row["signal_version"]),
        family=row["family"],
        side=row["evidence_side"],
        is_content=row["is_content"] == "true",
        severity=row["severity"],
        phrase=row["phrase"],
        look_alikes=row["benign_explanation"],
        data_fields=_split(row["data_fields"]),
        atlas_ids=_split(row["atlas_ids"]),
    )


def _join(root: Path, code: str, row: Mapping[str, str], sql: Path) -> Signal:
    yml = sql.with_suffix(".yml")
    model = yaml.safe_load(yml.read_text(encoding="utf-8"))["models"][0]
    if model["name"] != sql.stem:
        raise ConfigError(f"{yml} describes {model['name']!r}, not {sql.stem!r}")
    meta: dict[str, Any] = model["config"]["meta"]
    for key, column in _SHARED.items():
        stated = meta[key]
        text = ";".join(stated) if isinstance(stated, list) else str(stated)
        if text != row[column]:
            raise ConfigError(
                f"signal {code}: {key} is {text!r} in {yml.name} but {column} is {row[column]!r} "
                f"in {_CATALOG}: make them equal"
            )
    if sql.parent.name != meta["family"] or not code.startswith(f"{meta['family']}__"):
        raise ConfigError(f"signal {code}: its code and its folder must name {meta['family']!r}")
    line = _read_line(row)
    described = json.dumps(model, sort_keys=True).encode()  # unit tests may be added at any time
    digest = sha256(sql.read_bytes() + b"\0" + described).hexdigest()[:_HASH_DIGITS]
    return Signal(
        **{
            **vars(line),
            "description": " ".join(model["description"].split()),
            "runbook": meta["runbook"],
            "model": sql.relative_to(root),
            "digest": digest,
        }
    )


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(";") if part)


def _write_page(signals: Sequence[Signal]) -> str:
    of_accounts = [signal for signal in signals if signal.has_model]
    of_groups = [signal for signal in signals if not signal.has_model]
    families = {signal.family for signal in of_accounts}
    parts = [
        "# Signals\n",
        f"<!-- Written by `{COMMAND}`. Do not edit. -->\n",
        f"{len(of_accounts)} signals in {len(families)} families are measured on each account. "
        f"{len(of_groups)} more kinds of evidence exist only for a group or a campaign. "
        "What the words mean: [glossary](../glossary.md). How signals become evidence: "
        "[detection](../detection.md). A signal is a measured behaviour, never a verdict.\n",
        "Within a family only the strongest signal of an account counts. "
        "*Side*: behaviour, access, coordination or counter-evidence. "
        "*Content*: the signal is about what is asked, not how often.\n",
        _write_table(of_accounts),
        "## Evidence on groups only\n",
        _write_table(of_groups),
        *(_write_section(signal) for signal in signals),
    ]
    return "\n".join(parts)


def _write_table(signals: Sequence[Signal]) -> str:
    lines = [
        "| signal | version | family | side | content | severity |",
        "|---|---|---|---|---|---|",
        *(
            f"| [{signal.code}](#{signal.code}) | {signal.version} | {signal.family} "
            f"| {signal.side} | {'yes' if signal.is_content else 'no'} | {signal.severity} |"
            for signal in signals
        ),
    ]
    return "\n".join(lines) + "\n"


def _write_section(signal: Signal) -> str:
    lines = [f"## {signal.code}\n"]
    if signal.description:
        lines.append(f"{signal.description}\n")
    lines += [
        f'- **In a report:** "... member accounts {signal.phrase}"',
        f"- **Benign explanation:** {signal.look_alikes}",
        f"- **Input fields:** {', '.join(f'`{name}`' for name in signal.data_fields)}",
        f"- **MITRE ATLAS:** {', '.join(signal.atlas_ids) or 'none'}",
    ]
    if signal.model and signal.runbook:
        lines += [
            f"- **Model:** [{signal.model.name}](../../{signal.model.as_posix()})",
            f"- **Runbook:** [{Path(signal.runbook).stem}](../../{signal.runbook})",
        ]
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a file is not current.")
def main(check: bool) -> None:
    """Write docs/signals/README.md and dbt_project/signals.lock from the signals' models."""
    root = get_project_root()
    try:
        bring_up_to_date(root, make_pages(root), check, COMMAND)
    except StillwatchError as error:
        click.echo(f"signal_docs: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
