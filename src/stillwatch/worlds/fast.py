"""The fast mode: a world whose exchanges are columns of numbers instead of landed log lines.

Accounts, times, statuses, tokens, addresses and clients are drawn as always; only the texts are
drawn from samples (`sample_texts`), and nothing is spelled out in a log format. What is written
below `simulated` of the landing root is read by nobody but the evaluation, which turns it into the
rows that an ingest of the same logs would have left.

Accounts are made and let go in parts, so the memory does not grow with their number.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa

from stillwatch.errors import ConfigError
from stillwatch.log import get_logger, track
from stillwatch.runs import end_of_day
from stillwatch.worlds.columns import FORMATS, ColumnDrawer
from stillwatch.worlds.fast_truth import FastTruth
from stillwatch.worlds.groups import list_groups
from stillwatch.worlds.landing import LandedFile, write_lines, write_table
from stillwatch.worlds.model import World
from stillwatch.worlds.numbering import Numbers
from stillwatch.worlds.population import Account, Population, make_parts
from stillwatch.worlds.records import render_account
from stillwatch.worlds.reference import write_reference
from stillwatch.worlds.sample_texts import SampleTexts
from stillwatch.worlds.simulate import (
    FAST_FOLDER,
    WorldSummary,
    check_folders,
    clear_earlier,
    write_sources,
)
from stillwatch.worlds.traffic import TrafficModel

_log = get_logger(__name__)
PART_ACCOUNTS = 20_000

_EXITS = pa.schema([("exit", pa.int32()), ("address", pa.string()), ("country", pa.string())])
_CLIENTS = pa.schema(
    [
        ("client", pa.int16()),
        ("user_agent", pa.string()),
        ("ja4", pa.string()),
        ("header_order_hash", pa.string()),
    ]
)
_ACCOUNTS = pa.schema(
    [
        ("account", pa.int32()),
        ("source_id", pa.string()),
        ("platform", pa.string()),
        ("account_id", pa.string()),
        ("organization_id", pa.string()),
        ("workspace_id", pa.string()),
    ]
)


def write_fast(
    world: World,
    landing: Path,
    truth: Path,
    seed: int | None = None,
    days: int | None = None,
    size: int = PART_ACCOUNTS,
) -> WorldSummary:
    """Write a world in the fast mode, or its first `days`, and return what was written.

    The account registry is landed as of the last day written, reference tables as always. The same
    world, seed and `size` (accounts per part) give byte-identical files. Only native and Bedrock
    logs are known to the columns; another format is a ConfigError.
    """
    began = time.monotonic()
    for source in world.sources:
        if source.format not in FORMATS or source.home_platform != source.platform:
            raise ConfigError(
                f"{source.source_id} delivers {source.format!r}: the fast mode knows only what is "
                f"missing in the logs of {' and '.join(FORMATS)}, simulate this world in full"
            )
    check_folders(landing, truth)
    clear_earlier(world, landing, truth)
    seed = world.seed if seed is None else seed
    write_sources(world, landing)
    groups = tuple(list_groups(world))
    texts = SampleTexts(world, groups, seed)
    dates = world.dates[:days]
    files = _Files(world, landing, dates[-1])
    files.add("texts.parquet", texts.make_table())
    numbers = Numbers()
    kept: list[Account] = []
    total = sum(group.accounts for group in groups)
    with FastTruth(truth, world, seed) as record:
        parts = enumerate(make_parts(world, seed, size))
        for part, population in track(parts, "simulating", total=-(-total // size)):
            drawer = ColumnDrawer(
                world, population, seed, part, record.account_count, texts, numbers
            )
            traffic = TrafficModel(world, population, seed, part)
            record.add_part(population)
            for day in dates:
                events = traffic.draw_day(day)
                name = f"exchanges/dt={day}/part-{part:05d}.parquet"
                files.add(name, drawer.draw_day(day, events))
                record.add_day(day, events)
            files.add(f"exits/part-{part:05d}.parquet", _list_exits(numbers))
            table = _list_accounts(population, drawer.first_account)
            files.add(f"accounts/part-{part:05d}.parquet", table)
            files.add_registry(population, part)
            kept += _find_named(population, is_first=not kept)
            numbers = Numbers(numbers.first_exit + len(numbers.exits), {}, numbers.clients)
        files.add("clients.parquet", _list_clients(numbers))
        reference = write_reference(world, Population(groups, tuple(kept)), landing)
        record.finish(files.written, reference)
    summary = WorldSummary(
        world=world.name,
        seed=seed,
        landing=landing,
        truth=truth,
        account_count=record.account_count,
        attacker_account_count=record.attacker_account_count,
        exchange_count=dict(sorted(record.exchange_count.items())),
        campaigns=tuple(attacker.name for attacker in world.attackers),
        late_count=0,
        duplicate_count=0,
        broken_count=0,
        file_count=len(files.written) + len(reference) + len(world.sources),
        byte_count=sum(file.byte_count for file in files.written),
        seconds=time.monotonic() - began,
    )
    _log.info("world %s seed %d in fast mode: %s", world.name, seed, summary.exchange_count)
    return summary


class _Files:
    """Writes files below the landing root and remembers each."""

    def __init__(self, world: World, landing: Path, last_day: date) -> None:
        self._world, self._landing, self._last_day = world, landing, last_day
        self.written: list[LandedFile] = []

    def add(self, name: str, table: pa.Table) -> None:
        """Write one table below the folder of the fast mode."""
        path = self._landing / FAST_FOLDER / name
        written = write_table(path, table)
        self._remember(path, name.split("/")[0], "", table.num_rows, written)

    def add_registry(self, population: Population, part: int) -> None:
        """Write the registry of one part's accounts, as of the end of the last day."""
        day = self._last_day
        until = end_of_day(day).timestamp()
        for source in self._world.sources:
            rows = [
                row
                for account in population.accounts
                if account.source.source_id == source.source_id
                and (row := render_account(account, until)) is not None
            ]
            name = f"accounts-{part:05d}.jsonl.gz"
            path = self._landing / "accounts" / source.source_id / f"dt={day}" / name
            written = write_lines(path, rows)
            self._remember(path, "accounts", source.source_id, len(rows), written)

    def _remember(
        self, path: Path, kind: str, source_id: str, rows: int, written: tuple[int, str]
    ) -> None:
        self.written.append(
            LandedFile(
                path=str(path.relative_to(self._landing)),
                kind=kind,
                source_id=source_id,
                delivered_date=self._last_day,
                line_count=rows,
                byte_count=written[0],
                sha256=written[1],
            )
        )


def _find_named(population: Population, is_first: bool) -> Iterator[Account]:
    """Yield the accounts that reference tables name: the allow-listed, and a first honest one."""
    for account in population.accounts:
        group = population.groups[account.group]
        is_honest = group.campaign is None and account.source.home_platform == "native"
        if group.allowlisted is not None or (is_honest and is_first):
            is_first = is_first and not is_honest
            yield account


def _list_exits(numbers: Numbers) -> pa.Table:
    rows = [
        {"exit": number, "address": shown.address, "country": shown.country}
        for shown, number in numbers.exits.items()
    ]
    return pa.Table.from_pylist(rows, schema=_EXITS)


def _list_clients(numbers: Numbers) -> pa.Table:
    rows = [
        {
            "client": number,
            "user_agent": client.user_agent,
            "ja4": client.ja4,
            "header_order_hash": client.header_order_hash,
        }
        for client, number in numbers.clients.items()
    ]
    return pa.Table.from_pylist(rows, schema=_CLIENTS)


def _list_accounts(population: Population, first: int) -> pa.Table:
    rows = [
        {
            "account": first + place,
            "source_id": account.source.source_id,
            "platform": account.source.platform,
            "account_id": account.account_id,
            "organization_id": account.organization_id,
            "workspace_id": account.workspace_id if _is_in_workspace(account) else None,
        }
        for place, account in enumerate(population.accounts)
    ]
    return pa.Table.from_pylist(rows, schema=_ACCOUNTS)


def _is_in_workspace(account: Account) -> bool:
    return account.source.platform == "native" and account.organization_id is not None
