"""How well detected campaigns agree with true ones: B³, pairs, purity, coverage, fragments."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from stillwatch.evaluation.intervals import Estimate, estimate_rate, estimate_ratio

FEWEST_ATTACKERS = 0.5  # a detected campaign with a smaller share of attackers is a false one
DAYS_PER_MONTH = 365.2425 / 12


@dataclass(frozen=True)
class Agreement:
    """Agreement of two groupings over all accounts that are in a group of either.

    An account in no group is a group of its own, on both sides: a missed attacker therefore costs
    B³ recall, not precision, and an accused benign account costs precision.
    """

    account_count: int
    b3_precision: float | None
    b3_recall: float | None
    b3_f1: float | None
    pair_precision: float | None
    pair_recall: float | None
    pair_f1: float | None


@dataclass(frozen=True)
class CampaignMatch:
    """A detected campaign and the true one that most of its attackers belong to, if any."""

    campaign_id: str
    account_count: int
    attacker_count: int
    campaign: str | None
    shared_count: int

    @property
    def purity(self) -> float:
        """Share of its accounts that belong to the matched campaign."""
        return self.shared_count / self.account_count

    @property
    def is_false(self) -> bool:
        """Whether fewer than half of its accounts are attackers."""
        return self.attacker_count < FEWEST_ATTACKERS * self.account_count


@dataclass(frozen=True)
class CampaignCoverage:
    """How much of a true campaign was found, and in how many pieces."""

    campaign: str
    account_count: int
    found_count: int
    fragment_count: int

    @property
    def is_found(self) -> bool:
        """Whether any detected campaign is matched to it."""
        return self.fragment_count > 0

    @property
    def coverage(self) -> float:
        """Share of its accounts in the detected campaigns matched to it."""
        return self.found_count / self.account_count


def compare_groupings(truth: Mapping[str, str], detected: Mapping[str, str]) -> Agreement:
    """Return the agreement of true and detected groups, from account to group."""
    keys = truth.keys() | detected.keys()
    classes, clusters = Counter(truth.values()), Counter(detected.values())
    cells = Counter((truth[key], detected[key]) for key in keys if key in truth and key in detected)
    # An account that is alone on either side shares only itself with the other.
    lonely_precision = sum(
        1 / (clusters[detected[key]] if key in detected else 1)
        for key in keys
        if not (key in truth and key in detected)
    )
    lonely_recall = sum(
        1 / (classes[truth[key]] if key in truth else 1)
        for key in keys
        if not (key in truth and key in detected)
    )
    total = len(keys)
    precision = recall = None
    if total:
        shared_precision = sum(n * n / clusters[cluster] for (_, cluster), n in cells.items())
        shared_recall = sum(n * n / classes[name] for (name, _), n in cells.items())
        precision = (shared_precision + lonely_precision) / total
        recall = (shared_recall + lonely_recall) / total
    shared_pairs = sum(_count_pairs(n) for n in cells.values())
    detected_pairs = sum(_count_pairs(n) for n in clusters.values())
    true_pairs = sum(_count_pairs(n) for n in classes.values())
    pair_precision = shared_pairs / detected_pairs if detected_pairs else None
    pair_recall = shared_pairs / true_pairs if true_pairs else None
    return Agreement(
        account_count=total,
        b3_precision=precision,
        b3_recall=recall,
        b3_f1=get_f1(precision, recall),
        pair_precision=pair_precision,
        pair_recall=pair_recall,
        pair_f1=get_f1(pair_precision, pair_recall),
    )


def get_f1(precision: float | None, recall: float | None) -> float | None:
    """Return the harmonic mean, or null where one of the two is unknown."""
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def match_campaigns(
    truth: Mapping[str, str], detected: Mapping[str, str]
) -> tuple[CampaignMatch, ...]:
    """Return each detected campaign with the true one it stands for, by id.

    It stands for none where fewer than half of its accounts are attackers; else for the one with
    most of its accounts (the smaller name where two have as many).
    """
    members: dict[str, list[str]] = defaultdict(list)
    for account_key, campaign_id in detected.items():
        members[campaign_id].append(account_key)
    matches = []
    for campaign_id, accounts in sorted(members.items()):
        names = Counter(truth[key] for key in accounts if key in truth)
        attackers = sum(names.values())
        best, shared = min(names.items(), key=lambda item: (-item[1], item[0]), default=(None, 0))
        if attackers < FEWEST_ATTACKERS * len(accounts):
            best, shared = None, 0
        matches.append(CampaignMatch(campaign_id, len(accounts), attackers, best, shared))
    return tuple(matches)


def cover_campaigns(
    truth: Mapping[str, str], matches: tuple[CampaignMatch, ...]
) -> tuple[CampaignCoverage, ...]:
    """Return what was found of each true campaign, by name."""
    return tuple(
        CampaignCoverage(
            campaign=name,
            account_count=count,
            found_count=sum(match.shared_count for match in matches if match.campaign == name),
            fragment_count=sum(match.campaign == name for match in matches),
        )
        for name, count in sorted(Counter(truth.values()).items())
    )


def measure_purity(matches: tuple[CampaignMatch, ...]) -> float | None:
    """Return the share of all detected members that belong to the campaign they stand for."""
    total = sum(match.account_count for match in matches)
    return sum(match.shared_count for match in matches) / total if total else None


def measure_coverage(coverages: tuple[CampaignCoverage, ...]) -> float | None:
    """Return the share of all attackers that are in a detected campaign matched to theirs."""
    total = sum(each.account_count for each in coverages)
    return sum(each.found_count for each in coverages) / total if total else None


def measure_found(coverages: tuple[CampaignCoverage, ...]) -> Estimate:
    """Return the share of true campaigns that were found, with the exact interval."""
    return estimate_ratio(sum(each.is_found for each in coverages), len(coverages))


def measure_fragments(coverages: tuple[CampaignCoverage, ...]) -> float | None:
    """Return the mean number of detected campaigns per found campaign (1 is right)."""
    found = [each.fragment_count for each in coverages if each.is_found]
    return sum(found) / len(found) if found else None


def count_account_months(benign_accounts: int, watched: timedelta) -> float:
    """Return the benign account-months watched: accounts times months of 30.44 days.

    >>> count_account_months(1000, timedelta(days=365.2425))
    12000.0
    """
    return benign_accounts * (watched / timedelta(days=1)) / DAYS_PER_MONTH


def measure_false_campaigns(matches: tuple[CampaignMatch, ...], account_months: float) -> Estimate:
    """Return false campaigns per million benign account-months, with exact Poisson bounds."""
    return estimate_rate(sum(match.is_false for match in matches), account_months / 1e6)


def _count_pairs(count: int) -> int:
    return count * (count - 1) // 2
