from __future__ import annotations

from datetime import date, timedelta

import pytest

from stillwatch.evaluation.tables import Activity, Membership
from stillwatch.evaluation.timing import (
    average_over_campaigns,
    find_campaign_flags,
    find_first_flags,
    get_median,
    measure_detection_time,
    measure_exchange_recall,
    sum_by_day,
)

FIRST = date(2026, 11, 1)


def on(number: int) -> date:
    """Return the day of that number, counted from 1."""
    return FIRST + timedelta(days=number - 1)


DAYS = {on(1): 300, on(2): 200, on(3): 1, on(4): 400, on(5): 50}


def test_detection_time__starts_on_the_day_that_passes_500() -> None:
    # 500 by the end of day 2 is not yet past 500; day 3 is.
    found = measure_detection_time("a", DAYS, on(5), watched_until=on(9))
    assert (found.started_on, found.days, found.exchanges) == (on(3), 2, 450)
    assert found.watched_days == 6


@pytest.mark.parametrize("flagged", [1, 3])
def test_detection_time__is_zero_where_the_flag_came_first(flagged: int) -> None:
    found = measure_detection_time("a", DAYS, on(flagged), watched_until=on(9))
    assert (found.days, found.exchanges) == (0, 0)


def test_detection_time__of_a_campaign_that_was_not_found_says_how_long_it_was_watched() -> None:
    found = measure_detection_time("a", DAYS, None, watched_until=on(9))
    assert (found.days, found.exchanges, found.watched_days) == (None, None, 6)


def test_detection_time__of_a_campaign_that_never_passes_500_has_no_start() -> None:
    found = measure_detection_time("a", {on(1): 500}, on(1), watched_until=on(9))
    assert (found.started_on, found.days, found.watched_days) == (None, None, None)
    assert found.flagged_on == on(1)


def test_median__counts_the_missing_as_later_than_all() -> None:
    assert get_median([]) is None
    assert get_median([5, 1, None]) == 5
    assert get_median([1, 2, None, None]) is None


def test_campaign_flags__need_that_days_members_to_be_attackers() -> None:
    truth = {"a1": "A", "a2": "A"}
    rows = [
        *(Membership(on(1), "C1", key) for key in ("a1", "x", "y")),  # one attacker of three
        *(Membership(on(2), "C1", key) for key in ("a1", "a2", "x")),
        *(Membership(on(3), "C1", key) for key in ("a1", "a2", "x")),
    ]
    assert find_campaign_flags(truth, rows) == {"A": on(2)}
    assert find_first_flags(reversed(rows)) == {
        "a1": on(1), "x": on(1), "y": on(1), "a2": on(2)
    }  # fmt: skip


def test_exchange_recall__by_hand() -> None:
    activity = [
        Activity("A", "a1", on(1), 10, 4),  # flagged on day 2: leaked
        Activity("A", "a1", on(2), 20, 5),  # the day of the flag: leaked
        Activity("A", "a1", on(3), 30, 6),
        Activity("A", "a2", on(3), 40, 7),  # never flagged: leaked, but after the campaign's flag
        Activity("B", "b1", on(1), 8, 0),
    ]
    first, second = measure_exchange_recall(activity, {"a1": on(2)}, {"A": on(2)})
    assert (first.exchange_count, first.extraction_count) == (100, 22)
    assert first.recall == pytest.approx(0.6)
    assert first.extraction_recall == pytest.approx(15 / 22)
    assert first.leak == pytest.approx((4 + 5 + 7) / 22)
    assert first.leaked_exchanges == 70
    assert first.leak_before_campaign == pytest.approx(0.3)
    assert (second.recall, second.leak_before_campaign) == (0.0, 1.0)
    assert (second.extraction_recall, second.leak) == (None, None)


def test_average_over_campaigns__weighs_campaigns_the_same_and_skips_the_undefined() -> None:
    found = average_over_campaigns([0.0, 1.0, None])
    assert found.value == 0.5
    assert (found.low, found.high) == (0.0, 1.0)
    assert "2 campaigns" in found.method


def test_sum_by_day__adds_the_accounts_of_a_campaign() -> None:
    rows = [Activity("A", "x", on(1), 3, 0), Activity("A", "y", on(1), 4, 0)]
    assert sum_by_day(rows) == {"A": {on(1): 7}}
