"""The network drawing: bundles of accounts and the groups that they share."""

from __future__ import annotations

import math
from typing import Any

import networkx as nx
from matplotlib.collections import LineCollection

from stillwatch.reporting.charts.style import (
    ACCENT,
    INK,
    INK_2,
    PALETTE,
    SHAPES,
    new_drawing,
    write_svg,
)
from stillwatch.reporting.parts import NetworkChart, Node

MAX_NODES = 150
_LABELLED_BUNDLES = 8
_LABELLED_GROUPS = 12
_ANCHOR = ""


def draw_network(chart: NetworkChart) -> str:
    """Return the network; the layout is seeded, so the same facts give the same drawing."""
    if len(chart.nodes) > MAX_NODES:
        raise ValueError(f"a network of {len(chart.nodes)} nodes is drawn with at most {MAX_NODES}")
    places = place_nodes(chart)
    height = 3.5 if len(chart.nodes) > 24 else 2.9
    drawing = new_drawing(height)
    axes = drawing.add_axes((0.005, 0.01, 0.735, 0.98))
    axes.set_axis_off()
    lines = [[places[edge.source], places[edge.target]] for edge in chart.edges]
    axes.add_collection(LineCollection(lines, colors="#9aa6b3", linewidths=0.35, zorder=1))
    kinds = list(dict.fromkeys(node.link_type for node in chart.nodes if node.kind == "group"))
    styles = {
        kind: (SHAPES[n % len(SHAPES)], PALETTE[(n + 1) % len(PALETTE)])
        for n, kind in enumerate(kinds)
    }
    bundles = [node for node in chart.nodes if node.kind == "bundle"]
    groups = [node for node in chart.nodes if node.kind == "group"]
    most = max((float(node.figure.value or 1) for node in bundles), default=1.0)
    _scatter(
        axes, bundles, places, "o", ACCENT,
        [14 + 190 * float(node.figure.value or 0) / most for node in bundles], order=3,
    )  # fmt: skip
    for kind, (shape, color) in styles.items():
        of_kind = [node for node in groups if node.link_type == kind]
        _scatter(axes, of_kind, places, shape, color, [34.0] * len(of_kind), order=2)
    for node in _choose_labelled(bundles, _LABELLED_BUNDLES) + _choose_labelled(
        groups, _LABELLED_GROUPS
    ):
        x, y = places[node.node_id]
        radius = 0.035 + (
            0.06 * math.sqrt(float(node.figure.value or 0) / most) if node.kind == "bundle" else 0
        )
        axes.text(
            x, y + radius, node.label, fontsize=6.8, ha="center", va="bottom", color=INK, zorder=4,
            fontweight=600 if node.kind == "bundle" else 400,
            bbox={"facecolor": "#ffffff", "edgecolor": "none", "pad": 0.4, "alpha": 0.75},
        )  # fmt: skip
    axes.set_xlim(-1.1, 1.1)
    axes.set_ylim(-1.1, 1.18)
    _draw_key(drawing, styles, height)
    return write_svg(drawing)


def _scatter(
    axes: Any,
    nodes: list[Node],
    places: dict[str, tuple[float, float]],
    shape: str,
    color: str,
    sizes: list[float],
    order: int,
) -> None:
    xs = [places[node.node_id][0] for node in nodes]
    ys = [places[node.node_id][1] for node in nodes]
    axes.scatter(
        xs, ys, s=sizes, marker=shape, color=color, linewidth=0.5, edgecolor="#ffffff", zorder=order
    )


def place_nodes(chart: NetworkChart) -> dict[str, tuple[float, float]]:
    """Return a place for every node, within -1 to 1 on both axes."""
    graph: Any = nx.Graph()
    graph.add_nodes_from(node.node_id for node in chart.nodes)
    graph.add_edges_from((edge.source, edge.target) for edge in chart.edges)
    parts = sorted(nx.connected_components(graph), key=lambda part: (-len(part), min(part)))
    if len(parts) > 1:  # an unseen node keeps unconnected parts in sight of each other
        for part in parts:
            graph.add_edge(_ANCHOR, max(part, key=lambda node: (graph.degree(node), node)))
    start = nx.spring_layout(graph, seed=11, iterations=60)
    layout = nx.kamada_kawai_layout(graph, pos=start)
    layout.pop(_ANCHOR, None)
    xs = [float(place[0]) for place in layout.values()]
    ys = [float(place[1]) for place in layout.values()]
    return {
        node_id: (
            round(_scale(float(place[0]), min(xs), max(xs)), 4),
            round(_scale(float(place[1]), min(ys), max(ys)), 4),
        )
        for node_id, place in layout.items()
    }


def _scale(value: float, low: float, high: float) -> float:
    return 2 * (value - low) / (high - low) - 1 if high > low else 0.0


def _choose_labelled(nodes: list[Node], count: int) -> list[Node]:
    return sorted(nodes, key=lambda node: (-(node.figure.value or 0), node.node_id))[:count]


def _draw_key(drawing: Any, styles: dict[str, tuple[str, str]], height: float) -> None:
    axes = drawing.add_axes((0.75, 0.01, 0.245, 0.98))
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, height)
    y = height - 0.2
    axes.scatter([0.05], [y], s=60, color=ACCENT, linewidth=0)
    axes.text(0.13, y, "bundle of accounts", fontsize=7.6, va="center")
    for kind, (shape, color) in styles.items():
        lines = _wrap(kind, 27)
        extra = 0.058 * lines.count("\n")
        y -= 0.24 + extra
        axes.scatter([0.05], [y], s=34, marker=shape, color=color, linewidth=0)
        axes.text(0.13, y, lines, fontsize=7.6, va="center", color=INK_2, linespacing=1.1)
        y -= extra


def _wrap(text: str, width: int) -> str:
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join([*lines, line])
