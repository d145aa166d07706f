"""The 50 percent rule: OFAC's own examples, cycles, unknown shares, and an independent solver."""

from __future__ import annotations

from datetime import UTC, date, datetime

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.policy.ownership import Holding, apply_rule, list_holdings
from stillwatch.runs import end_of_day

DAY_END = end_of_day(date(2026, 11, 1))


def hold(*edges: tuple[str, str, float | None]) -> list[Holding]:
    return [
        Holding(owner, owned, share or 0.0, share, ("register",)) for owner, owned, share in edges
    ]


def row(owner, owned, share, start=None, end=None, source="register"):
    return {
        "owner_id": owner,
        "owned_id": owned,
        "share_percent": share,
        "valid_from": start and datetime.fromisoformat(start).replace(tzinfo=UTC),
        "valid_until": end and datetime.fromisoformat(end).replace(tzinfo=UTC),
        "source": source,
    }


@pytest.mark.parametrize(
    ("edges", "is_owned"),
    [  # the structures of OFAC FAQ 401, X listed: does the rule reach the last entity?
        ([("X", "A", 50), ("A", "B", 50)], True),
        ([("X", "A", 50), ("X", "B", 50), ("A", "C", 25), ("B", "C", 25)], True),
        ([("X", "A", 50), ("X", "B", 10), ("A", "B", 40)], True),
        ([("X", "A", 50), ("X", "B", 25), ("A", "C", 25), ("B", "C", 25)], False),
        ([("X", "A", 25), ("X", "B", 25), ("A", "C", 50), ("B", "C", 50)], False),
    ],
)
def test_apply_rule__cascades_level_by_level(edges, is_owned):
    found = apply_rule(hold(*edges), ["X"])
    last = edges[-1][1]
    assert (last in found and found[last].is_owned) is is_owned


@pytest.mark.parametrize(("share", "is_owned"), [(49.99, False), (50.0, True), (50.01, True)])
def test_apply_rule__fifty_percent_counts_and_less_does_not(share, is_owned):
    assert apply_rule(hold(("x", "a", share)), ["x"])["a"].is_owned is is_owned


def test_apply_rule__two_listed_parties_add_up():
    found = apply_rule(hold(("x", "a", 30.0), ("y", "a", 20.0), ("z", "a", 50.0)), ["x", "y"])
    assert (found["a"].is_owned, found["a"].lower_percent) == (True, 50.0)
    assert [holder.owner_id for holder in found["a"].holders] == ["x", "y"]


def test_apply_rule__many_small_shares_do_not_fall_short_by_rounding():
    found = apply_rule(
        hold(*((f"x{n}", "a", 0.1) for n in range(500))), [f"x{n}" for n in range(500)]
    )
    assert found["a"].is_owned


def test_apply_rule__a_cycle_ends_and_multiplies_through():
    edges = [("x", "a", 40.0), ("b", "a", 20.0), ("a", "b", 50.0)]
    found = apply_rule(hold(*edges), ["x"])
    assert not found["a"].is_owned
    # a = 0.4 + 0.2 b, b = 0.5 a  ->  a = 0.4 / 0.9
    assert found["a"].multiplied_percent == pytest.approx(100 * 0.4 / 0.9, abs=1e-5)
    assert found["b"].multiplied_percent == pytest.approx(50 * 0.4 / 0.9, abs=1e-5)


def test_apply_rule__a_closed_circle_without_a_listed_owner_holds_nothing():
    found = apply_rule(hold(("a", "b", 100.0), ("b", "a", 100.0), ("x", "c", 60.0)), ["x"])
    assert sorted(found) == ["c"]


@pytest.mark.parametrize(
    ("edges", "bounds"),
    [
        ([("x", "a", None)], (0.0, 100.0)),
        ([("x", "a", None), ("q", "a", 60.0)], (0.0, 40.0)),
        ([("x", "a", 30.0), ("y", "a", None), ("q", "a", 45.0)], (30.0, 55.0)),
        ([("x", "a", 30.0), ("q", "a", None)], (30.0, 30.0)),
    ],
)
def test_apply_rule__an_unknown_share_is_bounded_by_what_the_others_leave(edges, bounds):
    found = apply_rule(hold(*edges), ["x", "y"])["a"]
    assert (found.lower_percent, found.upper_percent) == bounds
    assert (found.is_owned, found.may_be_owned) == (bounds[0] >= 50, bounds[1] >= 50)


def test_apply_rule__doubt_is_handed_on():
    found = apply_rule(hold(("x", "a", None), ("a", "b", 80.0)), ["x"])
    assert (found["b"].lower_percent, found["b"].upper_percent) == (0.0, 80.0)
    assert (found["b"].is_owned, found["b"].may_be_owned) == (False, True)


def test_list_holdings__only_rows_in_effect_at_the_end_of_the_day():
    rows = [
        row("x", "past", 60, end="2026-11-01"),
        row("x", "last_day", 60, end="2026-11-02"),
        row("x", "starts_today", 60, start="2026-11-01"),
        row("x", "future", 60, start="2026-11-02"),
        row("x", "always", 60),
    ]
    held = [item.owned_id for item in list_holdings(rows, DAY_END)]
    assert held == ["always", "last_day", "starts_today"]


def test_list_holdings__a_newer_row_replaces_and_another_source_gives_bounds():
    rows = [
        row("x", "a", 60, start="2025-01-01"),
        row("x", "a", 40, start="2026-01-01"),
        row("x", "a", 55, source="press"),
        row("x", "a", None, source="rumour"),
        row("a", "a", 100),
    ]
    (holding,) = list_holdings(rows, DAY_END)
    assert (holding.lower_percent, holding.upper_percent) == (40, 55)
    assert holding.is_disputed
    found = apply_rule([holding], ["x"])["a"]
    assert (found.is_owned, found.may_be_owned) == (False, True)


def solve(edges: list[tuple[str, str, float]], listed: set[str]) -> dict[str, float]:
    """Return the multiplied shares by a dense solve over those that a listed party reaches."""
    graph = nx.DiGraph()
    graph.add_weighted_edges_from(edges)
    held = [owned for owner, owned, _ in edges if owner in listed]
    reached = set(held).union(*(nx.descendants(graph, name) for name in held))
    order = sorted(reached)
    place = {name: n for n, name in enumerate(order)}
    shares, direct = np.zeros((len(order),) * 2), np.zeros(len(order))
    for owner, owned, percent in edges:
        if owned not in place:
            continue
        if owner in listed:
            direct[place[owned]] += percent / 100
        elif owner in place:
            shares[place[owned], place[owner]] += percent / 100
    return dict(zip(order, np.linalg.solve(np.eye(len(order)) - shares, direct) * 100, strict=True))


def cascade(edges: list[tuple[str, str, float]], listed: set[str]) -> set[str]:
    """Return who counts as listed by naive repetition over all entities."""
    counted = set(listed)
    while True:
        sums: dict[str, float] = {}
        for owner, owned, percent in edges:
            if owner in counted:
                sums[owned] = sums.get(owned, 0.0) + percent
        grown = counted | {owned for owned, percent in sums.items() if percent >= 50}
        if grown == counted:
            return counted
        counted = grown


@st.composite
def networks(draw):
    """Return shares of up to 12 entities, at most 98 percent of each, cycles included."""
    names = [f"e{n}" for n in range(draw(st.integers(3, 12)))]
    edges = []
    for owned in names:
        owners = draw(st.lists(st.sampled_from(names), unique=True, max_size=4))
        left = 98
        for owner in owners:
            if owner != owned and left > 0:
                percent = draw(st.integers(1, left))
                left -= percent
                edges.append((owner, owned, float(percent)))
    return edges, set(draw(st.lists(st.sampled_from(names), min_size=1, max_size=3)))


@given(networks())
@settings(max_examples=200, deadline=None)
def test_apply_rule__agrees_with_an_independent_solver(network):
    edges, listed = network
    found = apply_rule(hold(*edges), listed)
    counted = cascade(edges, listed)
    assert {name for name, owned in found.items() if owned.is_owned} | listed == counted
    solved = solve(edges, listed)
    for name, owned in found.items():
        assert owned.multiplied_percent == pytest.approx(solved.get(name, 0.0), abs=1e-4)
        assert owned.lower_percent == owned.upper_percent
