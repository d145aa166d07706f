"""One million exchanges against one million networks and 600,000 ranges of AS numbers.

Mixed IPv4 and IPv6, nested networks, exact. The join is the project's own macro. The answer is
compared with another method (dictionaries per prefix length, bisection) on 10,000 addresses, and
the time with a plain scan of the same exchanges, pairwise, three times. Other formulations run
beside it, so that the choice can be looked at again with another version of DuckDB.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import duckdb
import jinja2
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.feeds.addresses import V4_OFFSET, to_hex
from stillwatch.feeds.ranges import Range, flatten_ranges
from stillwatch.project import get_project_root

REPEATS = 3
SEED = 20261101

# Prefix lengths and their weights: mostly single hosts, /24 and /48, and wide ones around them.
LENGTHS = {
    4: ((16, 1), (20, 4), (22, 10), (24, 35), (26, 10), (28, 10), (30, 5), (32, 25)),
    6: ((32, 5), (40, 10), (48, 45), (56, 10), (64, 25), (128, 5)),
}
BITS = {4: 32, 6: 128}
# Unicast space that is given out: 1.0.0.0-222.255.255.255 and 2000::/4.
SPACE = {4: (0x01000000, 0xDF000000), 6: (0x2 << 124, 0x3 << 124)}
OFFSET = {4: V4_OFFSET, 6: 0}

Network = tuple[int, int]  # first address without the offset of its family, prefix length


@dataclass(frozen=True)
class Size:
    """How much is made; networks and AS ranges as pairs of IPv4 and IPv6."""

    exchanges: int = 1_000_000
    addresses: int = 250_000
    networks: tuple[int, int] = (740_000, 260_000)
    as_ranges: tuple[int, int] = (450_000, 150_000)
    sample: int = 10_000


@dataclass(frozen=True)
class World:
    """Addresses in use, networks by family, and AS ranges; all as 128-bit numbers."""

    addresses: list[int]
    networks: dict[int, set[Network]]
    as_ranges: list[Range]


def main() -> None:
    """Make the data, check the answers, print the ratios."""
    size = Size()
    world = make_world(size, make_dice(SEED))
    with tempfile.TemporaryDirectory() as folder:
        write_files(size, world, Path(folder), make_dice(SEED + 1))
        with duckdb.connect() as connection:
            connection.execute("set preserve_insertion_order = false")
            create_views(connection, Path(folder))
            compare(connection, size, world)


def make_dice(seed: int) -> random.Random:
    """Return a source of chance that gives the same data on every machine."""
    return random.Random(seed)  # noqa: S311 - data, not secrets


def make_world(size: Size, dice: random.Random) -> World:
    """Return the made-up population: most networks lie close together and within each other."""
    networks = {
        family: _make_networks(family, count, dice)
        for family, count in zip((4, 6), size.networks, strict=True)
    }
    as_ranges = [
        item
        for family, count in zip((4, 6), size.as_ranges, strict=True)
        for item in _make_as_ranges(family, count, dice)
    ]
    listed = {family: sorted(networks[family]) for family in (4, 6)}
    addresses = []
    for _ in range(size.addresses):
        family = 4 if dice.random() < 0.7 else 6
        if dice.random() < 0.5:
            addresses.append(OFFSET[family] + dice.randrange(*SPACE[family]))
        else:
            start, length = dice.choice(listed[family])
            host = dice.randrange(1 << (BITS[family] - length))
            addresses.append(OFFSET[family] + start + host)
    return World(addresses, networks, sorted(as_ranges))


def _make_networks(family: int, count: int, dice: random.Random) -> set[Network]:
    lengths, weights = zip(*LENGTHS[family], strict=True)
    near = 1 << (12 if family == 4 else 84)  # networks within this distance share a site
    sites = [dice.randrange(*SPACE[family]) for _ in range(count // 4)]
    found: set[Network] = set()
    while len(found) < count:
        (length,) = dice.choices(lengths, weights)
        shift = BITS[family] - length
        found.add(((dice.choice(sites) + dice.randrange(near)) >> shift << shift, length))
    return found


def _make_as_ranges(family: int, count: int, dice: random.Random) -> list[Range]:
    unit = 256 if family == 4 else 1 << 96
    low, high = (bound // unit for bound in SPACE[family])
    cuts = sorted(dice.sample(range(low, high), count + 1))
    offset = OFFSET[family]
    return [
        (offset + start * unit, offset + end * unit - 1, str(dice.randrange(1, 400_000)))
        for start, end in pairwise(cuts)
    ]


def write_files(size: Size, world: World, folder: Path, dice: random.Random) -> None:
    """Write exchanges and disjoint ranges as Parquet, in the columns of the canonical data."""
    networks = [
        (OFFSET[family] + start, OFFSET[family] + start + (1 << (BITS[family] - length)) - 1, name)
        for family in (4, 6)
        for start, length in world.networks[family]
        for name in [name_network(family, (start, length))]
    ]
    began = time.process_time()
    flat = flatten_ranges(networks)
    print(
        f"{len(networks):,} networks are {len(flat):,} disjoint ranges "
        f"(made once per feed version, {time.process_time() - began:.1f} s of CPU)"
    )
    tables = [_make_ranges("asn", world.as_ranges), _make_ranges("blocklist", flat)]
    pq.write_table(pa.concat_tables(tables), folder / "ranges.parquet", compression="zstd")
    hexes = [to_hex(address) for address in world.addresses]
    # half of the traffic comes from a few thousand addresses
    chosen = [
        hexes[int(dice.paretovariate(0.5)) % min(5_000, len(hexes))]
        if dice.random() < 0.5
        else dice.choice(hexes)
        for _ in range(size.exchanges)
    ]
    columns = {
        "account_key": [f"{dice.randrange(50_000):020x}" for _ in range(size.exchanges)],
        "ip_hex": chosen,
        "input_tokens": [dice.randrange(1, 5_000) for _ in range(size.exchanges)],
        "output_tokens": [dice.randrange(1, 5_000) for _ in range(size.exchanges)],
    }
    pq.write_table(pa.table(columns), folder / "exchanges.parquet", compression="zstd")


def name_network(family: int, network: Network) -> str:
    """Return the payload of a network."""
    return f"{family}:{network[0]:x}/{network[1]}"


def _make_ranges(feed_id: str, ranges: list[Range]) -> pa.Table:
    return pa.table(
        {
            "feed_id": [feed_id] * len(ranges),
            "start_hex": [to_hex(start) for start, _, _ in ranges],
            "end_hex": [to_hex(end) for _, end, _ in ranges],
            "payload": [payload for _, _, payload in ranges],
        }
    )


def create_views(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Create `exchanges` and `ranges` over the files."""
    for name in ("exchanges", "ranges"):
        connection.execute(
            f"create view {name} as select * from read_parquet('{folder}/{name}.parquet')"
        )


def render_macro(key: str) -> str:
    """Return the project's join of probes and ranges as it renders on DuckDB."""
    path = get_project_root() / "dbt_project/macros/cross_db/engines.sql"
    module = jinja2.Environment().from_string(path.read_text()).module  # noqa: S701 - SQL
    return str(module.default__join_ranges("probes", "ranges_used", key)).strip()  # type: ignore[attr-defined]


_ADDRESSES = "addresses as (select distinct ip_hex from exchanges)"
_FEEDS = (
    "feeds as materialized (select feed_id, cast(row_number() over (order by feed_id) as smallint) "
    "as feed_number from (select distinct feed_id from ranges))"
)


def list_formulations() -> dict[str, str]:
    """Return CTEs that end in `labels` (ip_hex, feed_id, payload), by name; the first is ours."""
    labels = (
        "select ip_hex, feed_id, payload from (select probes.ip_hex, ranges_used.feed_id, "
        "ranges_used.payload, ranges_used.end_hex from {join}) where ip_hex <= end_hex"
    )
    probes = "probes as (select addresses.ip_hex, feeds.* from addresses cross join feeds)"
    every = "probes as (select e.ip_hex, feeds.* from exchanges as e cross join feeds)"
    numbered = (
        "ranges_used as (select f.feed_number, r.* from ranges as r inner join feeds as f "
        "on r.feed_id = f.feed_id)"
    )
    by_number = labels.format(join=render_macro("feed_number"))
    by_name = labels.format(join=render_macro("feed_id"))
    asof = "select ip_hex, feed_id, payload from {side} asof inner join {ranges} on x >= s"
    blob = (
        "keyed as (select ip_hex, feed_id, unhex(ip_hex) as x from probes), "
        "ranges_used as (select * exclude (feed_id), feed_id as range_feed_id, "
        "unhex(start_hex) as s from ranges)"
    )
    each = " union all ".join(
        "(select a.ip_hex, r.feed_id, r.payload from addresses as a asof inner join "
        f"(select * from ranges where feed_id = '{feed_id}') as r on a.ip_hex >= r.start_hex "
        "where a.ip_hex <= r.end_hex)"
        for feed_id in ("asn", "blocklist")
    )
    return {
        "feed numbers (the models)": f"{_ADDRESSES}, {_FEEDS}, {probes}, {numbered}, "
        f"labels as ({by_number})",
        "feed names": f"{_ADDRESSES}, {_FEEDS}, {probes}, ranges_used as (select * from ranges), "
        f"labels as ({by_name})",
        "every exchange, not every address": f"{_FEEDS}, {every}, {numbered}, "
        f"labels as (select distinct * from ({by_number}))",
        "bytes instead of digits": f"{_ADDRESSES}, {_FEEDS}, {probes}, {blob}, labels as ("
        + asof.format(side="keyed", ranges="ranges_used")
        + " and feed_id = range_feed_id where ip_hex <= end_hex)",
        "one join per feed": f"{_ADDRESSES}, labels as ({each})",
    }


def compare(connection: duckdb.DuckDBPyConnection, size: Size, world: World) -> None:
    """Assert that every formulation is exact, then print its cost against a plain scan."""
    scan = "select count(*), sum(input_tokens + output_tokens) from exchanges"
    wide_scan = f"{scan[: -len(' from exchanges')]}, max(account_key), max(ip_hex) from exchanges"
    formulations = list_formulations()
    expected = find_expected(world, size.sample)
    for name, ctes in formulations.items():
        check_exact(connection, name, ctes, expected)
    print(f"{len(formulations)} formulations agree with bisection on {size.sample:,} addresses")
    for name, ctes in formulations.items():
        match = (
            f"with {ctes} select l.feed_id, count(*), count(distinct l.payload) "
            "from exchanges as e inner join labels as l on e.ip_hex = l.ip_hex group by l.feed_id"
        )
        narrow, wide = [], []
        for _ in range(REPEATS):
            # CPU time: other users of the machine stretch the wall clock, not this
            base, wide_base, cost = (
                min(_measure(connection, sql, times))
                for sql, times in ((scan, 5), (wide_scan, 3), (match, 1))
            )
            narrow.append(cost / base)
            wide.append(cost / wide_base)
        print(
            f"{name:36s} {statistics.median(narrow):5.0f} x a scan of two counters "
            f"({min(narrow):.0f}-{max(narrow):.0f}), {statistics.median(wide):4.0f} x a scan with "
            f"account and address; last match {cost:.2f} s of CPU",
            flush=True,
        )


def _measure(connection: duckdb.DuckDBPyConnection, sql: str, times: int) -> list[float]:
    costs = []
    for _ in range(times):
        began = time.process_time()
        connection.execute(sql).fetchall()
        costs.append(time.process_time() - began)
    return costs


def find_expected(world: World, count: int) -> dict[tuple[str, str], str]:
    """Return the payload by address and feed for a sample, without intervals and without SQL."""
    sample = make_dice(SEED + 2).sample(sorted(set(world.addresses)), count)
    starts = [start for start, _, _ in world.as_ranges]
    find_network = _make_finder(world.networks)
    expected = {}
    for address in sample:
        digits = to_hex(address)
        expected[digits, "blocklist"] = find_network(address)
        place = bisect_right(starts, address) - 1
        is_inside = place >= 0 and address <= world.as_ranges[place][1]
        expected[digits, "asn"] = world.as_ranges[place][2] if is_inside else ""
    return expected


def _make_finder(networks: dict[int, set[Network]]) -> Callable[[int], str]:
    def find(address: int) -> str:
        family = 4 if address >> 32 == 0xFFFF else 6
        number = address - OFFSET[family]
        for length, _ in reversed(LENGTHS[family]):  # the longest prefix first
            shift = BITS[family] - length
            candidate = (number >> shift << shift, length)
            if candidate in networks[family]:
                return name_network(family, candidate)
        return ""

    return find


def check_exact(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    ctes: str,
    expected: dict[tuple[str, str], str],
) -> None:
    """Raise an AssertionError that counts the differing addresses of a formulation, if any."""
    sample = pa.table({"ip_hex": sorted({digits for digits, _ in expected})})
    connection.register("sampled", sample)
    # a table, whose size is known: DuckDB compares every pair where it expects very few probes
    connection.execute("create or replace temp table sample as select * from sampled")
    rows = connection.execute(
        f"with {ctes.replace('from exchanges', 'from sample')} select ip_hex, feed_id, payload "
        "from labels"
    ).fetchall()
    connection.unregister("sampled")
    found = dict.fromkeys(expected, "")
    for digits, feed_id, payload in rows:
        if found[digits, feed_id]:
            raise AssertionError(f"{name}: {digits} has two labels of {feed_id}")
        found[digits, feed_id] = payload
    wrong = [key for key, payload in found.items() if payload != expected[key]]
    if wrong:
        raise AssertionError(f"{name}: {len(wrong)} labels differ, the first of {wrong[0]}")


if __name__ == "__main__":
    main()
