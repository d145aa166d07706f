"""The source's clock onto chosen days."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

DAY_SECONDS = 86_400
_RESOLUTION_SECONDS = 1e-6  # a later instant would be rounded into the day after


@dataclass(frozen=True)
class Window:
    """Maps seconds of the source's clock to UTC seconds of `days` days from `first_day`.

    `origin` is the second that falls on the start of the first day, `scale` how much slower time
    passes in the copy (1 keeps every interval).
    """

    first_day: date
    days: int
    origin: float
    scale: float = 1.0

    def place(self, second: float) -> float | None:
        """Return seconds since 1970 of the copy, or None if it falls outside the days."""
        offset = (second - self.origin) * self.scale
        if not 0 <= offset < self.days * DAY_SECONDS - _RESOLUTION_SECONDS:
            return None
        return self.start + offset

    @property
    def start(self) -> float:
        """Seconds since 1970 at the start of the first day."""
        return datetime.combine(self.first_day, time(), tzinfo=UTC).timestamp()

    def is_before(self, second: float) -> bool:
        """Return whether a second of the source lies before the first day."""
        return second < self.origin

    @property
    def end(self) -> float:
        """The second of the source's clock at which the last day ends."""
        return self.origin + self.days * DAY_SECONDS / self.scale


def keep_times(first_day: date, days: int, earliest: float, skip_days: int = 0) -> Window:
    """Return a window that moves whole days, so that the time of day and all intervals stay.

    >>> keep_times(date(2026, 11, 1), 3, earliest=2 * 86_400 + 5.0).origin
    172800
    """
    origin = (math.floor(earliest / DAY_SECONDS) + skip_days) * DAY_SECONDS
    return Window(first_day, days, origin)


def stretch_times(first_day: date, days: int, earliest: float, latest: float) -> Window:
    """Return a window that stretches or shrinks the whole trace to fill the days.

    >>> round(stretch_times(date(2026, 11, 1), 1, 0.0, 3600.0).scale)
    24
    """
    length = max(latest - earliest, 1e-3)
    scale = days * DAY_SECONDS * (1 - 1e-9) / (length * (1 + 1e-9))
    return Window(first_day, days, earliest, scale)
