"""Days from landed inputs to published snapshots and draft reports, without Airflow.

The DAGs call the same functions in the same order (dags/).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context

from stillwatch.feeds.refresh import refresh_day
from stillwatch.log import get_logger
from stillwatch.policy.reference import load_reference
from stillwatch.quality.gates import check_day
from stillwatch.reporting.documents import draft_day
from stillwatch.runs import get_paths
from stillwatch.settings import Settings
from stillwatch.sources.ingest import ingest_day, log_results
from stillwatch.sources.late import begin_rerun, finish_rerun
from stillwatch.sources.ledger import IngestResult
from stillwatch.transform.build import build_day
from stillwatch.warehouse.publish import publish_day

_LOG = get_logger(__name__)


@dataclass(frozen=True)
class DaySummary:
    """What became of one day: rows by fate, gates, snapshot, drafted reports."""

    day: date
    read_count: int
    accepted_count: int
    duplicate_count: int
    quarantined_count: int
    failed_warning_count: int
    snapshot_id: str
    report_ids: tuple[str, ...]


def run_day(settings: Settings, day: date, reports: bool = True) -> DaySummary:
    """Process `day` and return what became of it; a failed critical gate raises GateFailed."""
    return _run_ingested(settings, day, ingest_day(settings, day), reports)


def run_days(
    settings: Settings, days: Sequence[date], report_days: Collection[date]
) -> Iterator[DaySummary]:
    """Process days in order, yielding what became of each; drafts are made for `report_days`.

    While one day is built, a process of its own ingests the next one: the ingest waits for nothing
    but the ingest of the days before. The first failure ends the run.
    """
    with _start_helper() as helper:
        ingested: Future[list[IngestResult]] | None = None
        for place, day in enumerate(days):
            if ingested is None:
                results = ingest_day(settings, day)
            else:
                results = ingested.result()
                log_results(results)
            following = days[place + 1 : place + 2]
            ingested = helper.submit(ingest_day, settings, following[0]) if following else None
            yield _run_ingested(settings, day, results, day in report_days)


def _start_helper() -> Executor:
    """Return one process beside this one: both ingest and build keep an interpreter busy."""
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def _run_ingested(
    settings: Settings, day: date, results: list[IngestResult], reports: bool
) -> DaySummary:
    refresh_day(settings, day, pull=False)
    load_reference(settings, day)
    raw = check_day(settings, day, "raw")
    build_day(settings, day, "all")
    marts = check_day(settings, day, "marts")
    snapshot = publish_day(settings, day)
    drafted = draft_day(settings, day) if reports else []
    usage = [result for result in results if result.kind == "usage"]
    summary = DaySummary(
        day=day,
        read_count=sum(result.read_count for result in usage),
        accepted_count=sum(result.accepted_count for result in usage),
        duplicate_count=sum(result.duplicate_count for result in usage),
        quarantined_count=sum(result.quarantined_count for result in usage),
        failed_warning_count=len(raw.failed_warning) + len(marts.failed_warning),
        snapshot_id=snapshot.snapshot_id,
        report_ids=tuple(report.report_id for report in drafted),
    )
    finish_rerun(get_paths(settings), day)
    _LOG.info("day %s is published as %s", day, snapshot.snapshot_id)
    return summary


def rerun_days(settings: Settings, days: tuple[date, ...]) -> Iterator[DaySummary]:
    """Run the days again, the oldest first, and yield what became of each.

    A day that has been ingested but never published is only ingested again: the run that is to
    publish it does the rest. If one fails, it and those after it are taken up the next time.
    """
    paths = get_paths(settings)
    published = paths.ledger / "runs"
    begin_rerun(paths, days)
    for day in days:
        if (published / f"dt={day.isoformat()}.json").exists():
            yield run_day(settings, day, reports=False)
        else:
            ingest_day(settings, day)
            finish_rerun(paths, day)
