"""The last day of a world judged anew, with all evidence and without one family at a time.

What earlier days found is forgotten: a campaign lasts from day to day, and would hide what the
family that is left out is worth.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from stillwatch.errors import ConfigError
from stillwatch.evaluation.grouping import cover_campaigns, match_campaigns
from stillwatch.evaluation.inputs import WorldResult, read_world_result
from stillwatch.evaluation.tables import get_partition
from stillwatch.project import get_project_root
from stillwatch.runs import get_paths
from stillwatch.settings import Settings
from stillwatch.transform.build import build_day

ALL = "all"
NOTHING = ""  # the family of the row to compare with, from which nothing is left out
_CATALOG = Path("dbt_project/seeds/signal_catalog.csv")
_COUNTER = "counter"  # evidence against suspicion: no attacker gains from its absence


@dataclass(frozen=True)
class LeftOut:
    """What was flagged on the last day without one family of evidence, in accounts and campaigns.

    `found_count` is how many of the `campaign_count` true campaigns some detected one stands for.
    """

    family: str
    attacker_count: int
    flagged_attackers: int
    benign_count: int
    flagged_benign: int
    campaign_count: int
    found_count: int
    false_campaign_count: int


def list_families() -> list[str]:
    """Return every family of evidence that speaks for suspicion, as the catalogue names them."""
    with (get_project_root() / _CATALOG).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return sorted({row["family"] for row in rows if row["evidence_side"] != _COUNTER})


def choose_families(names: Sequence[str]) -> tuple[str, ...]:
    """Return the named families; `all` stands for every one."""
    known = list_families() if names else []
    wrong = [name for name in names if name not in (*known, ALL)]
    if wrong:
        raise ConfigError(f"no family {', '.join(wrong)}: give all or {', '.join(known)}")
    return tuple(known if ALL in names else names)


def count_flagged(family: str, result: WorldResult) -> LeftOut:
    """Return what of a world is flagged on its last day; accounts that asked nothing are none."""
    asked = [each for each in result.truth if each.account_key not in result.silent]
    attackers = {each.account_key for each in asked if each.is_attacker}
    benign = {each.account_key for each in asked} - attackers
    campaign_of = {key: name for key, name in result.campaign_of.items() if key in attackers}
    matches = match_campaigns(campaign_of, get_partition(result.memberships, result.last_day))
    coverages = cover_campaigns(campaign_of, matches)
    return LeftOut(
        family=family,
        attacker_count=len(attackers),
        flagged_attackers=len(attackers & result.flagged),
        benign_count=len(benign),
        flagged_benign=len(benign & result.flagged),
        campaign_count=len(coverages),
        found_count=sum(each.is_found for each in coverages),
        false_campaign_count=sum(match.is_false for match in matches),
    )


def judge_without(
    settings: Settings, day: date, world: str, truth: Path, families: Iterable[str]
) -> Iterator[LeftOut]:
    """Yield the outcome of the newest day without each family; the build database is put back.

    The facts of all days stay; only what was concluded before the day is forgotten.
    """
    warehouse = get_paths(settings).warehouse
    whole = warehouse.with_name(f"{warehouse.name}.whole")
    shutil.copyfile(warehouse, whole)
    try:
        for family in families:
            shutil.copyfile(whole, warehouse)
            _forget_conclusions(warehouse, day)
            build_day(settings, day, "campaigns", {"left_out_family": family})
            yield count_flagged(family, read_world_result(world, truth, warehouse))
    finally:
        whole.replace(warehouse)


def _forget_conclusions(warehouse: Path, day: date) -> None:
    """Delete what was concluded as of earlier days."""
    with duckdb.connect(str(warehouse)) as connection:
        tables = connection.execute(
            "select table_schema, table_name from information_schema.columns "
            "inner join information_schema.tables "
            "using (table_catalog, table_schema, table_name) "
            "where column_name = 'as_of_date' and table_type = 'BASE TABLE' "
            "order by all"
        ).fetchall()
        for schema, name in tables:
            connection.execute(f'delete from "{schema}"."{name}" where as_of_date < $1', [day])


def add_up(rows: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    """Return one row per family over several world-seeds, in the order of their first ones."""
    total: dict[str, LeftOut] = {}
    for row in rows:
        before = total.get(row.family)
        total[row.family] = row if before is None else _add(before, row)
    return tuple(total.values())


def _add(one: LeftOut, other: LeftOut) -> LeftOut:
    return LeftOut(
        family=one.family,
        attacker_count=one.attacker_count + other.attacker_count,
        flagged_attackers=one.flagged_attackers + other.flagged_attackers,
        benign_count=one.benign_count + other.benign_count,
        flagged_benign=one.flagged_benign + other.flagged_benign,
        campaign_count=one.campaign_count + other.campaign_count,
        found_count=one.found_count + other.found_count,
        false_campaign_count=one.false_campaign_count + other.false_campaign_count,
    )
