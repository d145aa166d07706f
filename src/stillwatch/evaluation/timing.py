"""When campaigns are found and what they took before: days, exchanges, leak, exchange recall."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from stillwatch.evaluation.grouping import match_campaigns
from stillwatch.evaluation.intervals import Estimate, bootstrap_mean
from stillwatch.evaluation.tables import Activity, Membership, get_partition

START_EXCHANGES = 500  # the clock of a campaign starts on the day on which it passes this number


@dataclass(frozen=True)
class DetectionTime:
    """How long a campaign ran, after it had passed 500 exchanges, until it was first flagged.

    A day is flagged at its end, so its own exchanges count as gone. Both are zero where the flag
    came first. Null days: not found (`watched_days` says for how long), or never that large.
    """

    campaign: str
    started_on: date | None
    flagged_on: date | None
    days: int | None
    exchanges: int | None
    watched_days: int | None


@dataclass(frozen=True)
class ExchangeRecall:
    """What part of a campaign's exchanges was tied to it, and what part had gone by then.

    `found` are exchanges of accounts that are flagged by the end. `leaked` had been made by the end
    of the day on which their own account was first flagged (all, if it never was);
    `leaked_before_campaign` by the end of the campaign's first flagged day, whoever made them.
    """

    campaign: str
    exchange_count: int
    extraction_count: int
    found_exchanges: int
    found_extractions: int
    leaked_exchanges: int
    leaked_extractions: int
    leaked_before_campaign: int

    @property
    def recall(self) -> float | None:
        """Share of the exchanges that flagged accounts made."""
        return self.found_exchanges / self.exchange_count if self.exchange_count else None

    @property
    def extraction_recall(self) -> float | None:
        """Share of the extraction exchanges that flagged accounts made."""
        return self.found_extractions / self.extraction_count if self.extraction_count else None

    @property
    def leak(self) -> float | None:
        """Share of the extraction exchanges made before their account was flagged."""
        return self.leaked_extractions / self.extraction_count if self.extraction_count else None

    @property
    def leak_before_campaign(self) -> float | None:
        """Share of the exchanges made before the campaign was first flagged."""
        return self.leaked_before_campaign / self.exchange_count if self.exchange_count else None


def find_first_flags(memberships: Iterable[Membership]) -> dict[str, date]:
    """Return the first day on which each account was in a detected campaign."""
    first: dict[str, date] = {}
    for row in memberships:
        if row.account_key not in first or row.as_of_date < first[row.account_key]:
            first[row.account_key] = row.as_of_date
    return first


def find_campaign_flags(
    truth: Mapping[str, str], memberships: Sequence[Membership]
) -> dict[str, date]:
    """Return the first day on which a detected campaign stood for each true one.

    Each day is judged by that day's own members: a campaign that begins with benign accounts and
    later fills with attackers has not found them before it is mostly theirs.
    """
    by_day: dict[date, list[Membership]] = defaultdict(list)
    for row in memberships:
        by_day[row.as_of_date].append(row)
    flags: dict[str, date] = {}
    for day in sorted(by_day):
        for match in match_campaigns(truth, get_partition(by_day[day])):
            if match.campaign is not None:
                flags.setdefault(match.campaign, day)
    return flags


def measure_detection_time(
    campaign: str,
    exchanges_by_day: Mapping[date, int],
    flagged_on: date | None,
    watched_until: date,
) -> DetectionTime:
    """Return the time from the day on which a campaign passes 500 exchanges to its first flag."""
    total, started_on = 0, None
    for day in sorted(exchanges_by_day):
        total += exchanges_by_day[day]
        if total > START_EXCHANGES:
            started_on = day
            break
    if started_on is None:
        return DetectionTime(campaign, None, flagged_on, None, None, None)
    watched = (watched_until - started_on).days
    if flagged_on is None:
        return DetectionTime(campaign, started_on, None, None, None, watched)
    if flagged_on <= started_on:
        return DetectionTime(campaign, started_on, flagged_on, 0, 0, watched)
    gone = sum(n for day, n in exchanges_by_day.items() if started_on < day <= flagged_on)
    days = (flagged_on - started_on).days
    return DetectionTime(campaign, started_on, flagged_on, days, gone, watched)


def get_median(values: Iterable[float | None]) -> float | None:
    """Return the median with null as "later than all others"; null where it falls on such a one.

    >>> get_median([1, None, 3]), get_median([1, None, None]), get_median([2, 4])
    (3, None, 3.0)
    """
    ranked = sorted(math.inf if value is None else value for value in values)
    if not ranked:
        return None
    middle = len(ranked) // 2
    median = ranked[middle] if len(ranked) % 2 else (ranked[middle - 1] + ranked[middle]) / 2
    return None if math.isinf(median) else median


def measure_exchange_recall(
    activity: Iterable[Activity],
    first_flags: Mapping[str, date],
    campaign_flags: Mapping[str, date],
) -> tuple[ExchangeRecall, ...]:
    """Return found and leaked exchanges of each true campaign, by name."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0] * 7)
    for row in activity:
        count = counts[row.campaign]
        flagged_on = first_flags.get(row.account_key)
        campaign_flag = campaign_flags.get(row.campaign)
        count[0] += row.exchange_count
        count[1] += row.extraction_count
        if flagged_on is not None:
            count[2] += row.exchange_count
            count[3] += row.extraction_count
        if flagged_on is None or row.day <= flagged_on:
            count[4] += row.exchange_count
            count[5] += row.extraction_count
        if campaign_flag is None or row.day <= campaign_flag:
            count[6] += row.exchange_count
    return tuple(ExchangeRecall(name, *count) for name, count in sorted(counts.items()))


def average_over_campaigns(values: Iterable[float | None], seed: int = 0) -> Estimate:
    """Return the mean over campaigns, each weighing the same, with an interval by campaign."""
    return bootstrap_mean([value for value in values if value is not None], "campaigns", seed)


def sum_by_day(activity: Iterable[Activity]) -> dict[str, dict[date, int]]:
    """Return each campaign's exchanges by day."""
    days: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for row in activity:
        days[row.campaign][row.day] += row.exchange_count
    return {campaign: dict(counts) for campaign, counts in days.items()}
