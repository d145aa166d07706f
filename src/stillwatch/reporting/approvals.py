"""The chained record of decisions: who decided what on which draft, when, and why.

`ledger/approvals.jsonl` is only ever appended to. Each line carries the digest of the line before,
so that a changed, removed or swapped line is found; the last digest is printed by
`stillwatch approve --list`, which makes a cut tail visible too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from stillwatch.errors import ReportError
from stillwatch.runs import Paths

FIRST_HASH = "0" * 64


@dataclass(frozen=True)
class Decision:
    """One line of the record."""

    seq: int
    report_id: str
    version: int
    decision: str
    actor: str
    comment: str
    decided_at: str
    draft_sha256: str
    prev_hash: str
    entry_hash: str


def read_decisions(paths: Paths) -> list[Decision]:
    """Return all decisions in order, or raise a ReportError that names the first bad line."""
    path = _get_path(paths)
    if not path.exists():
        return []
    decisions = _parse(path)
    previous = FIRST_HASH
    for number, decision in enumerate(decisions, start=1):
        if (
            decision.seq != number
            or decision.prev_hash != previous
            or decision.entry_hash != _hash(decision)
        ):
            raise ReportError(
                f"{path} line {number} does not fit the line before it: the record of decisions "
                "was changed; restore it from a copy before deciding anything"
            )
        previous = decision.entry_hash
    return decisions


def find_decision(decisions: Iterable[Decision], report_id: str, version: int) -> Decision | None:
    """Return the decision on a version, or None."""
    for decision in decisions:
        if (decision.report_id, decision.version) == (report_id, version):
            return decision
    return None


def append_decision(
    paths: Paths,
    *,
    report_id: str,
    version: int,
    decision: str,
    actor: str,
    comment: str,
    decided_at: datetime,
    draft_sha256: str,
) -> Decision:
    """Append a decision and return it. The caller holds the lock on the record."""
    earlier = read_decisions(paths)
    unsigned = Decision(
        seq=len(earlier) + 1,
        report_id=report_id,
        version=version,
        decision=decision,
        actor=actor,
        comment=comment,
        decided_at=decided_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        draft_sha256=draft_sha256,
        prev_hash=earlier[-1].entry_hash if earlier else FIRST_HASH,
        entry_hash="",
    )
    entry = Decision(**{**asdict(unsigned), "entry_hash": _hash(unsigned)})
    path = _get_path(paths)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(entry), sort_keys=True, ensure_ascii=True) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return entry


def _get_path(paths: Paths) -> Path:
    return paths.ledger / "approvals.jsonl"


def _hash(decision: Decision) -> str:
    content = {key: value for key, value in asdict(decision).items() if key != "entry_hash"}
    return sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _parse(path: Path) -> list[Decision]:
    decisions = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            decisions.append(Decision(**json.loads(line)))
        except (json.JSONDecodeError, TypeError) as error:
            raise ReportError(f"{path} line {number} is not a decision: {error}") from error
    return decisions
