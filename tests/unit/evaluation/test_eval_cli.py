from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from stillwatch.cli import cli
from stillwatch.cli.evaluate import _choose_plan
from stillwatch.errors import ConfigError
from stillwatch.evaluation.ablations import Ablation
from stillwatch.evaluation.plan import list_cells, load_plan

NOTHING: dict[str, Any] = {
    "plan_name": None, "worlds": None, "seeds": None, "days": None, "methods": None,
    "overrides": (), "ablate": None, "leave_out": None, "sweeps": (), "fast": False,
}  # fmt: skip


def test_evaluate_command__makes_a_plan_of_its_options() -> None:
    plan = _choose_plan(
        NOTHING
        | {
            "worlds": "tiny,demo",
            "seeds": 2,
            "days": 5,
            "methods": "ja4-only,volume-rule",
            "overrides": ("cohorts.ordinary.accounts=20",),
            "ablate": "text,payment",
            "leave_out": "timing,content",
        }
    )
    assert [(world.label, world.set) for world in plan.worlds] == [
        ("tiny", {"cohorts.ordinary.accounts": 20}),
        ("demo", {"cohorts.ordinary.accounts": 20}),
    ]
    assert (plan.seeds, plan.days, plan.methods) == (2, 5, ("ja4-only", "volume-rule"))
    assert plan.ablations.fields == (Ablation.TEXT, Ablation.PAYMENT)
    assert plan.ablations.families == ("timing", "content")
    assert plan.ablations.worlds == ("tiny", "demo")


def test_evaluate_command__leaving_out_families_takes_no_field_away() -> None:
    plan = _choose_plan(NOTHING | {"worlds": "tiny", "leave_out": "timing"})
    assert [cell.left_out_families for cell in list_cells(plan)] == [("timing",)]


def test_evaluate_command__a_world_of_many_honest_accounts_is_judged_fast() -> None:
    plan = _choose_plan(NOTHING | {"worlds": "honest_month", "fast": True, "seeds": 2})
    assert [(cell.fast, cell.seed) for cell in list_cells(plan)] == [(True, 1001), (True, 1002)]


def test_evaluate_command__a_sweep_is_a_curve_per_world() -> None:
    plan = _choose_plan(NOTHING | {"worlds": "tiny", "sweeps": ("attackers.relay.mixing=0.2,0.8",)})
    assert [(each.target, each.levels) for each in plan.sweeps] == [("relay", (0.2, 0.8))]


def test_evaluate_command__seeds_and_days_change_a_named_plan() -> None:
    plan = _choose_plan(NOTHING | {"plan_name": "quick", "seeds": 4, "days": 2})
    assert (plan.seeds, plan.days) == (4, 2)
    assert plan.sweeps == load_plan("quick").sweeps


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "either --plan NAME or --world"),
        ({"plan_name": "quick", "worlds": "tiny"}, "either --plan NAME or --world"),
        ({"plan_name": "quick", "ablate": "text"}, "a plan has its own"),
        ({"plan_name": "quick", "leave_out": "all"}, "a plan has its own"),
        ({"worlds": "tiny", "ablate": "smell"}, "'smell': give addresses, payment, text"),
        ({"worlds": "tiny", "leave_out": "smell"}, "no family smell"),
        ({"worlds": "tiny", "sweeps": ("attackers.relay.mixing=much",)}, "levels are numbers"),
        ({"worlds": "tiny", "overrides": ("a.b=[",)}, "is no YAML value"),
        ({"worlds": "tiny", "sweeps": ("attackers.gone.mixing=0.5",)}, "there is relay"),
    ],
)
def test_evaluate_command__says_what_is_wrong_with_its_options(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        _choose_plan(NOTHING | options)


def test_evaluate_command__page_and_run_go_together() -> None:
    done = CliRunner().invoke(cli, ["evaluate", "--page", "page.md"])
    assert isinstance(done.exception, ConfigError)
    assert "--page and --run go together" in str(done.exception)
