"""The days of a fast world in the build database: facts of every day, judgement on the last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from stillwatch.evaluation.fast_ingest import FastIngest
from stillwatch.feeds.refresh import refresh_day
from stillwatch.log import track
from stillwatch.policy.reference import load_reference
from stillwatch.settings import Settings
from stillwatch.sources.ingest import ingest_day
from stillwatch.transform.build import build_day
from stillwatch.transform.facts import build_facts


def process_fast(settings: Settings, folder: Path, scratch: Path, days: Sequence[date]) -> None:
    """Bring the days of a fast world into the build database and judge the last one.

    The account registry goes through the ordinary ingest. Each day's exchanges become canonical
    rows and are let go once dbt has built the facts of the day; the last day is built like any
    other, tests included. Nothing is published: there are no deliveries that a gate could check.
    """
    last = days[-1]
    ingest_day(settings, last)
    ingest = FastIngest(settings, folder, scratch)
    for day in track(days, "facts", total=len(days)):
        refresh_day(settings, day, pull=False)
        load_reference(settings, day)
        ingest.ingest_day(day)
        if day != last:
            build_facts(settings, day)
            ingest.forget_day(day)
    build_day(settings, last)
