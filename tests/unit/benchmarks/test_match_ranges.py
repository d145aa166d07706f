"""The benchmark of the range join measures right answers, and would notice wrong ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from benchmarks.match_ranges import (
    Size,
    World,
    check_exact,
    create_views,
    find_expected,
    list_formulations,
    make_dice,
    make_world,
    write_files,
)
from benchmarks.run import find_benchmarks, main

SMALL = Size(
    exchanges=2_000, addresses=1_000, networks=(3_000, 1_000), as_ranges=(1_000, 500), sample=600
)


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(SMALL, make_dice(1))


@pytest.fixture(scope="module")
def connection(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    folder: Path = tmp_path_factory.mktemp("ranges")
    write_files(SMALL, world, folder, make_dice(2))
    with duckdb.connect() as connection:
        create_views(connection, folder)
        yield connection


@pytest.mark.parametrize("name", list_formulations())
def test_formulation__is_exact_in_both_families(
    connection: duckdb.DuckDBPyConnection, world: World, name: str
) -> None:
    expected = find_expected(world, SMALL.sample)
    found = {
        (digits[:24] == "0" * 20 + "ffff", feed) for (digits, feed), it in expected.items() if it
    }
    assert found == {(is_v4, feed) for is_v4 in (True, False) for feed in ("asn", "blocklist")}
    check_exact(connection, name, list_formulations()[name], expected)


def test_check_exact__notices_one_wrong_label(
    connection: duckdb.DuckDBPyConnection, world: World
) -> None:
    expected = find_expected(world, SMALL.sample)
    key = next(key for key, payload in expected.items() if payload)
    name, ctes = next(iter(list_formulations().items()))
    with pytest.raises(AssertionError, match="1 labels differ"):
        check_exact(connection, name, ctes, {**expected, key: "another"})


def test_networks__lie_within_each_other(world: World) -> None:
    nested = sum(
        any(
            (start >> (32 - outer) << (32 - outer), outer) in world.networks[4]
            for outer in (16, 20)
        )
        for start, length in world.networks[4]
        if length > 20
    )
    assert nested > 100


def test_run__finds_the_benchmarks_and_refuses_others() -> None:
    assert "match_ranges" in find_benchmarks()
    assert main(["no_such_benchmark"]) == 2
