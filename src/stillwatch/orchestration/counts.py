"""From the results of package functions to the few numbers that travel between tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_LINE_COUNTS = ("read_count", "accepted_count", "duplicate_count", "quarantined_count")


def count_lines(results: Iterable[Any]) -> dict[str, int]:
    """Return the summed line counts of a source's ingest results (usage and accounts)."""
    return add_counts({name: getattr(result, name) for name in _LINE_COUNTS} for result in results)


def count_feed(result: Any) -> dict[str, int]:
    """Return how many entries of one feed are in use, and whether its version is the newest."""
    return {
        "feed_count": 1,
        "current_feed_count": int(result.state == "current"),
        "used_entry_count": result.used_count,
    }


def add_counts(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the sum per name.

    >>> add_counts([{"read_count": 2}, {"read_count": 3}])
    {'read_count': 5}
    """
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)


def count_gate(outcome: Any) -> dict[str, int]:
    """Return how many checks a passed gate made, and how many of them gave a warning."""
    return {
        "check_count": len(outcome.rows),
        "failed_warning_count": len(outcome.failed_warning),
    }


def count_rerun(rerun: Any, summaries: Sequence[Any]) -> dict[str, int]:
    """Return how many files had changed, on how many days, and what was done about them."""
    return {
        "late_file_count": sum(late.file_count for late in rerun.late),
        "too_late_file_count": sum(late.file_count for late in rerun.too_late),
        "rerun_day_count": len(rerun.days),
        "published_day_count": len(summaries),
    }
