"""One world as the logs of each platform: the same facts, in that platform's words and files."""

from __future__ import annotations

import gzip
import json
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from stillwatch.cli.simulate import command
from stillwatch.errors import ConfigError
from stillwatch.worlds.days import write_days
from stillwatch.worlds.formats import WRITERS
from stillwatch.worlds.formats.writer import FIELD_BREAKS
from stillwatch.worlds.landing import write_lines, write_table
from stillwatch.worlds.model import PARQUET_FORMATS, PLATFORMS, FileKind, Format, deliver_as
from stillwatch.worlds.names import name_account, name_model
from stillwatch.worlds.population import make_population
from stillwatch.worlds.presets import load_world
from stillwatch.worlds.simulate import write_world

FORMATS = get_args(Format)
BATCHED = {"azure_openai_diagnostic": "records", "otel_genai": "resourceSpans"}


@pytest.fixture(scope="module", params=FORMATS)
def delivered(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Format, Path]:
    root = tmp_path_factory.mktemp("delivered")
    write_world("tiny", root / "landing", root / "truth", None, request.param)
    return request.param, root


def _read_files(root: Path, pattern: str) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.glob(pattern))
        if path.is_file()
    }


def _read_lines(root: Path) -> Iterator[dict[str, Any]]:
    for data in _read_files(root, "landing/usage/*/dt=*/*.gz").values():
        for line in gzip.decompress(data).splitlines():
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                continue


def test_formats__have_a_writer_a_platform_and_a_model_spelling_each():
    assert set(WRITERS) == set(FORMATS) == set(PLATFORMS)
    spellings = {platform: name_model("m-1", platform) for platform in PLATFORMS.values()}
    assert all("m-1" in spelling for spelling in spellings.values())
    assert len(set(spellings.values())) == len(PLATFORMS) - 1  # OTLP keeps the lab's own name


def test_deliver_as__keeps_the_facts_of_every_exchange(delivered, tiny):
    _, root = delivered
    names = ("cohort", "campaign", "is_extraction", "technique", "capability", "event_date")
    ours = pq.read_table(root / "truth/exchanges.parquet")
    theirs = pq.read_table(tiny.truth / "exchanges.parquet")
    assert ours.select(names).equals(theirs.select(names))
    assert len(set(ours["exchange_id"].to_pylist())) == theirs.num_rows


def test_deliver_as__keeps_registries_and_reference_tables_but_for_names(delivered, tiny):
    wanted, root = delivered
    ours, theirs = (
        pq.read_table(each / "truth/accounts.parquet") for each in (root, tiny.truth.parent)
    )
    ids = dict(zip(theirs["account_id"].to_pylist(), ours["account_id"].to_pylist(), strict=True))
    assert len(set(ids.values())) == len(ids)
    assert set(ours["platform"].to_pylist()) == {PLATFORMS[wanted]}
    pattern = "landing/accounts/*/dt=*/*.gz"
    files, twins = _read_files(root, pattern), _read_files(tiny.landing.parent, pattern)
    assert set(files) == set(twins)
    for name, data in files.items():
        for line, twin in zip(
            gzip.decompress(data).splitlines(),
            gzip.decompress(twins[name]).splitlines(),
            strict=True,
        ):
            row, other = orjson.loads(line), orjson.loads(twin)
            assert row.pop("account_id") == ids[other.pop("account_id")]
            assert (row.pop("organization_id") is None) == (other.pop("organization_id") is None)
            assert row == other
    for name in ("ownership", "entities", "policy_facts"):
        path = f"landing/reference/{name}.csv"
        assert (root / path).read_bytes() == (tiny.landing.parent / path).read_bytes()
    releases = (root / "landing/reference/model_releases.csv").read_text().splitlines()
    assert len(releases) == len(set(releases)) == 1 + len(load_world("tiny").models)


def test_deliver_as__delivers_late_twice_and_broken_just_the_same(delivered, tiny):
    _, root = delivered
    ours, theirs = (
        json.loads((each / "truth/manifest.json").read_text()) for each in (root, tiny.truth.parent)
    )
    for name in ("late_count", "duplicate_count", "broken_count", "account_count"):
        assert ours[name] == theirs[name], name
    kinds: Counter[str] = Counter()
    for file in ours["files"]:
        kinds.update(file.get("broken_by_kind", {}))
    assert set(kinds) == {"half_line", "bad_utf8", *FIELD_BREAKS}


def test_batches__hold_several_exchanges_now_and_then(delivered):
    wanted, root = delivered
    if wanted not in BATCHED:
        assert WRITERS[wanted].join([b"{}"]) is None
        return
    sizes = Counter()
    for line in _read_lines(root):
        if wanted == "otel_genai":
            found = [
                span
                for entry in line["resourceSpans"]
                for scope in entry["scopeSpans"]
                for span in scope["spans"]
            ]
        else:
            found = line.get("records", [line])
        sizes[len(found)] += 1
    manifest = json.loads((root / "truth/manifest.json").read_text())
    whole = sum(manifest["exchange_count"].values()) + manifest["duplicate_count"]
    assert sum(size * count for size, count in sizes.items()) == whole + 2 * len(FIELD_BREAKS)
    assert 0.5 < sizes[1] / sizes.total() < 1
    assert max(sizes) > 2


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        ("native", "jsonl"),
        ("native", "zstd"),
        ("native", "parquet"),
        ("gcp_vertex_request_response", "parquet"),
        ("otel_genai", "gzip"),
        ("azure_openai_diagnostic", "zstd"),
        ("litellm_spend", "gzip"),
    ],
)
def test_one_seed__gives_identical_files_in_every_format_and_kind(tmp_path, wanted, kind):
    for name in ("first", "second"):
        write_world("tiny", tmp_path / name / "l", tmp_path / name / "t", None, wanted, kind)
    first, second = (_read_files(tmp_path / name, "**/*") for name in ("first", "second"))
    assert first == second
    endings = {
        name.rsplit(".", 1)[1] for name in first if name.startswith("l/usage") and "dt=" in name
    }
    assert endings == {{"jsonl": "jsonl", "gzip": "gz", "zstd": "zst", "parquet": "parquet"}[kind]}


def test_vertex_parquet__has_the_types_of_a_bigquery_export(tmp_path):
    write_world(
        "tiny", tmp_path / "l", tmp_path / "t", None, "gcp_vertex_request_response", "parquet"
    )
    paths = sorted((tmp_path / "l/usage").glob("*/dt=*/*.parquet"))
    table = pa.concat_tables([pq.read_table(path) for path in paths])
    assert table.schema.field("logging_time").type == pa.timestamp("us", tz="UTC")
    assert table.schema.field("request_payload").type == pa.list_(pa.field("element", pa.string()))
    row = table.slice(0, 1).to_pylist()[0]
    assert isinstance(row["request_id"], Decimal)
    assert orjson.loads(row["metadata"])["request_latency"] > 0
    manifest = json.loads((tmp_path / "t/manifest.json").read_text())
    assert manifest["broken_count"] == 2 * 5
    assert table["endpoint"].null_count == 2 * 2  # of five broken rows two lost their account


def test_parquet__is_refused_for_platforms_that_export_none(tmp_path):
    for wanted in set(FORMATS) - set(PARQUET_FORMATS):
        with pytest.raises(ConfigError, match=f"{wanted} is not delivered as Parquet"):
            write_world("tiny", tmp_path / "l", tmp_path / "t", None, wanted, "parquet")
    assert not (tmp_path / "l").exists()


def test_write_days__gives_the_same_lines_from_several_processes():
    world = load_world("tiny")
    population = make_population(world, 3)
    alone = list(write_days(world, population, 3, workers=1))
    shared = list(write_days(world, make_population(world, 3), 3, workers=2))
    assert [labels for _, labels in alone] == [labels for _, labels in shared]
    assert [lines for lines, _ in alone] == [lines for lines, _ in shared]


def test_world_file__may_have_sources_of_every_platform(tmp_path):
    world = load_world("tiny")
    sources = tuple(
        replace(world.sources[0], source_id=wanted, platform=PLATFORMS[wanted], format=wanted)
        for wanted in FORMATS
    )
    shares = dict.fromkeys(PLATFORMS.values(), 1.0)
    cohort = replace(world.cohorts[0], platforms=shares, accounts=30)
    mixed = replace(world, sources=sources, cohorts=(cohort,), attackers=())
    population = make_population(mixed, 1)
    counts = Counter(account.source.platform for account in population.accounts)
    assert counts == dict.fromkeys(PLATFORMS.values(), 5)
    for lines, _ in write_days(mixed, population, 1, workers=1):
        assert set(lines) == set(FORMATS)


def test_name_account__shares_clouds_among_an_organisation():
    one, two = (
        name_account(f"acct_{n}", "org_1", "native", "azure_openai").split("/") for n in (1, 2)
    )
    assert one[2] == two[2] == str(uuid.UUID(one[2]))
    assert one[-1] != two[-1]
    arns = [name_account(f"acct_{n}", "org_1", "native", "aws_bedrock") for n in (1, 2)]
    assert arns[0].split(":")[4] == arns[1].split(":")[4]
    assert name_account("acct_1", None, "native", "native") == "acct_1"


def test_damage__refuses_a_kind_it_does_not_know():
    world = deliver_as(load_world("tiny"), "native")
    ((lines, _), *_) = write_days(world, make_population(world, 1), 1, workers=1)
    row = orjson.loads(lines["native_api"][0].data)
    for writer in WRITERS.values():
        with pytest.raises((ValueError, KeyError)):
            writer.damage(dict(row), "melted")
    with pytest.raises(ValueError, match="no file of lines"):
        write_lines(Path("x"), [], "parquet")
    with pytest.raises(TypeError, match="no Parquet"):
        WRITERS["otel_genai"].make_table([])


def test_write_table__gives_size_and_digest_of_what_it_wrote(tmp_path):
    path = tmp_path / "a" / "t.parquet"
    size, digest = write_table(path, pa.table({"n": [1, 2]}))
    assert path.stat().st_size == size
    assert len(digest) == 64


def test_command__delivers_in_another_format(tmp_path):
    options = ["--world", "tiny", "--landing", str(tmp_path / "l"), "--truth", str(tmp_path / "t")]
    done = CliRunner().invoke(
        command, [*options, "--deliver-as", "litellm_spend", "--file-kind", "jsonl"]
    )
    assert done.exit_code == 0, done.output
    about = (tmp_path / "l/usage/native_api/source.yml").read_text()
    assert "platform: litellm" in about
    assert "format: litellm_spend" in about
    assert list((tmp_path / "l/usage/bedrock").glob("dt=*/part-000.jsonl"))
    assert set(get_args(FileKind)) == {"jsonl", "gzip", "zstd", "parquet"}
