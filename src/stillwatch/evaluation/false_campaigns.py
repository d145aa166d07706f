"""Detected campaigns that are none: whom each of them accuses."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stillwatch.evaluation.grouping import CampaignMatch


@dataclass(frozen=True)
class FalseCampaign:
    """A detected campaign that is none; `cohorts` says where its accounts come from, most first."""

    campaign_id: str
    account_count: int
    cohorts: tuple[tuple[str, int], ...]


def list_false_campaigns(
    matches: Sequence[CampaignMatch], detected: Mapping[str, str], cohort_of: Mapping[str, str]
) -> tuple[FalseCampaign, ...]:
    """Return the false ones among detected campaigns, by id.

    `detected` maps accounts to campaigns, `cohort_of` to cohorts; an account that is in none of the
    cohorts counts as unknown.
    """
    members: dict[str, Counter[str]] = defaultdict(Counter)
    for account_key, campaign_id in detected.items():
        members[campaign_id][cohort_of.get(account_key, "unknown")] += 1
    return tuple(
        FalseCampaign(
            match.campaign_id,
            match.account_count,
            tuple(sorted(members[match.campaign_id].items(), key=lambda item: (-item[1], item[0]))),
        )
        for match in matches
        if match.is_false
    )
