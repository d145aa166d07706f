"""Waits between attempts: they double, spread, and never pass the limit."""

from datetime import UTC, datetime

import pytest

from stillwatch.feeds.waits import PullLimits, get_backoff, parse_retry_after

NOW = datetime(2026, 8, 1, tzinfo=UTC)


def test_get_backoff__doubles_within_its_spread_up_to_the_limit():
    limits = PullLimits(first_wait_seconds=2, longest_wait_seconds=60)
    waits = [get_backoff("https://lists.example.com/x", attempt, limits) for attempt in range(1, 9)]
    for wait, base in zip(waits, (2, 4, 8, 16), strict=False):
        assert base <= wait <= 2 * base
    assert waits[-1] == 60


def test_get_backoff__machines_and_feeds_do_not_knock_in_step():
    seeds = [f"host-{n} https://lists.example.com/x" for n in range(50)]
    waits = {get_backoff(seed, 1, PullLimits()) for seed in seeds}
    assert len(waits) == 50
    assert max(waits) - min(waits) > 1


@pytest.mark.fault(36)
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        (" 90 ", 90),
        ("1" * 400, 111_111_111_111),
        ("Sat, 01 Aug 2026 00:02:00 GMT", 120),
        ("Sat, 01 Aug 2026 02:02:00 +0200", 120),
        ("Fri, 31 Jul 2026 00:00:00 GMT", 0),
        ("-1", None),
        ("1e9", None),
        ("", None),
        ("Sat, 01 Aug 99999 00:00:00 GMT", None),
        ("٣", None),
        (None, None),
    ],
)
def test_parse_retry_after__reads_seconds_and_dates_and_nothing_else(text, seconds):
    assert parse_retry_after(text, NOW) == seconds
