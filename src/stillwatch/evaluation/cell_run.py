"""One world, one seed: written, run through the real pipeline day by day, and measured.

The truth lies beside the landing root, never below it, and only `measure_world` opens it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from stillwatch.errors import GateFailed
from stillwatch.evaluation.ablations import blank_fields
from stillwatch.evaluation.cell_store import CellData, CellSummary, write_cell
from stillwatch.evaluation.competitors.protocol import WorldTables
from stillwatch.evaluation.competitors.world_tables import load_world_tables
from stillwatch.evaluation.fast_days import process_fast
from stillwatch.evaluation.inputs import WorldResult, read_world_result
from stillwatch.evaluation.left_out import NOTHING, judge_without
from stillwatch.evaluation.methods import LEDGER, OWN_EVIDENCE, CompetitorRun, run_competitors
from stillwatch.evaluation.plan import Cell
from stillwatch.evaluation.stored_evidence import read_evidence
from stillwatch.log import get_logger, set_up_logging
from stillwatch.pipeline import run_days
from stillwatch.runs import get_paths
from stillwatch.settings import Settings
from stillwatch.worlds.fast import write_fast
from stillwatch.worlds.simulate import FAST_FOLDER, WorldSummary, write

_LOG = get_logger(__name__)


@dataclass(frozen=True)
class CellJob:
    """A cell with where it is run and how. Given a `feeds` folder, it is landed with the world."""

    cell: Cell
    folder: Path
    fingerprint: str
    methods: frozenset[str]
    dbt_threads: int
    warehouse_memory: str
    config: Path | None = None
    feeds: Path | None = None
    keep: bool = False

    @property
    def work(self) -> Path:
        """Inputs and state of the run; removed when it is done."""
        return self.folder / "work"

    @property
    def landing(self) -> Path:
        """Landing root of the world."""
        return self.work / "landing"

    @property
    def truth(self) -> Path:
        """What was planted."""
        return self.work / "truth"

    @property
    def settings(self) -> Settings:
        """Settings of a deployment of its own, keyed by the cell so that runs repeat."""
        return Settings(
            home=self.work / "home",
            landing_uri=str(self.landing),
            config=self.config or self.work / "config",
            key_file=self.work / "deployment.key",
            dbt_threads=self.dbt_threads,
            warehouse_memory=self.warehouse_memory,
        )


def run_cell(job: CellJob) -> str | None:
    """Run a cell from its beginning and store its result; return why it failed, if it did.

    Meant for a process of its own: what is printed and logged goes to `log.txt` of the cell.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    with (job.folder / "log.txt").open("w") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
        set_up_logging()
        try:
            execute(job)
        except Exception as error:  # noqa: BLE001 - the parent tells of it, the log keeps the rest
            _LOG.exception("%s failed", job.cell.name)
            return f"{type(error).__name__}: {error}"
    return None


def execute(job: CellJob) -> None:
    """Write the world, run the pipeline, measure, store, and clear away what was needed for it."""
    shutil.rmtree(job.work, ignore_errors=True)
    seconds: dict[str, float] = {}
    with _timed(seconds, "simulate"):
        world = simulate_world(job)
    stopped = None
    with _timed(seconds, "pipeline"):
        try:
            process_world(job, list_days(job))
        except GateFailed as error:
            stopped = str(error).replace(str(job.work), "work")
    with _timed(seconds, "measure"):
        data = _describe_stop(job, world, stopped) if stopped else measure_world(job, world)
    summary = replace(data.summary, seconds={**data.summary.seconds, **seconds})
    write_cell(replace(data, summary=summary), job.folder)
    if not job.keep:
        shutil.rmtree(job.work)


def list_days(job: CellJob) -> list[date]:
    """Return the days that are run: all of the world, or its first ones."""
    return list(job.cell.load().dates[: job.cell.days])


def simulate_world(job: CellJob) -> WorldSummary:
    """Write landing and truth of the cell, without the fields that it must do without."""
    job.work.mkdir(parents=True)
    key = hashlib.sha256(f"stillwatch evaluation/{job.cell.name}".encode()).hexdigest()
    with open(  # noqa: PTH123 - made with the mode that a key must have
        os.open(job.work / "deployment.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w"
    ) as file:
        file.write(key + "\n")
    cell = job.cell
    if cell.fast:
        world = write_fast(cell.load(), job.landing, job.truth, cell.seed, cell.days)
    else:
        world = write(cell.load(), job.landing, job.truth, cell.seed)
    if job.cell.ablation is not None:
        changed = blank_fields(job.landing, job.cell.ablation)
        _LOG.info("%s: %d records changed", job.cell.ablation.label, changed)
    if job.feeds is not None:
        shutil.copytree(job.feeds, job.landing / "feeds")
    return world


def process_world(job: CellJob, days: list[date]) -> None:
    """Run the days through the pipeline, gates and publishing included, without reports.

    A fast world has no logs to check: its days become facts, and the last one is judged.
    """
    if job.cell.fast:
        process_fast(job.settings, job.landing / FAST_FOLDER, job.work / "fast.duckdb", days)
        return
    for summary in run_days(job.settings, days, report_days=()):
        _LOG.info("%s: %s", job.cell.name, summary)


def measure_world(job: CellJob, world: WorldSummary) -> CellData:
    """Return what the pipeline and the competitors said about each account, beside the truth."""
    paths = get_paths(job.settings)
    warehouse = paths.warehouse if job.cell.fast else paths.published / "current.duckdb"
    result = read_world_result(job.cell.name, job.truth, warehouse)
    first_day = list_days(job)[0] if job.cell.fast else result.first_day
    tables: WorldTables | None = None
    runs: tuple[CompetitorRun, ...] = ()
    if not job.cell.fast:
        tables = load_world_tables(
            job.cell.name, warehouse, paths.canonical, first_day, result.last_day
        )
        runs = run_competitors(tables, job.methods, job.cell.seed)
    families = job.cell.left_out_families
    again = (NOTHING, *families) if families else ()
    left_out = judge_without(job.settings, result.last_day, job.cell.name, job.truth, again)
    accounts = [each for each in result.truth if each.account_key not in result.silent]
    keys = tuple(each.account_key for each in accounts)
    summary = _summarize(job, world, first_day, result.last_day)
    return CellData(
        summary=replace(
            summary,
            account_count=len(keys),
            silent_account_count=len(result.silent),
            sizes=result.sizes,
            left_out=tuple(left_out),
            reasons={run.method: run.reason for run in runs if run.reason is not None},
            seconds={run.method: run.seconds for run in runs},
        ),
        account_key=keys,
        cohort=tuple(each.cohort for each in accounts),
        campaign=tuple(each.campaign or "" for each in accounts),
        is_flagged=np.array([key in result.flagged for key in keys], dtype=bool),
        score=_list_scores(keys, result, runs),
        features=_list_features(keys, tables) if tables is not None else {},
        memberships=result.memberships,
        activity=result.activity,
        evidence=read_evidence(warehouse, result.last_day, keys),
    )


def _list_scores(
    keys: tuple[str, ...], result: WorldResult, runs: tuple[CompetitorRun, ...]
) -> dict[str, NDArray[np.float64]]:
    found = {LEDGER: result.scores, OWN_EVIDENCE: result.own_scores}
    found |= {run.method: run.scores for run in runs if run.scores is not None}
    return {
        method: np.array([scores.get(key, -np.inf) for key in keys], dtype=np.float64)
        for method, scores in found.items()
    }


def _list_features(keys: tuple[str, ...], tables: WorldTables) -> dict[str, NDArray[np.float64]]:
    rows = {key: row for row, key in enumerate(tables.account_keys)}
    place = np.array([rows.get(key, -1) for key in keys], dtype=np.int64)
    padded = np.vstack([tables.features, np.full((1, len(tables.feature_names)), np.nan)])
    return {name: padded[place, column] for column, name in enumerate(tables.feature_names)}


def _describe_stop(job: CellJob, world: WorldSummary, stopped: str) -> CellData:
    """Return a result without figures: a gate refused the world, which is an outcome too."""
    days = list_days(job)
    summary = replace(_summarize(job, world, days[0], days[-1]), stopped=stopped)
    return CellData(summary, (), (), (), np.zeros(0, dtype=bool), {}, {}, (), ())


def _summarize(job: CellJob, world: WorldSummary, first_day: date, last_day: date) -> CellSummary:
    return CellSummary(
        cell=job.cell.name,
        group=job.cell.group,
        world=job.cell.world,
        seed=job.cell.seed,
        fingerprint=job.fingerprint,
        inputs_sha256=_hash_inputs(job.truth),
        first_day=first_day,
        last_day=last_day,
        account_count=world.account_count,
        silent_account_count=0,
        exchange_count=_count_exchanges(job.truth, last_day),
    )


def _count_exchanges(truth: Path, last_day: date) -> int:
    daily = truth / "account_days.parquet"
    if daily.exists():
        table = pq.read_table(daily, columns=["event_date", "exchange_count"])
        table = table.filter(pc.less_equal(table.column("event_date"), pa.scalar(last_day)))
        return int(pc.sum(table.column("exchange_count")).as_py() or 0)
    days = pq.read_table(truth / "exchanges.parquet", columns=["event_date"]).column("event_date")
    return int(pc.sum(pc.less_equal(days, pa.scalar(last_day))).as_py() or 0)


def _hash_inputs(truth: Path) -> str:
    """Return a digest over all landed files of a world, from its manifest."""
    files = orjson.loads((truth / "manifest.json").read_bytes())["files"]
    listed = sorted(f"{file['path']} {file['sha256']}" for file in files)
    return hashlib.sha256("\n".join(listed).encode()).hexdigest()


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    seconds[step] = time.monotonic() - began
