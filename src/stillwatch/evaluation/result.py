"""The result of an evaluation: one JSON object with every figure and what it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from stillwatch.errors import InputError
from stillwatch.evaluation.ablations import Ablation
from stillwatch.evaluation.cell_store import CellSummary
from stillwatch.evaluation.evasion import EvasionCurve
from stillwatch.evaluation.intervals import Estimate
from stillwatch.evaluation.plan import Plan
from stillwatch.evaluation.provenance import Provenance
from stillwatch.evaluation.score_table import ScoreTable
from stillwatch.runs import read_json, write_json

SCHEMA_VERSION = 1
FILE_NAME = "result.json"


@dataclass(frozen=True)
class GroupResult:
    """All seeds of one world as it is, without some fields, or at one level of a sweep.

    `base` is the world that ablations and levels are compared with. `stopped` holds why gates
    refused some of the seeds; with none left there is no table.
    """

    name: str
    base: str
    seeds: tuple[int, ...]
    table: ScoreTable | None
    stopped: tuple[str, ...] = ()
    ablation: Ablation | None = None
    sweep: str | None = None
    level: float | None = None

    @property
    def is_base(self) -> bool:
        """Whether the world was run as the plan names it."""
        return self.ablation is None and self.sweep is None


@dataclass(frozen=True)
class EvaluationResult:
    """Everything that was measured. `timings` is all that differs when the same code runs again.

    `false_campaigns` is per million benign account-months over all worlds as they are;
    `quiet_false_campaigns` over those that hold no campaign at all.
    """

    run_id: str
    plan: Plan
    provenance: Provenance
    feeds: str | None
    cells: tuple[CellSummary, ...]
    groups: tuple[GroupResult, ...]
    all_worlds: ScoreTable | None
    false_campaigns: Estimate
    quiet_false_campaigns: Estimate
    evasions: tuple[EvasionCurve, ...] = ()
    timings: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    @property
    def base_groups(self) -> tuple[GroupResult, ...]:
        """The worlds as they are."""
        return tuple(group for group in self.groups if group.is_base)


def write_result(result: EvaluationResult, folder: Path) -> Path:
    """Write the result object and return where it lies."""
    path = folder / FILE_NAME
    write_json(path, TypeAdapter(EvaluationResult).dump_python(result, mode="json"))
    return path


def read_result(folder: Path) -> EvaluationResult:
    """Return the result that a finished evaluation left in its folder."""
    path = folder / FILE_NAME
    if not path.exists():
        raise InputError(f"{path} is missing: the evaluation has not ended, run it again")
    try:
        raw = read_json(path)
        version = raw.get("schema_version") if isinstance(raw, dict) else None
        if version != SCHEMA_VERSION:
            raise InputError(f"{path} is of schema version {version!r}, not {SCHEMA_VERSION}")
        return TypeAdapter(EvaluationResult).validate_python(raw)
    except (ValueError, ValidationError) as error:
        raise InputError(f"{path} is no result of an evaluation: {error}") from error
