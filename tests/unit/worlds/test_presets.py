"""World files are read strictly."""

from __future__ import annotations

import ast
from importlib import resources
from pathlib import Path

import pytest
import yaml

from stillwatch.errors import ConfigError
from stillwatch.worlds.composition import list_blocks
from stillwatch.worlds.groups import list_groups
from stillwatch.worlds.presets import list_presets, load_world, parse_world
from stillwatch.worlds.records import list_grammars
from stillwatch.worlds.texts import load_grammar

FICTIONAL = {
    "Copperleaf Relay",
    "Gravenmoor AI",
    "Marrowfen Compute",
    "Pellucid Forge",
    "Sablethorn Labs",
    "Thistledown Systems",
    "Vantage Hollow AI",
}


def _read_tiny() -> dict:
    text = resources.files("stillwatch.worlds.presets").joinpath("tiny.yml").read_text("utf-8")
    return yaml.safe_load(text)


@pytest.mark.parametrize("name", list_presets())
def test_presets__name_only_grammars_that_ship_and_organisations_that_do_not_exist(name):
    world = load_world(name)
    assert world.name == name
    for group in list_groups(world):
        for content in group.all_contents:
            assert all(load_grammar(each).families for each in list_grammars(content))
    parties = {attacker.organisation for attacker in world.attackers}
    parties |= {
        content.organisation
        for attacker in world.attackers
        for content in attacker.contents
        if content.organisation
    }
    assert parties <= FICTIONAL


def test_presets__and_blocks_are_all_in_the_manual():
    manual = (Path(__file__).parents[3] / "docs" / "worlds.md").read_text("utf-8")
    for name in (*list_presets(), *list_blocks("cohorts"), *list_blocks("attackers")):
        assert f"`{name}`" in manual, name


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ((), "colour"),
        (("cohorts", 0), "size"),
        (("cohorts", 0, "traffic"), "per_hour"),
        (("attackers", 0, "pools", 1, "signup"), "start"),
        (("delivery",), "late"),
    ],
)
def test_parse_world__refuses_an_unknown_key_by_its_name(path, key):
    raw = _read_tiny()
    place = raw
    for step in path:
        place = place[step]
    place[key] = 1
    with pytest.raises(ConfigError, match=rf"unknown key .*{key}"):
        parse_world(yaml.safe_dump(raw), "test.yml")


def test_parse_world__lists_every_problem_at_once():
    raw = _read_tiny()
    raw["days"] = "many"
    raw["cohorts"][0]["network"] = {"kind": "moonbase"}
    with pytest.raises(ConfigError, match=r"days.*moonbase|moonbase.*days|days.*network\.kind"):
        parse_world(yaml.safe_dump(raw), "test.yml")


def test_parse_world__refuses_honest_extraction_and_attackers_without_it():
    raw = _read_tiny()
    raw["cohorts"][0]["contents"][0]["extraction"] = True
    raw["attackers"][0]["contents"] = [{"grammar": "everyday"}]
    with pytest.raises(ConfigError, match=r"honest cohorts.*needs a content"):
        parse_world(yaml.safe_dump(raw), "test.yml")


def test_parse_world__refuses_times_without_a_zone():
    raw = _read_tiny()
    raw["models"][1]["released_at"] = "2026-11-01T15:00:00"
    with pytest.raises(ConfigError, match="has no time zone"):
        parse_world(yaml.safe_dump(raw), "test.yml")


def test_parse_world__refuses_a_platform_that_no_source_delivers():
    raw = _read_tiny()
    raw["sources"] = raw["sources"][:1]
    with pytest.raises(ConfigError, match="no source delivers the platform 'aws_bedrock'"):
        parse_world(yaml.safe_dump(raw), "test.yml")


def test_load_world__names_the_worlds_there_are():
    with pytest.raises(ConfigError, match=r"attackers, .*demo, .*look_alikes, .*tiny"):
        load_world("atlantis")


def test_load_world__reads_a_file_of_ones_own(tmp_path):
    raw = _read_tiny() | {"name": "mine"}
    path = tmp_path / "mine.yml"
    path.write_text(yaml.safe_dump(raw))
    assert load_world(str(path)).name == "mine"


def test_worlds__import_nothing_of_the_detector():
    allowed = {
        "stillwatch.errors",
        "stillwatch.importers.mooncake",  # reads a trace; knows nothing of the detector either
        "stillwatch.log",
        "stillwatch.runs",
    }
    folder = Path(str(resources.files("stillwatch.worlds")))
    modules = sorted(folder.rglob("*.py"))
    assert len(modules) > 10
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            ours = {name for name in names if name.startswith("stillwatch")}
            ours = {name for name in ours if not name.startswith("stillwatch.worlds")}
            assert ours <= allowed, path
