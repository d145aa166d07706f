"""Reference tables of a world, as people would keep them: fictional parties, cited law."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

from stillwatch.worlds.model import World
from stillwatch.worlds.names import name_model
from stillwatch.worlds.population import Population

_ENTITIES = (
    ("ent_001", "Quillstone Holding", "Quillstone|QSH", "ZZ"),
    ("ent_002", "Marrowfen Compute", "Marrowfen", "ZZ"),
    ("ent_003", "Vantage Hollow AI", "Vantage Hollow|VH Labs", "ZZ"),
    ("ent_004", "Copperleaf Relay", "Copperleaf", "SG"),
    ("ent_005", "Harbourlight Models", "Harbourlight", "CA"),
    ("ent_006", "Bellwether Evaluations", "Bellwether", "US"),
)
_OWNERSHIP = (
    ("ent_001", "ent_002", "62.5", "2024-01-01", "2030-01-01", "fictional company register, A2"),
    ("ent_002", "ent_003", "55", "2024-06-01", "2030-01-01", "fictional company register, A2"),
    ("ent_001", "ent_004", "30", "2025-03-01", "2030-01-01", "fictional press notice, C3"),
    ("ent_002", "ent_004", "24", "2025-03-01", "2030-01-01", "fictional press notice, C3"),
)
_POLICY_FACTS = (
    (
        "bis_affiliates_rule",
        "Entities owned 50 percent or more by listed parties are treated as listed",
        "in_force",
        "2025-09-29",
        "2025-11-10",
        "BIS interim final rule of 29 Sep 2025",
    ),
    (
        "bis_affiliates_rule",
        "Entities owned 50 percent or more by listed parties are treated as listed",
        "suspended",
        "2025-11-10",
        "2026-11-10",
        "BIS rule on a suspension of one year from 10 Nov 2025",
    ),
    (
        "hr_8283",
        "Model extraction attack as defined in section 3(11); voluntary sharing in section 4(f)",
        "reported_not_law",
        "2026-04-22",
        "2027-01-03",
        "H.R. 8283 as reported 22 Apr 2026",
    ),
    (
        "fictional_list",
        "Quillstone Holding is on the demonstration list",
        "listed",
        "2026-01-15",
        "2027-01-15",
        "demonstration data, no real party",
    ),
)

_Row = tuple[str, ...]


def write_reference(world: World, population: Population, root: Path) -> list[str]:
    """Write the six tables below `root`/reference and return their paths from `root`."""
    tables: dict[str, tuple[_Row, list[_Row]]] = {
        "model_releases": (
            ("model", "platform", "released_at", "announced_at", "is_public"),
            _list_releases(world),
        ),
        "allowlist": (
            ("scope", "value", "reason", "owner", "approved_by", "valid_from", "valid_until"),
            _list_allowed(world, population),
        ),
        "ownership": (
            ("owner_id", "owned_id", "share_percent", "valid_from", "valid_until", "source"),
            list(_OWNERSHIP),
        ),
        "entities": (("entity_id", "name", "aliases", "country"), list(_ENTITIES)),
        "policy_facts": (
            ("instrument", "fact", "status", "effective_from", "effective_until", "source"),
            list(_POLICY_FACTS),
        ),
        "decisions": (
            (
                "subject_type",
                "subject_id",
                "decision",
                "actor",
                "decided_at",
                "reason",
                "expires_at",
            ),
            _list_decisions(world, population),
        ),
    }
    folder = root / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    for name, (head, rows) in tables.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(head)
            writer.writerows(rows)
    return [f"reference/{name}.csv" for name in tables]


def _list_releases(world: World) -> list[_Row]:
    rows: list[_Row] = []
    for model in world.models:
        released = model.released_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        announced = (model.released_at - timedelta(days=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows += [
            (name_model(model.name, source.platform), source.platform, released, announced, "true")
            for source in world.sources
        ]
    return list(dict.fromkeys(rows))  # two sources may deliver one platform


def _list_allowed(world: World, population: Population) -> list[_Row]:
    first = (world.first_day - timedelta(days=200)).isoformat()
    last = (world.first_day + timedelta(days=160)).isoformat()
    rows: list[_Row] = []
    for index, group in enumerate(population.groups):
        if group.allowlisted is None:
            continue
        members = population.select(index)
        organisations = sorted({each.organization_id for each in members if each.organization_id})
        rows += [
            ("organization", value, group.allowlisted, "partnerships", "r.okafor", first, last)
            for value in organisations
        ]
    lapsed = (world.first_day - timedelta(days=30)).isoformat()
    rows.append(
        (
            "organization",
            "org_5c1e77aa90b3d246",
            "load test of a former customer",
            "support",
            "r.okafor",
            first,
            lapsed,
        )
    )
    return rows


def _list_decisions(world: World, population: Population) -> list[_Row]:
    """Return one past decision: an honest account that somebody had asked about."""
    honest = [
        account
        for account in population.accounts
        if population.groups[account.group].campaign is None
        and account.source.home_platform == "native"
    ]
    decided = world.start - timedelta(days=9)
    expires = world.start + timedelta(days=170)
    return [
        (
            "account",
            honest[0].account_id,
            "dismiss",
            "j.lindqvist",
            decided.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "customer explained a one-off batch job",
            expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
    ]
