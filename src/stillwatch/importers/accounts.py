"""Accounts for traces that name none, and the registry that every import needs."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from statistics import NormalDist

import orjson

from stillwatch.importers.model import FieldNote, Origin, draw_share

# How far the mean rates of ServeGen's clients spread: standard deviation of ln(rate), as fitted in
# worlds/traces.yml (client_rate_sigma).
RATE_SIGMA = 2.19

_YOUNG_RATIO = 0.25
_YOUNG_DAYS = 30.0
_OLDEST_DAYS = 1000.0

REGISTRY_NOTES = (
    FieldNote("account_id", Origin.DERIVED, "as in the exchanges"),
    FieldNote(
        "created_at",
        Origin.INVENTED,
        "a quarter of the accounts within 30 days before the first day, the others up to 1,000 "
        "days before it, evenly in ln(days)",
    ),
    FieldNote("status", Origin.INVENTED, "`active`"),
)


class AccountPool:
    """A fixed number of made-up accounts, some of them much busier than others."""

    def __init__(self, prefix: str, count: int, seed: int) -> None:
        self._prefix, self._seed = prefix, seed
        normal = NormalDist(sigma=RATE_SIGMA)
        ranks = (
            min(max(draw_share(seed, prefix, "rate", n), 1e-9), 1 - 1e-9) for n in range(count)
        )
        weights = [2.718281828459045 ** normal.inv_cdf(rank) for rank in ranks]
        self._bounds = list(itertools.accumulate(weights))

    def pick(self, key: str) -> str:
        """Return the account of a session or request; the same key always has the same one."""
        point = draw_share(self._seed, self._prefix, "owner", key) * self._bounds[-1]
        number = min(bisect.bisect_right(self._bounds, point), len(self._bounds) - 1)
        return f"{self._prefix}-{number:05d}"


def render_registry(accounts: Iterable[str], first_day: date, seed: int) -> Iterable[bytes]:
    """Yield the registry lines of the accounts in order of id; they are the same on every day."""
    start = datetime.combine(first_day, time(), tzinfo=UTC)
    for account in sorted(accounts):
        days = _draw_age(seed, account)
        created_at = start - timedelta(seconds=round(days * 86400))
        row = {
            "account_id": account,
            "created_at": created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "status": "active",
        }
        yield orjson.dumps(row)


def _draw_age(seed: int, account: str) -> float:
    share = draw_share(seed, account, "age")
    if draw_share(seed, account, "young") < _YOUNG_RATIO:
        return 0.1 + share * (_YOUNG_DAYS - 0.1)
    return float(_YOUNG_DAYS * (_OLDEST_DAYS / _YOUNG_DAYS) ** share)
