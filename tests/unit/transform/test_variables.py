from __future__ import annotations

from typing import Any

import pytest

from stillwatch.errors import ConfigError
from stillwatch.settings import Settings
from stillwatch.transform.build import run_dbt
from stillwatch.transform.variables import (
    Variable,
    find_layers,
    parse_changes,
    parse_variables,
    read_variables,
)

PROJECT = """\
models: {}

vars:
  run_date: "1970-01-01"   # the day

  # Windows
  window_days: 28       # measured in March,
                        # and again in May

  # An odd heading
  # of two lines
  slope: 0.5
  cap: 6   # a cap
  factors: [1, 2]   # no single number
"""


def test_variables__origin_is_the_comment_beside_or_the_heading_above() -> None:
    assert parse_variables(PROJECT) == {
        "window_days": Variable("window_days", 28, "measured in March, and again in May"),
        "slope": Variable("slope", 0.5, "An odd heading of two lines"),
        "cap": Variable("cap", 6, "a cap"),
    }


def test_variables__every_var_of_the_project_has_an_origin() -> None:
    variables = read_variables()
    assert "evidence_slope" in variables
    assert [name for name, variable in variables.items() if not variable.origin] == []


def test_changes__keep_the_type_of_the_var() -> None:
    changes = parse_changes(["evidence_slope=1", "group_small_size=12"])
    assert changes == {"evidence_slope": 1.0, "group_small_size": 12}
    assert [type(value) for value in changes.values()] == [float, int]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            ["slope_of_evidence=1"],
            r"no var 'slope_of_evidence'[\s\S]*evidence_slope = 0.5  discount",
        ),
        (["run_date=2026-11-01"], "no var 'run_date'"),
        (["evidence_slope=much"], "evidence_slope is a number"),
        (["evidence_slope=true"], "evidence_slope is a number"),
        (["evidence_slope=.nan"], "evidence_slope is a number"),
        (["evidence_slope=["], "evidence_slope is a number"),
        (["group_small_size=9.5"], "group_small_size is a whole number"),
        (["evidence_slope"], "write VAR=VALUE"),
        (["evidence_slope=0.5"], "is 0.5 already"),
        (["evidence_slope=0.6", "evidence_slope=0.7"], "given twice"),
        ([], "nothing is proposed"),
    ],
)
def test_changes__say_what_is_wrong(texts: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_changes(texts)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return run_dbt(Settings(home=tmp_path_factory.mktemp("variables")), ["parse"]).result


def test_layers__a_var_is_found_in_models_and_behind_macros(manifest: Any) -> None:
    layers = find_layers(
        manifest, ["evidence_slope", "evidence_window_days", "group_correlation", "not_a_var"]
    )
    assert layers["evidence_slope"] == {"campaigns"}
    assert "behaviour" in layers["evidence_window_days"]  # through in_evidence_window
    assert layers["group_correlation"] == {"campaigns"}  # through two macros
    assert layers["not_a_var"] == frozenset()


def test_layers__every_var_of_the_project_decides_something(manifest: Any) -> None:
    for name, layers in find_layers(manifest, read_variables()).items():
        assert layers & {"behaviour", "campaigns"}, name
