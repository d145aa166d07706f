"""The methods of the score table by slug, and what each says about one world."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stillwatch.errors import ConfigError, StillwatchError
from stillwatch.evaluation.competitors.protocol import Competitor, WorldTables
from stillwatch.evaluation.competitors.registry import list_competitors

LEDGER = "stillwatch"
OWN_EVIDENCE = "account evidence alone"
BOOSTING = "gradient boosting"
ALL = "all"


@dataclass(frozen=True)
class CompetitorRun:
    """Scores of a competitor on one world, or why there are none; with the time that it took."""

    method: str
    scores: Mapping[str, float] | None
    reason: str | None
    seconds: float


def write_slug(name: str) -> str:
    """Return a name as it is written on the command line.

    >>> write_slug("ECOD/COPOD"), write_slug("JA4 only")
    ('ecod-copod', 'ja4-only')
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def list_slugs() -> list[str]:
    """Return the slugs of all competitors."""
    return [write_slug(each.name) for each in list_competitors()] + [write_slug(BOOSTING)]


def choose_methods(slugs: Sequence[str]) -> frozenset[str]:
    """Return the chosen slugs; `all` and `none` stand for what they say."""
    known = list_slugs()
    wrong = [slug for slug in slugs if slug not in (*known, ALL, "none")]
    if wrong:
        raise ConfigError(f"no method {', '.join(wrong)}: give all, none or {', '.join(known)}")
    return frozenset(known if ALL in slugs else [slug for slug in slugs if slug != "none"])


def run_competitors(
    tables: WorldTables, chosen: frozenset[str], seed: int
) -> tuple[CompetitorRun, ...]:
    """Return what every chosen competitor that learns nothing says, in the order of the table."""
    return tuple(
        _run(each, tables) for each in list_competitors(seed) if write_slug(each.name) in chosen
    )


def _run(competitor: Competitor, tables: WorldTables) -> CompetitorRun:
    began = time.monotonic()
    try:
        scores = competitor.score(tables).scores
    except StillwatchError as error:
        # A missing package, or a world that the method cannot be run on: a row, not a failure.
        return CompetitorRun(competitor.name, None, str(error), time.monotonic() - began)
    return CompetitorRun(competitor.name, scores, None, time.monotonic() - began)
