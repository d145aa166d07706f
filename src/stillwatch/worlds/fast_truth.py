"""What really happened in a world of the fast mode: by account and day, not by exchange."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.worlds.landing import LandedFile
from stillwatch.worlds.model import World
from stillwatch.worlds.population import Population
from stillwatch.worlds.traffic import Events
from stillwatch.worlds.truth import ACCOUNTS, list_accounts, list_files, write_json

_ACCOUNTS = pa.schema([pa.field("account", pa.int32()), *ACCOUNTS])
_DAYS = pa.schema(
    [
        ("account", pa.int32()),
        ("event_date", pa.date32()),
        ("exchange_count", pa.int32()),
        ("campaign_exchange_count", pa.int32()),  # none before a bought account was sold
        ("extraction_count", pa.int32()),
    ]
)


class _Part:
    """The accounts that days are being added for."""

    def __init__(self, population: Population, first: int) -> None:
        accounts, groups = population.accounts, population.groups
        self.first = first
        self.campaigns = [groups[each.group].campaign for each in accounts]
        self.is_planted = np.array([name is not None for name in self.campaigns], dtype=np.bool_)
        self.sold_at = np.array([each.former.until if each.former else 0.0 for each in accounts])
        sources = list(dict.fromkeys(each.source.source_id for each in accounts))
        self.sources = sources
        self.source = np.array([sources.index(each.source.source_id) for each in accounts])


class FastTruth:
    """Writes accounts and their days part by part, and what they add up to."""

    def __init__(self, root: Path, world: World, seed: int) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._root, self._world, self._seed = root, world, seed
        self._accounts = pq.ParquetWriter(root / "accounts.parquet", _ACCOUNTS, compression="zstd")
        self._days = pq.ParquetWriter(root / "account_days.parquet", _DAYS, compression="zstd")
        self._campaigns: dict[str, Counter[str]] = {
            attacker.name: Counter() for attacker in world.attackers
        }
        self.account_count = 0
        self.attacker_account_count = 0
        self.exchange_count: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._accounts.close()
        self._days.close()

    def add_part(self, population: Population) -> None:
        """Append a part of the accounts; the days that follow are theirs."""
        accounts, first = population.accounts, self.account_count
        numbers = pa.array(range(first, first + len(accounts)), pa.int32())
        self._accounts.write_table(
            list_accounts(population).add_column(0, _ACCOUNTS.field(0), numbers)
        )
        self._part = _Part(population, first)
        for name in self._part.campaigns:
            if name is not None:
                self._campaigns[name]["account_count"] += 1
                self.attacker_account_count += 1
        self.account_count += len(accounts)

    def add_day(self, day: date, events: Events) -> None:
        """Append one day of the part's accounts."""
        part, owner = self._part, events.account
        size = len(part.campaigns)
        planted = part.is_planted[owner] & (events.second >= part.sold_at[owner])
        extracts = np.array([content.extraction for _, content in events.contents], dtype=np.bool_)
        asked = np.bincount(owner, minlength=size)
        theirs = np.bincount(owner[planted], minlength=size)
        taken = np.bincount(owner[planted & extracts[events.content]], minlength=size)
        active = np.flatnonzero(asked)
        counts = (asked[active], theirs[active], taken[active])
        columns = [active + part.first, [day] * len(active), *counts]
        arrays = [
            pa.array(values, field.type) for values, field in zip(columns, _DAYS, strict=True)
        ]
        self._days.write_table(pa.Table.from_arrays(arrays, schema=_DAYS))
        for place in np.flatnonzero(theirs).tolist():
            count = self._campaigns[part.campaigns[place] or ""]
            count["exchange_count"] += int(theirs[place])
            count["extraction_count"] += int(taken[place])
        by_source = np.bincount(part.source[owner], minlength=len(part.sources))
        self.exchange_count.update(dict(zip(part.sources, by_source.tolist(), strict=True)))

    def finish(self, files: list[LandedFile], reference: list[str]) -> None:
        """Write campaigns and the manifest."""
        write_json(
            self._root / "campaigns.json",
            [
                {
                    "campaign": attacker.name,
                    "organisation": attacker.organisation,
                    "account_count": self._campaigns[attacker.name]["account_count"],
                    "exchange_count": self._campaigns[attacker.name]["exchange_count"],
                    "extraction_count": self._campaigns[attacker.name]["extraction_count"],
                }
                for attacker in self._world.attackers
            ],
        )
        write_json(
            self._root / "manifest.json",
            {
                "world": self._world.name,
                "seed": self._seed,
                "is_fast": True,
                "first_day": self._world.first_day.isoformat(),
                "days": self._world.days,
                "account_count": self.account_count,
                "exchange_count": dict(sorted(self.exchange_count.items())),
                "reference": reference,
                "files": list_files(files),
            },
        )
