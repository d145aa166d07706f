"""The check on the feeds that have landed: can each be used?"""

from __future__ import annotations

from collections.abc import Collection

from stillwatch.quality.results import CheckRow
from stillwatch.quality.suites import Severity


def check_landed_feeds(used: Collection[str], unused: Collection[str]) -> CheckRow:
    """Return the warning on landed feeds without a usable entry; ids of feeds go in."""
    listed = ", ".join(sorted(unused))
    return CheckRow(
        suite="feeds",
        expectation="landed_feeds_are_usable",
        column_name=None,
        severity=Severity.WARNING,
        success=not unused,
        observed=f"{len(unused)} landed feeds are not used" + (f": {listed}" if unused else ""),
        bound="0; `stillwatch doctor` says what is wrong with each",
        evaluated_row_count=len(used) + len(unused),
        unexpected_count=len(unused),
        confidence_effect=f"what {listed} would say is missing" if unused else None,
    )
