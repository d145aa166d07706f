"""The layers of a build follow each other: each can be built when those before it are."""

from __future__ import annotations

from typing import Any

import pytest

from stillwatch.settings import Settings
from stillwatch.transform.build import LAYERS, run_dbt


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    settings = Settings(home=tmp_path_factory.mktemp("layers"))
    return dict(run_dbt(settings, ["parse"]).result.nodes)


def _get_layer(node: Any) -> int:
    (layer,) = (LAYERS.index(tag) for tag in node.tags if tag in LAYERS)
    return layer


def test_layers__a_model_needs_only_its_own_layer_and_earlier_ones(nodes: dict[str, Any]) -> None:
    built = {key: node for key, node in nodes.items() if node.resource_type in ("model", "seed")}
    assert {_get_layer(node) for node in built.values()} == set(range(len(LAYERS)))
    late = [
        (node.name, built[needed].name)
        for node in built.values()
        for needed in getattr(node.depends_on, "nodes", ())  # a seed needs nothing
        if needed in built and _get_layer(built[needed]) > _get_layer(node)
    ]
    assert late == []


def test_layers__reports_read_marts_and_staging_reads_sources(nodes: dict[str, Any]) -> None:
    models = {key: node for key, node in nodes.items() if node.resource_type == "model"}
    for node in models.values():
        needed = [models[key] for key in node.depends_on.nodes if key in models]
        if node.name.startswith("stg_"):
            assert needed == [], node.name
        if not node.name.startswith(("fct_", "dim_", "bridge_", "rpt_")):
            assert not [other.name for other in needed if "/marts/" in other.original_file_path]
