"""What really happened, kept apart from everything that is landed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.worlds.landing import LandedFile
from stillwatch.worlds.model import World
from stillwatch.worlds.population import Population, to_instant
from stillwatch.worlds.records import Labels

_EXCHANGES = pa.schema(
    [
        ("source_id", pa.string()),
        ("exchange_id", pa.string()),
        ("account_id", pa.string()),
        ("cohort", pa.string()),
        ("campaign", pa.string()),
        ("is_extraction", pa.bool_()),
        ("technique", pa.string()),
        ("capability", pa.string()),
        ("event_date", pa.date32()),
    ]
)

ACCOUNTS = pa.schema(
    [
        ("platform", pa.string()),
        ("source_id", pa.string()),
        ("account_id", pa.string()),
        ("cohort", pa.string()),
        ("is_attacker", pa.bool_()),
        ("campaign", pa.string()),
        ("organisation", pa.string()),
        ("role", pa.string()),
    ]
)

# Written only where a world has something to say in it.
_DETAILS = pa.schema(
    [
        ("source_id", pa.string()),
        ("exchange_id", pa.string()),
        ("organisation", pa.string()),
        ("variant", pa.int64()),
        ("artifact_from", pa.string()),
    ]
)
TRUTH_FILES = (
    "exchanges.parquet",
    "exchange_details.parquet",
    "accounts.parquet",
    "account_days.parquet",
    "campaigns.json",
    "manifest.json",
)


class TruthWriter:
    """Writes the truth tables; exchanges are added day by day."""

    def __init__(self, root: Path, world: World, population: Population, seed: int) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._root, self._world, self._population, self._seed = root, world, population, seed
        self._writer = pq.ParquetWriter(root / "exchanges.parquet", _EXCHANGES, compression="zstd")
        self._details: pq.ParquetWriter | None = None
        self._counts: dict[str, Counter[str]] = {}
        self._days: dict[str, Counter[str]] = {}
        self.exchange_count: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()
        if self._details is not None:
            self._details.close()

    def add_day(self, day: date, labels: list[Labels]) -> None:
        """Append the truth of one day's exchanges."""
        columns = list(zip(*labels, strict=True)) if labels else [()] * len(Labels._fields)
        values = dict(zip(Labels._fields, columns, strict=True))
        values["event_date"] = (day,) * len(labels)
        arrays = [pa.array(values[field.name], field.type) for field in _EXCHANGES]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=_EXCHANGES))
        self._add_details(labels)
        self.exchange_count.update(values["source_id"])
        for label in labels:
            name = label.campaign
            if name is None:
                continue
            count = self._counts.setdefault(name, Counter())
            count["exchange_count"] += 1
            if label.is_extraction:
                count["extraction_count"] += 1
                count[f"capability.{label.capability}"] += 1
                count[f"technique.{label.technique}"] += 1
            if label.organisation is not None:
                count[f"organisation.{label.organisation}"] += 1
            self._days.setdefault(name, Counter())[day.isoformat()] += 1

    def _add_details(self, labels: list[Labels]) -> None:
        names = _DETAILS.names
        rows = [
            {name: getattr(label, name) for name in names}
            for label in labels
            if label.organisation or label.variant is not None or label.artifact_from
        ]
        if not rows:
            return
        if self._details is None:
            path = self._root / "exchange_details.parquet"
            self._details = pq.ParquetWriter(path, _DETAILS, compression="zstd")
        self._details.write_table(pa.Table.from_pylist(rows, schema=_DETAILS))

    def finish(self, files: list[LandedFile], reference: list[str]) -> None:
        """Write accounts, campaigns and the manifest."""
        pq.write_table(
            list_accounts(self._population), self._root / "accounts.parquet", compression="zstd"
        )
        write_json(self._root / "campaigns.json", self._list_campaigns())
        write_json(
            self._root / "manifest.json",
            {
                "world": self._world.name,
                "seed": self._seed,
                "first_day": self._world.first_day.isoformat(),
                "days": self._world.days,
                "account_count": len(self._population.accounts),
                "exchange_count": dict(sorted(self.exchange_count.items())),
                "late_count": sum(file.late_count for file in files),
                "duplicate_count": sum(file.duplicate_count for file in files),
                "broken_count": sum(file.broken_count for file in files),
                "reference": reference,
                "files": list_files(files),
            },
        )

    def _list_campaigns(self) -> list[dict[str, Any]]:
        campaigns = []
        for attacker in self._world.attackers:
            count = self._counts.get(attacker.name, Counter())
            pools = [
                self._describe_pool(f"{attacker.name}.{pool.name}", pool.name)
                for pool in attacker.pools
            ]
            organisations = _take_part(count, "organisation.")
            campaigns.append(
                {
                    "campaign": attacker.name,
                    "organisation": attacker.organisation,
                    "account_count": sum(pool["account_count"] for pool in pools),
                    "exchange_count": count["exchange_count"],
                    "extraction_count": count["extraction_count"],
                    "capabilities": _take_part(count, "capability."),
                    "techniques": _take_part(count, "technique."),
                    "exchanges_by_day": dict(sorted(self._days.get(attacker.name, {}).items())),
                    "pools": pools,
                }
                | ({"organisations": organisations} if organisations else {})
                | (
                    {"is_observable": False, "off_platform": attacker.off_platform}
                    if attacker.off_platform
                    else {}
                )
            )
        return campaigns

    def _describe_pool(self, group_name: str, pool_name: str) -> dict[str, Any]:
        index = next(
            n for n, group in enumerate(self._population.groups) if group.name == group_name
        )
        group = self._population.groups[index]
        members = self._population.select(index)
        banned = [account.banned_at for account in members if account.banned_at]
        return {
            "pool": pool_name,
            "account_count": len(members),
            "platforms": dict(sorted(Counter(m.source.platform for m in members).items())),
            "opened_from": to_instant(min(m.created_at for m in members)).isoformat(),
            "opened_until": to_instant(max(m.created_at for m in members)).isoformat(),
            "serves_from": group.serves_from.isoformat() if group.serves_from else None,
            "banned_from": to_instant(min(banned)).isoformat() if banned else None,
            "banned_until": to_instant(max(banned)).isoformat() if banned else None,
        }


def list_accounts(population: Population) -> pa.Table:
    """Return who every account really is, in `ACCOUNTS`."""
    rows = []
    for account in population.accounts:
        group = population.groups[account.group]
        rows.append(
            {
                "platform": account.source.platform,
                "source_id": account.source.source_id,
                "account_id": account.account_id,
                "cohort": group.name,
                "is_attacker": group.campaign is not None,
                "campaign": group.campaign,
                "organisation": group.organisation,
                "role": group.role,
            }
        )
    return pa.Table.from_pylist(rows, schema=ACCOUNTS)


def list_files(files: list[LandedFile]) -> list[dict[str, Any]]:
    """Return the landed files as they stand in a manifest."""
    return [{**asdict(file), "delivered_date": file.delivered_date.isoformat()} for file in files]


def _take_part(count: Counter[str], prefix: str) -> dict[str, int]:
    return {
        key.removeprefix(prefix): value
        for key, value in sorted(count.items())
        if key.startswith(prefix)
    }


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
