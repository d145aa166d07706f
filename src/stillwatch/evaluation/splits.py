"""Leave-one-scenario-out: whoever learns is tested only on attacks and look-alikes never seen."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stillwatch.errors import InputError
from stillwatch.evaluation.tables import TrueAccount


@dataclass(frozen=True)
class Split:
    """Rows to learn from and rows to be tested on, with the attacker family that was left out."""

    family: str
    held_out_cohorts: tuple[str, ...]
    training: tuple[int, ...]
    testing: tuple[int, ...]


def leave_one_family_out(
    accounts: Sequence[TrueAccount],
    families: Mapping[str, str] | None = None,
    largest_whole_cohort: float = 0.2,
    seed: int = 0,
) -> tuple[Split, ...]:
    """Return one split per attacker family, together testing every account once.

    `families` maps campaigns to families; a campaign without one is a family of its own name, so
    the same attacker in several seeds is left out as one. Benign cohorts are dealt to the splits
    whole, so that a look-alike is never tested by a model that has learned it; only those with more
    than `largest_whole_cohort` of all benign accounts are dealt account by account.
    """
    named = [_name_family(account, families or {}) for account in accounts]
    listed = sorted({name for name in named if name is not None})
    if len(listed) < 2:
        raise InputError(
            f"leave-one-out needs two attacker families, found {listed or 'none'}: add a scenario"
        )
    sizes = Counter(account.cohort for account in accounts if not account.is_attacker)
    whole = {
        cohort
        for cohort, size in sizes.items()
        if size <= largest_whole_cohort * sum(sizes.values())
    }
    # The largest cohorts first, each to the split that has least: folds of about the same size.
    load = [0] * len(listed)
    fold_of: dict[str, int] = {}
    for cohort in sorted(whole, key=lambda name: (-sizes[name], name)):
        fold = min(range(len(listed)), key=lambda n: (load[n], n))
        fold_of[cohort] = fold
        load[fold] += sizes[cohort]
    folds = []
    for account, family in zip(accounts, named, strict=True):
        if family is not None:
            folds.append(listed.index(family))
        elif account.cohort in fold_of:
            folds.append(fold_of[account.cohort])
        else:
            folds.append(_hash(f"{seed}/{account.world}/{account.account_key}") % len(listed))
    return tuple(
        Split(
            family=family,
            held_out_cohorts=tuple(sorted(name for name, n in fold_of.items() if n == number)),
            training=tuple(row for row, fold in enumerate(folds) if fold != number),
            testing=tuple(row for row, fold in enumerate(folds) if fold == number),
        )
        for number, family in enumerate(listed)
    )


def _name_family(account: TrueAccount, families: Mapping[str, str]) -> str | None:
    if account.campaign is None:
        return None
    return families.get(account.campaign, account.campaign)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
