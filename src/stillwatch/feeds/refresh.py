"""Brings a feed to the state of a day: pull, judge, and note in the ledger what is in use.

Point in time: a day only knows the versions that had landed by its end. The same landing folders
and config give the same files, however often and in which order the days are run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.errors import ConfigError
from stillwatch.feeds.pull import PullOutcome, pull_feed, read_last_outcome
from stillwatch.feeds.registry import Feed, find_feeds
from stillwatch.feeds.tables import INDICATORS_FILE, LISTED_PARTIES_FILE
from stillwatch.feeds.versions import FeedVersions, Verdict
from stillwatch.log import get_logger
from stillwatch.runs import end_of_day, get_paths, utc_now, write_json
from stillwatch.settings import Settings

_LOG = get_logger(__name__)


@dataclass(frozen=True)
class FeedResult:
    """A feed as it stands on a day; `to_json` is its line in the ledger."""

    feed_id: str
    kind: str
    run_date: date
    version: str | None
    pulled_at: datetime | None
    state: str  # current | last_good | missing
    entry_count: int
    used_count: int
    refused_count: int
    refused_by_reason: dict[str, int]
    refused_versions: tuple[tuple[str, str, str], ...]  # version, reason, detail
    marking: str
    licence: str | None
    permitted_use: str
    source_reliability: str
    labels: tuple[str, ...]
    pull: PullOutcome | None

    @property
    def age_days(self) -> float | None:
        """Days from the pull in use to the end of the run day."""
        if self.pulled_at is None:
            return None
        return (end_of_day(self.run_date) - self.pulled_at) / timedelta(days=1)

    def to_json(self) -> dict[str, Any]:
        """Return the ledger's record."""
        return {
            "feed_id": self.feed_id,
            "kind": self.kind,
            "run_date": self.run_date.isoformat(),
            "version": self.version,
            "pulled_at": self.pulled_at.isoformat() if self.pulled_at else None,
            "state": self.state,
            "entry_count": self.entry_count,
            "used_count": self.used_count,
            "refused_count": self.refused_count,
            "refused_by_reason": self.refused_by_reason,
            "refused_versions": [
                {"version": version, "reason": reason, "detail": detail}
                for version, reason, detail in self.refused_versions
            ],
            "marking": self.marking,
            "licence": self.licence,
            "permitted_use": self.permitted_use,
            "source_reliability": self.source_reliability,
            "labels": list(self.labels),
            "last_pull": self.pull.to_json() if self.pull else None,
        }


def refresh_feed(
    settings: Settings, feed_id: str, day: date, pull: bool, at: datetime | None = None
) -> FeedResult:
    """Bring one feed to the state of `day` and write its ledger record.

    With `pull`, the source is asked first; what it answers is landed under the instant `at`
    (default: now) and counts for `day` only if that instant lies before the day's end.
    """
    feeds = find_feeds(settings)
    chosen = [feed for feed in feeds if feed.id == feed_id]
    if not chosen:
        known = ", ".join(feed.id for feed in feeds) or "none"
        raise ConfigError(f"no feed {feed_id!r} in {settings.config / 'feeds.yml'}: have {known}")
    return _refresh(settings, feeds, chosen, day, pull, at)[0]


def refresh_day(
    settings: Settings, day: date, pull: bool, at: datetime | None = None
) -> list[FeedResult]:
    """Bring every feed to the state of `day`; protected lists are pulled before the others."""
    feeds = find_feeds(settings)
    return _refresh(settings, feeds, feeds, day, pull, at)


def _refresh(
    settings: Settings,
    feeds: Sequence[Feed],
    chosen: Sequence[Feed],
    day: date,
    pull: bool,
    at: datetime | None,
) -> list[FeedResult]:
    if pull:
        for feed in sorted(chosen, key=lambda feed: (not feed.is_protected_list, feed.id)):
            pull_feed(settings, feed, at or utc_now())
    versions = FeedVersions(settings, feeds, day)
    ledger = get_paths(settings).ledger / "feeds" / f"dt={day.isoformat()}"
    results = []
    for feed in chosen:
        result = _describe(settings, feed, day, versions)
        write_json(ledger / f"{feed.id}.json", result.to_json())
        _LOG.info(
            "feed %s on %s: %s, version %s, %d entries, %d used, %d refused",
            *(feed.id, day, result.state, result.version),
            *(result.entry_count, result.used_count, result.refused_count),
        )
        results.append(result)
    return results


def _describe(settings: Settings, feed: Feed, day: date, versions: FeedVersions) -> FeedResult:
    in_use, refused = versions.find_in_use(feed)
    last_pull = read_last_outcome(settings, feed.id)
    if last_pull is not None and last_pull.asked_at >= end_of_day(day):
        last_pull = None  # the day cannot know of it
    used, reasons = 0, {}
    if in_use is not None:
        used, reasons = in_use.used_count, dict(in_use.refused_by_reason)
        if not feed.kind.is_lookup:
            name = LISTED_PARTIES_FILE if feed.kind.is_party_list else INDICATORS_FILE
            used = _split_by_validity(in_use, name, day, versions, reasons)
    return FeedResult(
        feed_id=feed.id,
        kind=str(feed.kind),
        run_date=day,
        version=in_use.version if in_use else None,
        pulled_at=in_use.known_instant if in_use else None,
        state=_get_state(in_use, refused, last_pull),
        entry_count=in_use.entry_count if in_use else 0,
        used_count=used,
        refused_count=sum(reasons.values()),
        refused_by_reason=dict(sorted(reasons.items())),
        refused_versions=tuple(
            (item.version, item.reason or "", item.detail or "") for item in refused
        ),
        marking=str(feed.marking),
        licence=feed.licence,
        permitted_use=feed.effective_use,
        source_reliability=feed.source_reliability,
        labels=feed.labels,
        pull=last_pull,
    )


def _get_state(
    in_use: Verdict | None, refused: Sequence[Verdict], last_pull: PullOutcome | None
) -> str:
    if in_use is None:
        return "missing"
    if any(item.known_instant > in_use.known_instant for item in refused):
        return "last_good"
    has_failed = last_pull is not None and last_pull.has_failed
    if has_failed and last_pull is not None and last_pull.asked_at > in_use.known_instant:
        return "last_good"
    return "current"


def _split_by_validity(
    verdict: Verdict, name: str, day: date, versions: FeedVersions, reasons: dict[str, int]
) -> int:
    """Return how many rows of a file count on the day; move the others to the refused reasons."""
    path = versions.get_folder(verdict.feed_id, verdict.version) / name
    table = pq.read_table(path, columns=["valid_from", "valid_until"])
    start = datetime.combine(day, time(), tzinfo=UTC)
    expired = pc.fill_null(pc.less_equal(table["valid_until"], start), False)
    upcoming = pc.fill_null(pc.greater_equal(table["valid_from"], end_of_day(day)), False)
    expired_count = pc.sum(expired).as_py() or 0
    upcoming_count = pc.sum(pc.and_not(upcoming, expired)).as_py() or 0
    for reason, count in (("expired", expired_count), ("not_yet_valid", upcoming_count)):
        if count:
            reasons[reason] = reasons.get(reason, 0) + count
    return int(table.num_rows - expired_count - upcoming_count)
