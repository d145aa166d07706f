"""The label propagation in SQL against an independent solver, on random bipartite graphs."""

from __future__ import annotations

import random

import duckdb
import jinja2
import networkx as nx
import pytest

from stillwatch.project import get_project_root


def _components(edges: list[tuple[int, str]], rounds: int) -> dict[int, int]:
    source = (get_project_root() / "dbt_project/macros/graph/min_label_components.sql").read_text()
    template = jinja2.Template(
        source + "{{ min_label_components('edges', rounds) }}",
    )
    chain = template.render(rounds=rounds, evaluated_once=lambda: "materialized")
    with duckdb.connect() as connection:
        connection.execute("create table links (account_key integer, group_id varchar)")
        connection.executemany("insert into links values (?, ?)", edges)
        rows = connection.execute(
            "with edges as (select account_key, group_id, account_key as node_label from links), "
            + chain
            + " select account_key, component_label from components"
        ).fetchall()
    return dict(rows)


@pytest.mark.parametrize("seed", range(20))
def test_min_label_components__agrees_with_networkx(seed: int) -> None:
    dice = random.Random(seed)
    edges = sorted(
        {(dice.randrange(60), f"g{dice.randrange(45)}") for _ in range(dice.randint(20, 70))}
    )
    graph = nx.Graph(edges)
    expected = {
        account: min(node for node in component if isinstance(node, int))
        for component in nx.connected_components(graph)
        for account in component
        if isinstance(account, int)
    }
    assert _components(edges, rounds=12) == expected


def test_min_label_components__too_few_rounds_do_not_reach_the_end_of_a_chain() -> None:
    chain = [(n, f"g{n}") for n in range(10)] + [(n + 1, f"g{n}") for n in range(10)]
    assert len(set(_components(chain, rounds=2).values())) > 1
    assert set(_components(chain, rounds=12).values()) == {0}
