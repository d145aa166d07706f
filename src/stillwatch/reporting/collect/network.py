"""Collects a campaign's network: bundles of accounts by what they share, at most 150 nodes."""

from __future__ import annotations

from stillwatch.reporting.collect.common import Occasion, one, unknown
from stillwatch.reporting.facts import BundleRow, JoinRow, LinkRow
from stillwatch.reporting.numbers import Row
from stillwatch.reporting.parts import Edge, NetworkChart, Node, Prose, prose
from stillwatch.reporting.wording import join_words, label_link, plural

MAX_BUNDLE_ROWS = 12
MAX_BUNDLES = 40
_OTHER = "other"


def collect_links(occasion: Occasion, campaign_id: str) -> tuple[LinkRow, ...]:
    """Return each kind of shared value with counts and base rates."""
    return tuple(
        LinkRow(
            link=label_link(unknown(row.text("link_type"))),
            group_count=row.figure("group_count"),
            account_count=row.figure("account_count"),
            largest_group_count=row.figure("largest_group_count"),
            base_ratio=row.figure("base_ratio"),
            weight_log10=row.figure("weight_log10"),
            examples=unknown(row.text("shared_label"), "not recorded"),
        )
        for row in occasion.book.rows("links", campaign_id=campaign_id)
    )


def collect_joins(occasion: Occasion, campaign_id: str) -> tuple[JoinRow, ...]:
    """Return the largest pairs of parts that no shared text connects."""
    return tuple(
        JoinRow(
            part=unknown(row.text("account_key")),
            other_part=unknown(row.text("other_account_key")),
            account_counts=prose(
                "{} and {}", row.figure("account_count"), row.figure("other_account_count")
            ),
            neighbour_counts=prose(
                "{} and {}", row.figure("neighbour_count"), row.figure("other_neighbour_count")
            ),
            shared_exit_count=row.figure("shared_exit_count"),
            shared_registration_count=row.figure("shared_registration_count"),
        )
        for row in occasion.book.rows("joins", campaign_id=campaign_id)
    )


def collect_network(
    occasion: Occasion, campaign_id: str
) -> tuple[NetworkChart | None, tuple[BundleRow, ...], Prose]:
    """Return the drawing, its twin as a table, and what the table leaves out."""
    limits = occasion.book.rows("bundle_limits", campaign_id=campaign_id)
    if not limits:
        return None, (), one("No link between accounts was kept for this campaign on this day.")
    limit = choose_limit(
        [(row.get("group_limit"), int(row.number("bundle_count"))) for row in limits]
    )
    drawn = next(row for row in limits if row.get("group_limit") == limit)
    groups = occasion.book.rows("bundle_groups", campaign_id=campaign_id, group_limit=limit)
    bundles = occasion.book.rows("bundles", campaign_id=campaign_id, group_limit=limit)
    totals = occasion.book.row("network_totals", campaign_id=campaign_id)
    group_names = {
        unknown(row.text("linked_key")): f"G{n}" for n, row in enumerate(groups, start=1)
    }
    types = {
        unknown(row.text("linked_key")): label_link(unknown(row.text("link_type")))
        for row in groups
    }
    nodes = [
        Node(group_names[key], "group", group_names[key], types[key], row.figure("account_count"))
        for row in groups
        if (key := unknown(row.text("linked_key"))) in group_names
    ]
    edges: list[Edge] = []
    for n, row in enumerate(bundles, start=1):
        nodes.append(Node(f"B{n}", "bundle", f"B{n}", "", row.figure("account_count")))
        edges += [
            Edge(f"B{n}", group_names[key], types[key]) for key in _read_keys(row, group_names)
        ]
    chart = _make_chart(nodes, edges, groups, bundles, totals)
    table = tuple(
        BundleRow(
            label="the rest" if row.text("bundle_key") == _OTHER else f"B{n}",
            account_count=row.figure("account_count"),
            shares=_write_shares(_read_keys(row, group_names), group_names, types),
        )
        for n, row in enumerate(bundles[:MAX_BUNDLE_ROWS], start=1)
    )
    rest = (
        f"The {MAX_BUNDLE_ROWS} largest bundles are listed; all of them are in the attached facts."
        if len(bundles) > MAX_BUNDLE_ROWS
        else "Every bundle is listed."
    )
    note = prose(
        rest
        + f" The {len(groups)} largest of {{}} shared values are drawn; {{}} of the {{}} linked "
        "accounts share at least one of them.",
        totals.figure("group_count"),
        drawn.figure("drawn_account_count"),
        totals.figure("linked_account_count"),
    )
    return chart, table, note


def choose_limit(limits: list[tuple[int, int]]) -> int:
    """Return how many groups to draw: as many as leave a drawing that can be read.

    `limits` pairs a number of groups with the number of bundles that it makes.

    >>> choose_limit([(60, 400), (20, 70), (10, 31), (3, 4)])
    10
    """
    fitting = [groups for groups, bundles in limits if bundles <= MAX_BUNDLES]
    return max(fitting) if fitting else min(groups for groups, _ in limits)


def _read_keys(row: Row, group_names: dict[str, str]) -> list[str]:
    keys = (row.text("group_keys") or "").split(" ")
    return [key for key in keys if key in group_names]


def _make_chart(
    nodes: list[Node], edges: list[Edge], groups: list[Row], bundles: list[Row], totals: Row
) -> NetworkChart:
    linked, everyone = totals.figure("linked_account_count"), totals.figure("account_count")
    largest = groups[0]
    kind = label_link(unknown(largest.text("link_type")))
    kinds = list(dict.fromkeys(node.link_type for node in nodes if node.link_type))
    bundle_word = plural(len(bundles), "bundle")
    group_word = plural(len(groups), "group")
    return NetworkChart(
        kind="network",
        title=prose(
            "{} of {} accounts are tied by shared rare values; the largest group holds {}.",
            linked,
            everyone,
            largest.figure("account_count"),
        ),
        note=(
            "Circles are bundles of accounts with an identical set of shared groups, sized by "
            "accounts; squares and other shapes are groups, by kind of shared value."
        ),
        alt=(
            f"Network of {len(bundles)} {bundle_word} of accounts and {len(groups)} shared "
            f"{group_word} of these kinds: {join_words(kinds)}. {linked.text} of {everyone.text} "
            f"accounts are linked. The largest group, by {kind}, holds "
            f"{largest.figure('account_count').text} accounts."
        ),
        nodes=tuple(nodes),
        edges=tuple(edges),
    )


def _write_shares(keys: list[str], names: dict[str, str], types: dict[str, str]) -> str:
    if not keys:
        return "one of many further combinations"
    by_type: dict[str, list[str]] = {}
    for key in keys:
        by_type.setdefault(types[key], []).append(names[key])
    return "; ".join(f"{kind} ({', '.join(values[:6])})" for kind, values in by_type.items())
