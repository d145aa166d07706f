"""What one run of one world leaves behind: enough to make every table again without running it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from stillwatch.errors import InputError
from stillwatch.evaluation.left_out import LeftOut
from stillwatch.evaluation.sizes import SizeEstimate
from stillwatch.evaluation.tables import Accounts, Activity, Membership
from stillwatch.runs import read_json, write_json

SCHEMA_VERSION = 1
_SCORE, _FEATURE, _EVIDENCE = "score ", "feature ", "evidence "


@dataclass(frozen=True)
class CellSummary:
    """One world-seed: what it was, what became of it. `stopped` says why it has no figures.

    `inputs_sha256` covers every landed file as it was simulated, and `account_count` the accounts
    that asked anything; `left_out` holds the last day judged anew, with all families and without
    single ones; `seconds` is all that differs when it is run again.
    """

    cell: str
    group: str
    world: str
    seed: int
    fingerprint: str
    inputs_sha256: str
    first_day: date
    last_day: date
    account_count: int
    silent_account_count: int
    exchange_count: int
    stopped: str | None = None
    sizes: tuple[SizeEstimate, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True)
class CellData:
    """The rows of one world-seed: accounts with scores and features, members and activity by day.

    `score` holds a method's score of every account, -inf where it has none; `features` is NaN for
    accounts that the pipeline has not seen. `evidence` holds the columns of `stored_evidence`; it
    is empty where a cell was stored before they were kept.
    """

    summary: CellSummary
    account_key: tuple[str, ...]
    cohort: tuple[str, ...]
    campaign: tuple[str, ...]
    is_flagged: NDArray[np.bool_]
    score: Mapping[str, NDArray[np.float64]]
    features: Mapping[str, NDArray[np.float64]]
    memberships: tuple[Membership, ...]
    activity: tuple[Activity, ...]
    evidence: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def campaign_of(self) -> dict[str, str]:
        """The true campaign of each attacker's account."""
        pairs = zip(self.account_key, self.campaign, strict=True)
        return {key: name for key, name in pairs if name}

    @property
    def flagged(self) -> frozenset[str]:
        """Accounts that are in a detected campaign as of the last day."""
        return frozenset(np.array(self.account_key, dtype=str)[self.is_flagged].tolist())

    def rank(self, method: str) -> Accounts:
        """Return the accounts with a method's scores; keys of two cells are never the same."""
        count = len(self.account_key)
        return Accounts(
            np.array([f"{self.summary.cell}:{key}" for key in self.account_key], dtype=str),
            np.array([self.summary.cell] * count, dtype=str),
            np.array(self.cohort, dtype=str),
            np.array(self.campaign, dtype=str),
            self.score[method],
        )


def write_cell(data: CellData, folder: Path) -> None:
    """Write the rows, and last of all the summary: where it lies, the cell is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    columns: dict[str, Any] = {
        "account_key": pa.array(data.account_key, pa.string()),
        "cohort": pa.array(data.cohort, pa.string()),
        "campaign": pa.array(data.campaign, pa.string()),
        "is_flagged": pa.array(data.is_flagged, pa.bool_()),
    }
    columns |= {_SCORE + name: pa.array(values) for name, values in data.score.items()}
    columns |= {_FEATURE + name: pa.array(values) for name, values in data.features.items()}
    columns |= {_EVIDENCE + name: pa.array(values) for name, values in data.evidence.items()}
    pq.write_table(pa.table(columns), folder / "accounts.parquet", compression="zstd")
    for name, rows, schema in (
        ("members", data.memberships, _MEMBERS),
        ("activity", data.activity, _ACTIVITY),
    ):
        table = pa.Table.from_pylist([asdict(row) for row in rows], schema=schema)
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
    write_json(
        folder / "cell.json", TypeAdapter(CellSummary).dump_python(data.summary, mode="json")
    )


def read_cell_summary(folder: Path) -> CellSummary | None:
    """Return the summary of a complete cell, or null if there is none that this code has made."""
    path = folder / "cell.json"
    if not path.exists():
        return None
    try:
        raw = read_json(path)
        if raw.get("schema_version") != SCHEMA_VERSION:
            return None
        return TypeAdapter(CellSummary).validate_python(raw)
    except (ValueError, ValidationError) as error:
        raise InputError(f"{path} is no result of a world: remove it to run it again") from error


def read_cell(folder: Path) -> CellData:
    """Return what `write_cell` has written."""
    summary = read_cell_summary(folder)
    if summary is None:
        raise InputError(f"{folder} holds no finished world: evaluate again with the same options")
    table = pq.read_table(folder / "accounts.parquet")
    numbers = {
        name: table.column(name).to_numpy()
        for name in table.column_names
        if name.startswith((_SCORE, _FEATURE, _EVIDENCE))
    }
    return CellData(
        summary=summary,
        account_key=tuple(table.column("account_key").to_pylist()),
        cohort=tuple(table.column("cohort").to_pylist()),
        campaign=tuple(table.column("campaign").to_pylist()),
        is_flagged=np.array(table.column("is_flagged").to_pylist(), dtype=bool),
        score=_take(numbers, _SCORE),
        features=_take(numbers, _FEATURE),
        memberships=tuple(
            Membership(**row) for row in pq.read_table(folder / "members.parquet").to_pylist()
        ),
        activity=tuple(
            Activity(**row) for row in pq.read_table(folder / "activity.parquet").to_pylist()
        ),
        evidence=_take(numbers, _EVIDENCE),
    )


_MEMBERS = pa.schema(
    [("as_of_date", pa.date32()), ("campaign_id", pa.string()), ("account_key", pa.string())]
)
_ACTIVITY = pa.schema(
    [
        ("campaign", pa.string()),
        ("account_key", pa.string()),
        ("day", pa.date32()),
        ("exchange_count", pa.int64()),
        ("extraction_count", pa.int64()),
    ]
)


def _take(
    numbers: Mapping[str, NDArray[np.float64]], prefix: str
) -> dict[str, NDArray[np.float64]]:
    return {
        name.removeprefix(prefix): values
        for name, values in numbers.items()
        if name.startswith(prefix)
    }
