"""The folder of a delivery day, as its source names it: `dt=2026-11-02`, or `2026/11/02`."""

from __future__ import annotations

import posixpath
from datetime import UTC, date, datetime

from stillwatch.landing.storage import Landing

DAY_FOLDER = "dt=%Y-%m-%d"
DAY_FOLDER_PATTERN = r"[A-Za-z0-9_=-]*%Y[A-Za-z0-9_=/-]*%m[A-Za-z0-9_=/-]*%d"


def write_day_folder(location: str, day_folder: str, day: date) -> str:
    """Return the folder of a day below a location, which is empty for the landing root itself.

    >>> write_day_folder("s3://logs/eu-west-1", "%Y/%m/%d", date(2026, 11, 2))
    's3://logs/eu-west-1/2026/11/02'
    """
    return posixpath.join(location, day.strftime(day_folder))


def list_days(landing: Landing, location: str, day_folder: str) -> list[date]:
    """Return the days of which a folder is there, in order."""
    steps = day_folder.split("/")
    found = [""]
    for depth in range(1, len(steps) + 1):
        pattern = "/".join(steps[:depth])
        found = [
            path
            for parent in found
            for name in landing.list_folders(posixpath.join(location, parent).rstrip("/"))
            if _parse(path := posixpath.join(parent, name), pattern) is not None
        ]
    return sorted(day for path in found if (day := _parse(path, day_folder)) is not None)


def _parse(path: str, pattern: str) -> date | None:
    try:
        day = datetime.strptime(path, pattern).replace(tzinfo=UTC).date()
    except ValueError:
        return None
    return day if day.strftime(pattern) == path else None  # `%d` would also read `2`
