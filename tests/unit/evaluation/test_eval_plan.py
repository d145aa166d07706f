from __future__ import annotations

from pathlib import Path

import pytest

from stillwatch.errors import ConfigError
from stillwatch.evaluation.ablations import Ablation
from stillwatch.evaluation.knobs import load_world_with, parse_setting
from stillwatch.evaluation.left_out import list_families
from stillwatch.evaluation.methods import choose_methods, list_slugs
from stillwatch.evaluation.plan import (
    Ablations,
    Plan,
    PlannedWorld,
    Sweep,
    check_plan,
    list_cells,
    list_plans,
    load_plan,
)
from stillwatch.worlds.presets import list_presets, load_world


def test_load_world_with__changes_only_the_named_values() -> None:
    changed = load_world_with(
        "tiny", {"cohorts.ordinary.accounts": 9, "attackers.relay.contents.0.paraphrase": 0.5}
    )
    plain = load_world("tiny")
    assert changed.cohorts[0].accounts == 9
    assert changed.attackers[0].contents[0].paraphrase == 0.5
    assert changed.cohorts[1:] == plain.cohorts[1:]
    assert changed.models == plain.models
    assert changed.attackers[0].pools == plain.attackers[0].pools


def test_load_world_with__without_changes_is_the_preset() -> None:
    assert load_world_with("demo", {}) == load_world("demo")
    same = load_world("tiny").cohorts[0].accounts
    assert load_world_with("tiny", {"cohorts.ordinary.accounts": same}) == load_world("tiny")


def test_load_world_with__mixing_scales_what_extracts_and_what_does_not() -> None:
    contents = load_world_with("demo", {"attackers.hydra.mixing": 0.9}).attackers[0].contents
    extraction = [each.share for each in contents if each.extraction]
    cover = [each.share for each in contents if not each.extraction]
    assert sum(extraction) == pytest.approx(0.1)
    assert cover == pytest.approx([0.9 * 0.5 / 0.65, 0.9 * 0.15 / 0.65])


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("cohorts.nobody.accounts", 3, "there is ordinary, partner"),
        ("cohorts.ordinary.acounts", 3, "has no cohorts.ordinary.acounts"),
        ("cohorts.ordinary.accounts", "many", "valid integer"),
        ("cohorts.ordinary", 3, "names a whole entry"),
        ("attackers.relay.mixing", 1.0, "no share of cover traffic"),
        ("attackers.relay.traffic.per_day.more", 1, "there is nothing"),
    ],
)
def test_load_world_with__a_wrong_path_or_value_says_what_there_is(
    path: str, value: object, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_world_with("tiny", {path: value})


def test_parse_setting__needs_path_and_value() -> None:
    assert parse_setting("a.b=1=2", "--set") == ("a.b", "1=2")
    with pytest.raises(ConfigError, match="write PATH=VALUE"):
        parse_setting("a.b", "--set")


def test_load_world_with__scales_before_a_number_is_changed() -> None:
    plain = load_world("relay_5_per_day")
    scaled = load_world_with("relay_5_per_day", {"cohorts.ordinary.accounts": 700})
    assert scaled.cohorts[0].accounts == 700
    assert scaled.attackers[0].pools[0].accounts == round(
        plain.attackers[0].pools[0].accounts * plain.scale
    )
    assert load_world_with("relay_5_per_day", {}, 1.0).attackers == plain.attackers


@pytest.mark.parametrize("name", ["quick", "full"])
def test_plan_that_ships__holds_every_world_field_family_and_six_knobs(name: str) -> None:
    plan = load_plan(name)
    cells = list_cells(plan)
    assert len({cell.name for cell in cells}) == len(cells)
    assert {cell.ablation for cell in cells} == {None, *Ablation}
    assert any(cell.left_out_families == tuple(list_families()) for cell in cells)
    assert len({sweep.knob for sweep in plan.sweeps}) >= 6
    missing = set(list_presets()) - {cell.world for cell in cells}
    assert missing <= {"honest_month"} | ({"demo", "tiny"} if name == "quick" else set())
    assert any(not cell.load().attackers for cell in cells), "a world that nobody attacks"


@pytest.mark.parametrize("name", list_plans())
def test_plan_that_ships__has_enough_old_accounts_to_tell_what_is_rare(name: str) -> None:
    """Where few accounts are established, less is found (docs/detection.md, section 8)."""
    cells = {cell.base: cell for cell in list_cells(load_plan(name))}
    for label, cell in cells.items():
        aged = sum(
            each.accounts * (1 - each.signup.young_ratio)
            for each in cell.load().cohorts
            if each.signup.shape == "aged"
        )
        assert aged > 300 or label == "tiny", label


def test_list_cells__worlds_by_seed_then_ablations_then_levels() -> None:
    plan = check_plan(
        Plan(
            name="p",
            worlds=(
                PlannedWorld("tiny"),
                PlannedWorld("tiny", "quiet", {"attackers": []}),
                PlannedWorld("tiny", "double", scale=2.0, days=2, seeds=1, deliver_as="otel_genai"),
            ),
            seeds=2,
            days=1,
            ablations=Ablations(("tiny",), (Ablation.TEXT,), 1, ("timing",)),
            sweeps=(Sweep("tiny", "attackers.relay.mixing", (0.2, 0.8)),),
        )
    )
    cells = list_cells(plan)
    assert [cell.name for cell in cells] == [
        "tiny seed 7", "tiny seed 8", "quiet seed 7", "quiet seed 8", "double seed 7",
        "tiny without any text seed 7",
        "tiny attackers.relay.mixing=0.2 seed 7", "tiny attackers.relay.mixing=0.8 seed 7",
    ]  # fmt: skip
    assert {cell.base for cell in cells} == {"tiny", "quiet", "double"}
    assert [cell.left_out_families for cell in cells if cell.left_out_families] == [("timing",)]
    assert cells[0].left_out_families == ("timing",)
    assert cells[-1].load().attackers[0].contents[0].share == pytest.approx(0.2)
    assert cells[2].load().attackers == ()
    double = cells[4].load()
    assert double.cohorts[0].accounts == 2 * cells[0].load().cohorts[0].accounts
    assert {source.format for source in double.sources} == {"otel_genai"}
    assert cells[4].days == 1, "the plan's days end a world before its own"


def test_list_cells__a_world_ends_at_its_own_days_where_the_plan_has_none() -> None:
    (cell,) = list_cells(Plan("p", (PlannedWorld("tiny", days=2),)))
    assert cell.days == 2


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (Plan("p", ()), "needs a world"),
        (Plan("p", (PlannedWorld("tiny"), PlannedWorld("tiny"))), "'tiny' is named twice"),
        (Plan("p", (PlannedWorld("tiny"),), ablations=Ablations(("x",))), "no world 'x'"),
        (Plan("p", (PlannedWorld("tiny"),), days=0), "0 is no period"),
        (Plan("p", (PlannedWorld("tiny", days=0),)), "0 is no period"),
        (Plan("p", (PlannedWorld("tiny", seeds=0),)), "at least one seed"),
        (Plan("p", (PlannedWorld("tiny", scale=0.0),)), "scale 0.0 is not above zero"),
        (
            Plan(
                "p", (PlannedWorld("tiny"),), sweeps=(Sweep("tiny", "delivery.late_ratio", (0,)),)
            ),
            "say which `attacker`",
        ),
    ],
)
def test_check_plan__names_what_is_wrong(plan: Plan, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_plan(plan)


def test_load_plan__refuses_unknown_keys_and_names(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text("name: mine\nworlds: [{world: tiny}]\nsedes: 3\n")
    with pytest.raises(ConfigError, match="sedes"):
        load_plan(str(path))
    with pytest.raises(ConfigError, match="full, honest, quick"):
        load_plan("fast")


def test_choose_methods__all_none_and_by_slug() -> None:
    assert choose_methods(["all"]) == frozenset(list_slugs())
    assert choose_methods(["none"]) == frozenset()
    assert choose_methods(["ja4-only"]) == frozenset(["ja4-only"])
    with pytest.raises(ConfigError, match="no method magic"):
        choose_methods(["magic"])


def test_list_cells__a_fast_world_makes_fast_cells() -> None:
    plan = check_plan(Plan(name="p", worlds=(PlannedWorld("tiny", "many", fast=True),)))
    assert [(cell.base, cell.fast) for cell in list_cells(plan)] == [("many", True)]


def test_check_plan__a_fast_world_has_no_logs_to_take_fields_out_of() -> None:
    worlds = (PlannedWorld("tiny", "many", fast=True),)
    with pytest.raises(ConfigError, match="many: fields are taken out of landed logs"):
        check_plan(Plan(name="p", worlds=worlds, ablations=Ablations(("many",))))
