"""Whether a delivery day is over, and what kind of delivery it was.

A day closes by the marker of its source, or a number of hours after midnight UTC. A source without
a rule has no open days: its files are taken as they lie. A day without files is missing; one whose
files hold no rows, or whose platform declares that there was no traffic, is empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from stillwatch.landing.storage import LandedFile, Landing
from stillwatch.runs import end_of_day, utc_now
from stillwatch.settings import Settings
from stillwatch.sources.registry import Source, find_sources, open_source

KINDS = ("usage", "accounts")
_HOURS_WITHOUT_MARKER = 24.0  # a marker that never comes must not keep a day open for ever


class DeliveryState(StrEnum):
    """How a delivery stands; the values are those of `rpt_ingestion.delivery_state`."""

    COMPLETE = "complete"
    EMPTY = "empty"
    MISSING = "missing"
    OPEN = "open"
    REFUSED = "refused"


class Absence(StrEnum):
    """What it means that a source delivers nothing on a day."""

    FAULT = "fault"  # its entry promises a delivery every day: the line stops
    UNUSUAL = "unusual"  # only found in landing: a warning
    ALLOWED = "allowed"  # `may_be_absent`


@dataclass(frozen=True)
class Delivery:
    """What lies in landing for one kind, source and day, at one instant."""

    files: tuple[LandedFile, ...]
    unread: tuple[str, ...]  # folders beside the files: nothing in them is read
    is_closed: bool
    has_marker: bool
    has_no_traffic: bool


@dataclass(frozen=True)
class OpenDelivery:
    """A delivery that is not over yet, and when it will be at the latest."""

    source_id: str
    kind: str
    day: date
    closes_at: datetime
    marker: str | None

    def describe(self) -> str:
        """Return source, kind, day and what closes it."""
        until = f"{self.closes_at:%Y-%m-%d %H:%M} UTC"
        closing = f"{self.marker} lands, at the latest {until}" if self.marker else until
        return f"{self.kind} of {self.source_id} for {self.day} is open until {closing}"


def look(
    landing: Landing, source: Source, kind: str, day: date, now: datetime | None = None
) -> Delivery:
    """Return what lies in landing for the day; `now` is the present instant if left out."""
    folder = landing.read_folder(source.get_folder(kind, day))
    has_marker = source.marker is not None and source.marker in folder.markers
    has_no_traffic = source.no_traffic_marker in folder.markers
    closes_at = get_closing(source, day)
    return Delivery(
        files=folder.files,
        unread=folder.unread,
        is_closed=(
            closes_at is None or has_marker or has_no_traffic or (now or utc_now()) >= closes_at
        ),
        has_marker=has_marker,
        has_no_traffic=has_no_traffic,
    )


def get_closing(source: Source, day: date) -> datetime | None:
    """Return when the day is over whatever has landed, or None if the source has no rule."""
    hours = source.complete_after_hours
    if hours is None:
        if source.marker is None:
            return None
        hours = _HOURS_WITHOUT_MARKER
    return end_of_day(day) + timedelta(hours=hours)


def judge(delivery: Delivery, read_count: int, refused_count: int) -> DeliveryState:
    """Return the state of a delivery, from what lies there and what could be read of it."""
    if not delivery.is_closed:
        return DeliveryState.OPEN
    if not delivery.files:
        declared = delivery.has_no_traffic or delivery.has_marker
        return DeliveryState.EMPTY if declared else DeliveryState.MISSING
    if refused_count == len(delivery.files):
        return DeliveryState.REFUSED
    return DeliveryState.COMPLETE if read_count else DeliveryState.EMPTY


def get_absence(source: Source, kind: str) -> Absence:
    """Return what it means if the source delivers nothing of that kind on a day."""
    if source.may_be_absent:
        return Absence.ALLOWED
    return Absence.FAULT if kind in source.required_kinds else Absence.UNUSUAL


def find_open(
    settings: Settings, days: Iterable[date], now: datetime | None = None
) -> list[OpenDelivery]:
    """Return the deliveries of the days that are not over yet, in the order of the days.

    Only those count that a source is bound to make: a registry that never comes does not hold up
    the usage logs. No store is asked about a day that is over by the clock.
    """
    now = now or utc_now()
    found = []
    sources = find_sources(settings)
    for day in days:
        for source in sources:
            closes_at = get_closing(source, day)
            if closes_at is None or now >= closes_at:
                continue
            for kind in sorted(source.required_kinds or {"usage"}):
                landing = open_source(settings, source, kind)
                if not look(landing, source, kind, day, now).is_closed:
                    found.append(
                        OpenDelivery(source.source_id, kind, day, closes_at, source.marker)
                    )
    return found
