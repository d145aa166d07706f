"""The written world as a whole: bytes, counts, separation from the truth."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from stillwatch.cli.simulate import command
from stillwatch.errors import ConfigError
from stillwatch.worlds.presets import load_world
from stillwatch.worlds.simulate import write_world


def _read_all(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_write_world__is_byte_identical_for_one_seed(tiny, tmp_path):
    write_world("tiny", tmp_path / "landing", tmp_path / "truth", None)
    assert _read_all(tmp_path / "landing") == _read_all(tiny.landing)
    assert _read_all(tmp_path / "truth") == _read_all(tiny.truth)


def test_write_world__differs_for_another_seed(tiny, tmp_path):
    write_world("tiny", tmp_path / "landing", tmp_path / "truth", 8)
    theirs, ours = _read_all(tmp_path / "landing"), _read_all(tiny.landing)
    same = [name for name in ours if name.endswith(".gz") and theirs.get(name) == ours[name]]
    assert same == []


def test_write_world__replaces_an_earlier_world_only(tmp_path):
    write_world("tiny", tmp_path / "landing", tmp_path / "truth", 1)
    write_world("tiny", tmp_path / "landing", tmp_path / "truth", 2)
    assert json.loads((tmp_path / "truth/manifest.json").read_text())["seed"] == 2
    (tmp_path / "landing/usage/native_api/source.yml").unlink()
    with pytest.raises(ConfigError, match="was not simulated"):
        write_world("tiny", tmp_path / "landing", tmp_path / "truth", 2)


def test_write_world__leaves_other_sources_and_feeds_alone(tmp_path):
    kept = [tmp_path / "landing" / name for name in ("usage/other/a.jsonl", "feeds/f/b.txt")]
    for path in kept:
        path.parent.mkdir(parents=True)
        path.write_text("kept\n")
    write_world("tiny", tmp_path / "landing", tmp_path / "truth", None)
    assert [path.read_text() for path in kept] == ["kept\n", "kept\n"]


@pytest.mark.parametrize("truth", ["landing", "landing/truth", "landing/usage/../truth", "."])
def test_write_world__refuses_truth_inside_landing(tmp_path, truth):
    with pytest.raises(ConfigError, match="inside"):
        write_world("tiny", tmp_path / "landing", tmp_path / truth, None)


def test_write_world__refuses_truth_linked_into_landing(tmp_path):
    (tmp_path / "landing").mkdir()
    (tmp_path / "elsewhere").symlink_to(tmp_path / "landing")
    with pytest.raises(ConfigError, match="inside"):
        write_world("tiny", tmp_path / "landing", tmp_path / "elsewhere" / "truth", None)


def test_landing__holds_no_marker_of_attackers(tiny):
    world = load_world("tiny")
    words = {"attacker", "campaign", "extraction", "truth", "cohort"}
    words |= {each.name for each in world.attackers} | {each.name for each in world.cohorts}
    words |= {pool.name for each in world.attackers for pool in each.pools}
    campaigns = {row["account_id"] for row in tiny.read_truth("accounts") if row["is_attacker"]}
    fields: dict[bool, set[str]] = {True: set(), False: set()}
    for row in tiny.read_rows("accounts/*/dt=*/*.gz"):
        fields[row["account_id"] in campaigns] |= set(row)
        for name in ("account_id", "organization_id", "payment_instrument"):
            assert not words & set(re.split(r"\W|_", str(row[name])))
    assert fields[True] == fields[False]
    files = [path for path in tiny.landing.rglob("*") if path.is_file()]
    assert not [path for path in files if words & set(re.split(r"\W", str(path.name)))]
    for row in tiny.read_rows("usage/native_api/dt=*/*.gz"):
        assert not words & set(row)


def test_landing__orders_accounts_without_telling_who_is_who(tiny):
    attackers = {row["account_id"] for row in tiny.read_truth("accounts") if row["is_attacker"]}
    ids = [row["account_id"] for row in tiny.read_rows("accounts/native_api/dt=2026-11-03/*.gz")]
    flags = [account_id in attackers for account_id in ids]
    changes = sum(a != b for a, b in pairwise(flags))
    assert changes > 8  # sorted by group there would be one or two


def test_manifest__agrees_with_the_delivered_lines(tiny):
    manifest = json.loads((tiny.truth / "manifest.json").read_text())
    usage = [file for file in manifest["files"] if file["kind"] == "usage"]
    for file in usage:
        lines = gzip.decompress((tiny.landing / file["path"]).read_bytes()).splitlines()
        assert len(lines) == file["line_count"]
    lines = sum(file["line_count"] for file in usage)
    exchanges = sum(manifest["exchange_count"].values())
    assert lines == exchanges + manifest["duplicate_count"] + manifest["broken_count"]
    assert min(manifest["late_count"], manifest["duplicate_count"]) > 0
    assert manifest["broken_count"] == 2 * 5  # two sources, one day


def test_deliveries__are_late_doubled_and_broken_as_the_manifest_says(tiny):
    manifest = json.loads((tiny.truth / "manifest.json").read_text())
    known = {row["exchange_id"] for row in tiny.read_truth("exchanges")}
    seen: Counter[str] = Counter()
    late = 0
    for day in ("2026-11-01", "2026-11-02", "2026-11-03"):
        for row in tiny.read_rows(f"usage/native_api/dt={day}/*.gz"):
            if row.get("exchange_id") in known:
                seen[row["exchange_id"]] += 1
                late += seen[row["exchange_id"]] == 1 and row["event_at"][:10] < day
    native = [file for file in manifest["files"] if file["source_id"] == "native_api"]
    assert sum(seen.values()) - len(seen) == sum(file["duplicate_count"] for file in native)
    assert set(seen) == {key for key in known if key.startswith("msg_")}
    assert late == sum(file["late_count"] for file in native)


def test_broken_lines__are_of_every_kind_and_never_in_the_truth(tiny):
    known = {row["exchange_id"] for row in tiny.read_truth("exchanges")}
    odd = []
    for line in tiny.read_lines("usage/native_api/dt=2026-11-02/*.gz"):
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            odd.append("unreadable")
            continue
        if row["exchange_id"] not in known:
            odd.append("unknown")
    assert Counter(odd) == {"unreadable": 2, "unknown": 3}


def test_registry__shows_bans_and_openings_as_of_the_end_of_the_day(tiny):
    roles = {row["account_id"]: row["role"] for row in tiny.read_truth("accounts")}
    for day in (1, 2, 3):
        until = datetime(2026, 11, day + 1, tzinfo=UTC)
        rows = list(tiny.read_rows(f"accounts/*/dt=2026-11-0{day}/*.gz"))
        assert all(datetime.fromisoformat(row["created_at"]) < until for row in rows)
        pool = [row for row in rows if roles[row["account_id"]] == "pool_1"]
        assert len(pool) == 12
        assert {row["status"] for row in pool} == ({"active"} if day == 1 else {"banned"})
        for row in rows:
            assert (row["banned_at"] is not None) == (row["status"] == "banned")
            assert row["banned_at"] is None or datetime.fromisoformat(row["banned_at"]) < until


def test_reference__has_the_six_tables_with_end_dates(tiny):
    folder = tiny.landing / "reference"
    names = {path.stem for path in folder.glob("*.csv")}
    assert names == {
        "allowlist",
        "decisions",
        "entities",
        "model_releases",
        "ownership",
        "policy_facts",
    }
    with (folder / "allowlist.csv").open() as file:
        allowed = list(csv.DictReader(file))
    assert all(row["valid_until"] > row["valid_from"] for row in allowed)
    partner = {
        row["account_id"] for row in tiny.read_truth("accounts") if row["cohort"] == "partner"
    }
    organisations = {
        row["organization_id"]
        for row in tiny.read_rows("accounts/native_api/dt=2026-11-03/*.gz")
        if row["account_id"] in partner
    }
    assert organisations <= {row["value"] for row in allowed}
    with (folder / "model_releases.csv").open() as file:
        released = {(row["platform"], row["model"]) for row in csv.DictReader(file)}
    used = {("native", row.get("model")) for row in tiny.read_rows("usage/native_api/dt=*/*.gz")}
    used |= {("aws_bedrock", row["modelId"]) for row in tiny.read_rows("usage/bedrock/dt=*/*.gz")}
    assert used <= released


def test_bedrock_records__have_the_shape_of_invocation_logs(tiny):
    rows = list(tiny.read_rows("usage/bedrock/dt=2026-11-01/*.gz"))
    assert len(rows) > 20
    registry = {row["account_id"] for row in tiny.read_rows("accounts/bedrock/dt=2026-11-01/*.gz")}
    for row in rows:
        assert row["schemaType"] == "ModelInvocationLog"
        assert row["identity"]["arn"] in registry
        assert row["accountId"] in row["identity"]["arn"]
        assert row["input"]["inputBodyJson"]["messages"][0]["content"][0]["text"]
        assert ("errorCode" in row) != ("output" in row)
    assert {"Converse", "InvokeModel"} & {row["operation"].removesuffix("Stream") for row in rows}


def test_command__prints_what_was_written_and_defaults_truth_beside_landing(tmp_path):
    result = CliRunner().invoke(
        command, ["--world", "tiny", "--landing", str(tmp_path / "w" / "landing")]
    )
    assert result.exit_code == 0, result.output
    assert "delivered twice" in result.output
    assert (tmp_path / "w" / "truth" / "manifest.json").exists()


def test_command__help_teaches_how_to_start():
    result = CliRunner().invoke(command, ["--help"])
    assert "stillwatch simulate --world tiny" in result.output
    assert "never inside the landing root" in " ".join(result.output.split())


def test_command__lists_worlds_and_blocks_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    result = CliRunner().invoke(command, ["--list"])
    assert result.exit_code == 0, result.output
    for name in ("relay_5_per_day", "look_alikes", "key_migration", "technique_searcher"):
        assert name in result.output
    assert not list(tmp_path.iterdir())


def test_command__scale_changes_the_accounts(tmp_path):
    root = tmp_path / "w"
    arguments = ["--world", "off_platform_purchase", "--landing", str(root / "landing")]
    result = CliRunner().invoke(command, [*arguments, "--scale", "0.05"])
    assert result.exit_code == 0, result.output
    manifest = json.loads((root / "truth" / "manifest.json").read_text())
    assert manifest["account_count"] == 22 + 3 + 2


def test_write_world__refuses_a_scale_that_makes_no_sense(tmp_path):
    with pytest.raises(ConfigError, match="--scale 0 lies outside"):
        write_world("tiny", tmp_path / "landing", tmp_path / "truth", None, scale=0)
