"""Rows of the quality ledger: what was checked, what came out, without any value of a row."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from stillwatch.errors import GateFailed
from stillwatch.quality.suites import Severity
from stillwatch.runs import Paths, read_json, write_json

Gate = Literal["raw", "marts"]
GATES: tuple[Gate, ...] = ("raw", "marts")


@dataclass(frozen=True)
class CheckRow:
    """One evaluated expectation, with the same keys as `marts.rpt_data_quality`."""

    suite: str
    expectation: str
    column_name: str | None
    severity: Severity
    success: bool
    observed: str
    bound: str
    evaluated_row_count: int
    unexpected_count: int | None
    confidence_effect: str | None = None

    def describe(self) -> str:
        """Return one line that names the expectation, what was seen and what was allowed."""
        column = f" ({self.column_name})" if self.column_name else ""
        return f"{self.suite}: {self.expectation}{column}: {self.observed}; allowed: {self.bound}"


@dataclass(frozen=True)
class GateOutcome:
    """Every row of one gate on one day, and what follows from them."""

    run_date: date
    gate: Gate
    rows: tuple[CheckRow, ...]

    @property
    def failed_critical(self) -> tuple[CheckRow, ...]:
        """The rows that stop the line."""
        return tuple(
            row for row in self.rows if not row.success and row.severity is Severity.CRITICAL
        )

    @property
    def failed_warning(self) -> tuple[CheckRow, ...]:
        """The rows that are printed in the reports and lower their confidence."""
        return tuple(
            row for row in self.rows if not row.success and row.severity is Severity.WARNING
        )

    @property
    def passed(self) -> bool:
        """Whether something was evaluated and no critical expectation failed."""
        return bool(self.rows) and not self.failed_critical


def get_ledger_path(paths: Paths, day: date, gate: Gate) -> Path:
    """Return where the result of a gate on a day lies."""
    return paths.ledger / "quality" / f"dt={day.isoformat()}" / f"{gate}.json"


def write_outcome(paths: Paths, outcome: GateOutcome, audited_fingerprint: str | None) -> Path:
    """Write the gate's result; `audited_fingerprint` says which build the marts gate has seen."""
    path = get_ledger_path(paths, outcome.run_date, outcome.gate)
    value: dict[str, Any] = {
        "run_date": outcome.run_date.isoformat(),
        "gate": outcome.gate,
        "rows": [asdict(row) for row in outcome.rows],
    }
    if audited_fingerprint is not None:
        value["audited_fingerprint"] = audited_fingerprint
    write_json(path, value)
    return path


def read_outcome(paths: Paths, day: date, gate: Gate) -> GateOutcome | None:
    """Return what the gate found on that day, or None if it has not run."""
    path = get_ledger_path(paths, day, gate)
    if not path.exists():
        return None
    rows = tuple(
        CheckRow(**{**row, "severity": Severity(row["severity"])})
        for row in read_json(path)["rows"]
    )
    return GateOutcome(day, gate, rows)


def require_passed(paths: Paths, day: date) -> None:
    """Raise a GateFailed that names the first gate of the day that did not run or did not pass."""
    for gate in GATES:
        outcome = read_outcome(paths, day, gate)
        if outcome is None:
            raise GateFailed(
                f"gate {gate} of {day} has not run: `stillwatch check --date {day} --gate {gate}`"
            )
        if not outcome.passed:
            raise_for(outcome, get_ledger_path(paths, day, gate))


def read_audited_fingerprint(paths: Paths, day: date) -> str | None:
    """Return the fingerprint of the build that the marts gate of that day has seen."""
    value = read_json(get_ledger_path(paths, day, "marts")).get("audited_fingerprint")
    return None if value is None else str(value)


def raise_for(outcome: GateOutcome, path: Path) -> None:
    """Raise a GateFailed that names the first failed critical expectation, if there is one."""
    failed = outcome.failed_critical
    if outcome.passed:
        return
    first = failed[0].describe() if failed else "nothing was evaluated"
    more = f" ({len(failed) - 1} more)" if len(failed) > 1 else ""
    raise GateFailed(
        f"gate {outcome.gate} of {outcome.run_date} failed: {first}{more}. "
        f"Every result is in {path}; the last published snapshot stands"
    )
