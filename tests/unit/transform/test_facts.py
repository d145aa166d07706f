from __future__ import annotations

from types import SimpleNamespace

from stillwatch.transform.facts import list_fact_models


def _make_project(*rows: tuple[str, str, str, tuple[str, ...]]) -> SimpleNamespace:
    """Return a dbt project of models given as name, layer, materialization and parents."""
    nodes = {
        name: SimpleNamespace(
            name=name,
            resource_type="model",
            tags=[layer],
            config=SimpleNamespace(materialized=materialized),
        )
        for name, layer, materialized, _ in rows
    }
    return SimpleNamespace(nodes=nodes, parent_map={name: list(up) for name, _, _, up in rows})


def test_list_fact_models__names_what_the_campaigns_add_up_and_nothing_else() -> None:
    project = _make_project(
        ("rows", "behaviour", "table", ()),
        ("days", "behaviour", "incremental", ("rows",)),
        ("hunted", "behaviour", "incremental", ("rows",)),  # no campaign reads it
        ("windows", "behaviour", "table", ("days",)),
        ("groups", "campaigns", "table", ("windows",)),
        ("history", "campaigns", "incremental", ("groups",)),
        ("marts", "campaigns", "table", ("history",)),
    )
    assert list_fact_models(project) == ["days"]
