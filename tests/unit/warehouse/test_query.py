"""Analysts' access: what can be asked, and what is denied."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import yaml
from click.testing import CliRunner
from small_home import make_settings

import stillwatch.settings
from stillwatch.cli.query import command
from stillwatch.errors import InputError, WarehouseError
from stillwatch.project import get_project_root
from stillwatch.runs import get_paths
from stillwatch.settings import Settings
from stillwatch.warehouse.query import (
    find_examples,
    get_example,
    list_columns,
    list_tables,
    open_published,
    run_query,
)

SNAPSHOT_ID = "2026-11-05-0123456789ab"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = make_settings(tmp_path)
    published = get_paths(settings).published
    for path in (published / "current.duckdb", published / "snapshots" / f"{SNAPSHOT_ID}.duckdb"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(path)) as connection:
            connection.execute("create schema marts")
            connection.execute(
                "create table marts.dim_campaigns as select 'c' || i as campaign_id, "
                "'=cmd()' as label, -1.5 as weight, "
                "timestamptz '2026-11-05 00:00:00+00' as seen_at "
                "from range(300) as r(i)"
            )
            connection.execute("comment on table marts.dim_campaigns is 'One row per campaign.'")
            connection.execute(f"create table marts.of_{path.parent.name} as select 1 as n")
    return settings


@pytest.fixture
def published(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = open_published(settings)
    yield connection
    connection.close()


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "select * from read_text('/etc/passwd')",
        "select * from glob('/etc/*')",
        "select * from sniff_csv('/etc/passwd')",
        "select * from read_blob('{database}')",
        "select * from hosts",
        "copy marts.dim_campaigns to '{folder}/out.csv'",
        "copy (select 1) to '{database}'",
        "copy (select 1) to '{database}.wal'",
        "export database '{folder}/export'",
        "attach '{folder}/other.duckdb' as other",
        "attach '{database}' as again",
        "attach ':memory:' as memory_database",
        "install httpfs",
        "load httpfs",
        "create table marts.mine (a int)",
        "create view marts.mine as select 1",
        "create or replace macro marts.f() as 1",
        "create secret s (type s3)",
        "insert into marts.dim_campaigns from marts.dim_campaigns",
        "update marts.dim_campaigns set label = ''",
        "delete from marts.dim_campaigns",
        "drop table marts.dim_campaigns",
        "alter table marts.dim_campaigns add column a int",
        "set enable_external_access = true",
        "pragma enable_external_access = true",
        "reset disabled_filesystems",
        "set disabled_filesystems = ''",
        "set lock_configuration = false",
        "set threads = 64",
        "set memory_limit = '100GB'",
        "set python_enable_replacements = true",
    ],
)
def test_open_published__denies_everything_but_reading(
    settings: Settings, published: duckdb.DuckDBPyConnection, tmp_path: Path, sql: str
) -> None:
    hosts = pa.table({"a": [1]})  # a Python object that SQL must not see
    assert hosts.num_rows == 1
    database = get_paths(settings).published / "current.duckdb"
    before = sorted(path.name for path in database.parent.iterdir())
    with pytest.raises(duckdb.Error):
        published.execute(sql.format(database=database, folder=tmp_path)).fetchall()
    assert sorted(path.name for path in database.parent.iterdir()) == before
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    "sql",
    [
        "create temp table mine as select 1",
        "set search_path = 'main'",
        "begin",
        "checkpoint",
        "call pragma_version()",
        "prepare p as select 1",
        "load json",
        "set variable a = 1",
    ],
)
def test_run_query__takes_reading_statements_only(
    published: duckdb.DuckDBPyConnection, sql: str
) -> None:
    with pytest.raises(InputError, match="is not allowed"):
        run_query(published, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from marts.dim_campaigns",
        "select count(*) from dim_campaigns",
        "with a as (select 1 as n) select n from a",
        "from marts.dim_campaigns select count(*)",
        "describe marts.dim_campaigns",
        "show tables",
        "summarize marts.dim_campaigns",
        "explain select 1",
    ],
)
def test_run_query__answers_what_analysts_ask(
    published: duckdb.DuckDBPyConnection, sql: str
) -> None:
    assert run_query(published, sql).rows


def test_run_query__limit_cuts_and_says_so(published: duckdb.DuckDBPyConnection) -> None:
    cut = run_query(published, "select campaign_id from dim_campaigns", limit=10)
    assert (len(cut.rows), cut.is_cut) == (10, True)
    whole = run_query(published, "select campaign_id from dim_campaigns", limit=300)
    assert (len(whole.rows), whole.is_cut) == (300, False)


def test_run_query__times_are_utc(published: duckdb.DuckDBPyConnection) -> None:
    result = run_query(published, "select seen_at::varchar from dim_campaigns limit 1")
    assert result.rows == (("2026-11-05 00:00:00+00",),)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select * from campaigns", r"no table 'campaigns'\. Similar: marts\.dim_campaigns"),
        ("select * from marts.dim_campaign", r"Similar: marts\.dim_campaigns"),
        ("select * from zzz", r"no table 'zzz'\. There are: dim_campaigns, of_published"),
        ("select wait from dim_campaigns", "wait"),
        ("selec 1", "not SQL that can be read"),
        ("select 1; select 2", "2 statements"),
        ("", "0 statements"),
    ],
)
def test_run_query__bad_sql_is_explained(
    published: duckdb.DuckDBPyConnection, sql: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run_query(published, sql)


def test_run_query__endless_query_is_stopped(published: duckdb.DuckDBPyConnection) -> None:
    started = time.monotonic()
    with pytest.raises(InputError, match="was stopped after 0 s"):
        run_query(published, "select sum(a.range) from range(1000000) a, range(1000000) b", 0, 0.3)
    assert time.monotonic() - started < 30


def test_run_query__too_much_memory_is_an_error_and_not_a_spill(tmp_path: Path) -> None:
    settings = make_settings(tmp_path).model_copy(update={"warehouse_memory": "20MB"})
    published = get_paths(settings).published
    published.mkdir(parents=True)
    with duckdb.connect(str(published / "current.duckdb")) as connection:
        connection.execute("create schema marts; create table marts.t as select 1 as a")
    connection = open_published(settings)
    with pytest.raises(InputError, match="STILLWATCH_WAREHOUSE_MEMORY"):
        run_query(connection, "select md5(range::varchar) as h from range(3000000) order by h")
    connection.close()
    assert [path.name for path in published.iterdir()] == ["current.duckdb"]


def test_open_published__nothing_published_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="nothing is published yet"):
        open_published(make_settings(tmp_path))


def test_open_published__kept_snapshot_by_id_and_no_other_path(settings: Settings) -> None:
    connection = open_published(settings, SNAPSHOT_ID)
    assert [name for name, _, _ in list_tables(connection)] == ["dim_campaigns", "of_snapshots"]
    connection.close()
    for wrong in ("2026-11-05-ffffffffffff", "../current", "/etc/passwd"):
        with pytest.raises(InputError, match=f"there are: {SNAPSHOT_ID}"):
            open_published(settings, wrong)


def test_list_columns__unknown_table_gets_hints(published: duckdb.DuckDBPyConnection) -> None:
    assert list_columns(published, "marts.dim_campaigns")[0][:2] == ("campaign_id", "VARCHAR")
    with pytest.raises(InputError, match=r"Similar: marts\.dim_campaigns"):
        list_columns(published, "campaigns")


def test_examples__each_says_question_reader_and_how_to_read_it() -> None:
    examples = find_examples()
    assert len(examples) >= 8
    for example in examples:
        lines = example.sql.splitlines()
        assert lines[0].startswith("-- Question: ")
        assert any(line.startswith("-- Reader: ") for line in lines[:4])
        assert any(line.startswith("-- How to read it: ") for line in lines[:5])


def test_examples__run_on_the_contracts_of_the_marts(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    published = get_paths(settings).published
    published.mkdir(parents=True)
    with duckdb.connect(str(published / "current.duckdb")) as connection:
        connection.execute("create schema marts")
        for path in (get_project_root() / "dbt_project" / "models" / "marts").rglob("*.yml"):
            for model in yaml.safe_load(path.read_text()).get("models", []):
                columns = ", ".join(
                    f'"{column["name"]}" {column["data_type"]}' for column in model["columns"]
                )
                connection.execute(f"create table marts.{model['name']} ({columns})")
    connection = open_published(settings)
    for example in find_examples():
        assert run_query(connection, example.sql).columns, example.name
    connection.close()


def test_get_example__unknown_name_lists_similar_ones() -> None:
    with pytest.raises(InputError, match="campaigns_now"):
        get_example("campaign_now")


@pytest.fixture
def runner(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    monkeypatch.setenv("STILLWATCH_HOME", str(settings.home))
    stillwatch.settings.get_settings.cache_clear()
    yield CliRunner()
    stillwatch.settings.get_settings.cache_clear()


def test_query_command__csv_neutralises_formulas_in_text_only(runner: CliRunner) -> None:
    sql = "select label, weight, campaign_id from dim_campaigns order by campaign_id limit 1"
    result = runner.invoke(command, [sql, "--format", "csv"])
    assert result.output == "label,weight,campaign_id\n'=cmd(),-1.5,c0\n"


def test_query_command__json_is_a_list_of_objects(runner: CliRunner) -> None:
    sql = "select campaign_id, weight, seen_at from dim_campaigns order by campaign_id limit 1"
    result = runner.invoke(command, [sql, "--format", "json"])
    assert json.loads(result.output) == [
        {"campaign_id": "c0", "weight": -1.5, "seen_at": "2026-11-05T00:00:00+00:00"}
    ]


def test_query_command__cut_is_said_on_standard_error(runner: CliRunner) -> None:
    result = runner.invoke(command, ["from dim_campaigns", "--limit", "2", "--format", "csv"])
    assert len(result.stdout.splitlines()) == 3
    assert "only the first 2 rows" in result.stderr


def test_query_command__needs_exactly_one_thing_to_do(runner: CliRunner) -> None:
    assert runner.invoke(command, []).exit_code == 2
    assert runner.invoke(command, ["select 1", "--shell"]).exit_code == 2


def test_query_command__shell_goes_on_after_an_error(runner: CliRunner) -> None:
    lines = """.tables
.schema dim_campaigns
drop table marts.dim_campaigns;
select count(*)
  as n
from dim_campaigns;
.nonsense
.refresh
select 40 + 2 as answer;
.quit
select 'never' as reached;
"""
    result = runner.invoke(command, ["--shell"], input=lines)
    assert result.exit_code == 0
    assert "One row per campaign." in result.stdout
    assert "TIMESTAMP WITH TIME ZONE" in result.stdout
    assert "a DROP statement is not allowed" in result.stderr
    assert "300" in result.stdout
    assert "'.nonsense' is no command" in result.stderr
    assert "42" in result.stdout
    assert "never" not in result.stdout


def test_query_command__examples_are_listed(runner: CliRunner) -> None:
    result = runner.invoke(command, ["--examples"])
    assert "campaigns_now" in result.output
    assert "Which campaigns are suspected now" in result.output
