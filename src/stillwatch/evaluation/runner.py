"""Runs a plan: every world-seed in a process and home of its own, then the tables of all."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from stillwatch.errors import InputError
from stillwatch.evaluation.cell_run import CellJob, run_cell
from stillwatch.evaluation.cell_store import (
    SCHEMA_VERSION as CELL_VERSION,
)
from stillwatch.evaluation.cell_store import CellData, read_cell, read_cell_summary
from stillwatch.evaluation.evasion import EvasionCurve, trace_evasion
from stillwatch.evaluation.methods import choose_methods, write_slug
from stillwatch.evaluation.plan import Cell, Plan, hash_json, list_cells
from stillwatch.evaluation.pooling import (
    make_table,
    measure_evasion,
    measure_false_rate,
    score_world,
)
from stillwatch.evaluation.provenance import Provenance, read_provenance
from stillwatch.evaluation.result import EvaluationResult, GroupResult, write_result
from stillwatch.log import track
from stillwatch.settings import Settings


@dataclass(frozen=True)
class RunOptions:
    """How a plan is run; nothing here but `feeds` changes a figure.

    `feeds` is the `feeds` folder of a landing root, landed with every world and read with the
    deployment's `feeds.yml`; without it no list of addresses is known.
    """

    jobs: int = 1
    out: Path | None = None
    feeds: Path | None = None
    keep: bool = False


def evaluate(
    settings: Settings,
    plan: Plan,
    options: RunOptions,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[EvaluationResult, Path]:
    """Run what of the plan has not been run, write the result, return it with its folder.

    World-seeds that are finished, by the same code and with the same inputs, are not run again. If
    one fails the others are still run; then it is an error, and nothing partial is written.
    """
    provenance = read_provenance()
    chosen = choose_methods(plan.methods)
    feeds = _hash_folder(options.feeds) if options.feeds else None
    named = {"plan": _dump(plan), "code": provenance.code_sha256, "feeds": feeds}
    run_id = f"{write_slug(plan.name)}-{hash_json(named)[:10]}"
    folder = options.out or settings.home.absolute() / "evaluation" / run_id
    jobs = [
        _make_job(settings, cell, folder, chosen, provenance, feeds, options)
        for cell in list_cells(plan)
    ]
    _run_jobs(jobs, options.jobs, tell)
    result = _collect(plan, jobs, chosen, provenance, feeds, run_id)
    write_result(result, folder)
    return result, folder


def _make_job(
    settings: Settings,
    cell: Cell,
    folder: Path,
    chosen: frozenset[str],
    provenance: Provenance,
    feeds: str | None,
    options: RunOptions,
) -> CellJob:
    decisive = {
        "world": TypeAdapter(type(cell.load())).dump_python(cell.load(), mode="json"),
        "cell": TypeAdapter(Cell).dump_python(cell, mode="json"),
        "methods": sorted(chosen),
        "code": provenance.code_sha256,
        "packages": dict(provenance.packages),
        "feeds": feeds,
        "version": CELL_VERSION,
    }
    return CellJob(
        cell=cell,
        folder=folder.absolute() / "cells" / write_slug(cell.name),
        fingerprint=hash_json(decisive),
        methods=chosen,
        dbt_threads=settings.dbt_threads,
        warehouse_memory=settings.warehouse_memory,
        config=settings.config.absolute() if options.feeds else None,
        feeds=options.feeds.absolute() if options.feeds else None,
        keep=options.keep,
    )


def _is_finished(job: CellJob) -> bool:
    summary = read_cell_summary(job.folder)
    return summary is not None and summary.fingerprint == job.fingerprint


def _run_jobs(jobs: Sequence[CellJob], workers: int, tell: Callable[[str], None]) -> None:
    remaining = [job for job in jobs if not _is_finished(job)]
    if len(remaining) < len(jobs):
        tell(f"{len(jobs) - len(remaining)} of {len(jobs)} worlds are finished already")
    if not remaining:
        return
    for job in remaining:
        (job.folder / "cell.json").unlink(missing_ok=True)
    failed: list[str] = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as pool:
        running = {pool.submit(run_cell, job): job for job in remaining}
        for done in track(as_completed(running), "worlds", total=len(running)):
            job = running[done]
            reason = _get_reason(done)
            tell(f"{job.cell.name}: {'done' if reason is None else 'FAILED'}")
            if reason is not None:
                failed.append(f"{job.cell.name}: {reason} (see {job.folder / 'log.txt'})")
    if failed:
        raise InputError(
            f"{len(failed)} of {len(jobs)} worlds could not be run: {'; '.join(sorted(failed))}. "
            "Those that were are kept: run the same command again to go on"
        )


def _get_reason(done: Future[str | None]) -> str | None:
    try:
        return done.result()
    except BrokenProcessPool as error:
        return f"a process died, most likely for want of memory: use fewer --jobs ({error})"


def _collect(
    plan: Plan,
    jobs: Sequence[CellJob],
    chosen: frozenset[str],
    provenance: Provenance,
    feeds: str | None,
    run_id: str,
) -> EvaluationResult:
    data = {job.cell.name: read_cell(job.folder) for job in jobs}
    cells = [job.cell for job in jobs]
    groups: list[GroupResult] = []
    for name in dict.fromkeys(cell.group for cell in cells):
        members = [cell for cell in cells if cell.group == name]
        groups.append(_make_group(members, data, chosen))
    bases = [cell for cell in cells if cell.ablation is None and cell.sweep is None]
    finished = [cell for cell in bases if data[cell.name].summary.stopped is None]
    scored = [data[cell.name] for cell in finished]
    compared = [data[cell.name] for cell in finished if not cell.fast]
    quiet = [each for each in scored if not each.campaign_of]
    return EvaluationResult(
        run_id=run_id,
        plan=plan,
        provenance=provenance,
        feeds=feeds,
        cells=tuple(replace(data[cell.name].summary, seconds={}) for cell in cells),
        groups=tuple(groups),
        all_worlds=make_table(compared, chosen, with_campaigns=False) if compared else None,
        false_campaigns=measure_false_rate(scored, [score_world([each]) for each in scored]),
        quiet_false_campaigns=measure_false_rate(quiet, [score_world([each]) for each in quiet]),
        evasions=tuple(_trace_sweeps(plan, cells, data)),
        timings={name: each.summary.seconds for name, each in data.items()},
    )


def _make_group(
    members: Sequence[Cell], data: dict[str, CellData], chosen: frozenset[str]
) -> GroupResult:
    found = [data[cell.name] for cell in members]
    scored = [each for each in found if each.summary.stopped is None]
    first = members[0]
    # Curves are drawn for worlds as they are; elsewhere they would only make the file large.
    methods = frozenset[str]() if first.fast else chosen
    table = make_table(scored, methods) if scored else None
    if table is not None and (first.ablation is not None or first.sweep is not None):
        bare = tuple(replace(method, curve=()) for method in table.methods)
        table = replace(table, methods=bare)
    return GroupResult(
        name=first.group,
        base=first.base,
        seeds=tuple(cell.seed for cell in members),
        table=table,
        stopped=tuple(each.summary.stopped for each in found if each.summary.stopped is not None),
        ablation=first.ablation,
        sweep=first.sweep,
        level=first.level,
    )


def _trace_sweeps(
    plan: Plan, cells: Sequence[Cell], data: dict[str, CellData]
) -> list[EvasionCurve]:
    curves = []
    for sweep in plan.sweeps:
        runs = [
            measure_evasion(data[cell.name], sweep.target, cell.level)
            for cell in cells
            if cell.sweep == sweep.label
            and cell.level is not None
            and data[cell.name].summary.stopped is None
        ]
        curves.append(trace_evasion(sweep.label, runs, plan.costs))
    return curves


def _dump(plan: Plan) -> object:
    return TypeAdapter(Plan).dump_python(plan, mode="json")


def _hash_folder(folder: Path) -> str:
    """Return a digest over the names and contents of all files of a folder."""
    if not folder.is_dir():
        raise InputError(f"--feeds {folder} is no folder: give the feeds folder of a landing root")
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
