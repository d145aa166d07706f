"""How long a pull waits before it asks again, and when it leaves the server alone."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True)
class PullLimits:
    """How long and how much a pull may take."""

    connect_seconds: float = 10
    read_seconds: float = 30
    deadline_seconds: float = 180  # of one attempt as a whole: a slow drip ends here
    total_seconds: float = 900  # of a pull with all its requests, attempts and waits
    max_bytes: int = 128 * 1024 * 1024
    attempts: int = 4
    first_wait_seconds: float = 2
    longest_wait_seconds: float = 60  # a server that asks for more is left for a later run
    longest_deferral_seconds: float = 20 * 3600  # so that a daily run asks again on the next day
    max_redirects: int = 5


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds of a Retry-After header (a number or an HTTP date), None if unusable.

    >>> parse_retry_after("120", datetime(2026, 1, 1, tzinfo=UTC))
    120.0
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        instant = parsedate_to_datetime(text)
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=UTC)
        return max(0.0, (instant - now).total_seconds())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def get_backoff(seed: str, attempt: int, limits: PullLimits) -> float:
    """Return the seconds to wait after a failed attempt: doubling, with a spread.

    The spread is taken from the seed (machine and URL): neither the feeds of one run nor the
    deployments that read one feed knock in step, and the same pull waits as long each time.
    """
    spread = 1 + zlib.crc32(f"{seed} {attempt}".encode()) / 2**32
    wait: float = limits.first_wait_seconds * 2 ** (attempt - 1) * spread
    return min(wait, limits.longest_wait_seconds)
