"""Publishing: only what was audited, all at once, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from small_home import (
    DAY,
    build_reporting,
    make_report,
    make_settings,
    open_build,
    pass_gates,
    write_build,
    write_day,
    write_report,
)

import stillwatch.transform.build
from stillwatch.errors import GateFailed, WarehouseError
from stillwatch.quality.gates import check_day
from stillwatch.runs import get_paths
from stillwatch.settings import Settings
from stillwatch.warehouse.fingerprint import combine_fingerprints, fingerprint_tables
from stillwatch.warehouse.publish import publish_day, refresh_reports_table
from stillwatch.warehouse.swap import find_snapshots, remove_orphans


@pytest.fixture(autouse=True)
def _reporting_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stillwatch.transform.build, "build_day", build_reporting)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = make_settings(tmp_path)
    write_day(settings)
    write_build(settings)
    pass_gates(settings, DAY)
    return settings


def read_current(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(
        str(get_paths(settings).published / "current.duckdb"), read_only=True
    ) as connection:
        return connection.execute(sql).fetchall()


def change_build(settings: Settings, total_tokens: int) -> None:
    with open_build(settings) as connection:
        connection.execute("update marts.dim_campaigns set total_tokens = ?", [total_tokens])
    pass_gates(settings, DAY)


def test_publish__snapshot_current_and_parquet_hold_the_build(settings: Settings) -> None:
    snapshot = publish_day(settings, DAY)
    published = get_paths(settings).published
    assert snapshot.snapshot_id.startswith("2026-11-05-")
    assert snapshot.path == published / "snapshots" / f"{snapshot.snapshot_id}.duckdb"
    info = read_current(settings, "select snapshot_id, as_of_date from marts.snapshot_info")
    assert info == [(snapshot.snapshot_id, DAY)]
    assert read_current(settings, "select count(*) from marts.dim_accounts") == [(3,)]
    comments = (
        "select count(*), count(comment) from duckdb_columns() "
        "where table_name in ('dim_campaigns', 'fct_account_days')"
    )
    [(columns, described)] = read_current(settings, comments)
    assert columns == described > 20
    export = published / "parquet" / "dim_accounts" / "dim_accounts.parquet"
    assert duckdb.sql(f"select count(*) from '{export}'").fetchall() == [(3,)]
    gates = "select distinct gate from marts.rpt_data_quality order by all"
    assert read_current(settings, gates) == [("marts",), ("raw",)]
    assert not [path for path in published.iterdir() if path.name.startswith(".build_")]


def test_publish__fingerprint_in_the_snapshot_is_that_of_its_tables(settings: Settings) -> None:
    snapshot = publish_day(settings, DAY)
    with duckdb.connect(str(snapshot.path), read_only=True) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "select table_name from duckdb_tables() where schema_name = 'marts'"
            ).fetchall()
            if name not in ("fct_reports", "snapshot_info")
        ]
        found = combine_fingerprints(fingerprint_tables(connection, "marts", tables))
        stored = connection.execute("select fingerprint from marts.snapshot_info").fetchall()
    assert stored == [(found,)]
    assert snapshot.snapshot_id == f"2026-11-05-{found[:12]}"


def test_publish__same_content_is_the_same_snapshot_and_other_content_another(
    settings: Settings,
) -> None:
    first = publish_day(settings, DAY)
    assert publish_day(settings, DAY).snapshot_id == first.snapshot_id
    change_build(settings, 91)
    assert publish_day(settings, DAY).snapshot_id != first.snapshot_id
    assert len(find_snapshots(get_paths(settings))) == 2


@pytest.mark.parametrize("gate", ["raw", "marts"])
def test_publish__gate_that_has_not_run_is_named(settings: Settings, gate: str) -> None:
    (get_paths(settings).ledger / "quality" / f"dt={DAY}" / f"{gate}.json").unlink()
    with pytest.raises(GateFailed, match=f"gate {gate} of 2026-11-05 has not run"):
        publish_day(settings, DAY)


def test_publish__failed_gate_leaves_the_last_snapshot(settings: Settings) -> None:
    publish_day(settings, DAY)
    before = read_current(settings, "from marts.snapshot_info")
    with open_build(settings) as connection:
        connection.execute("update marts.dim_campaigns set account_count = 0")
    with pytest.raises(GateFailed):
        check_day(settings, DAY, "marts")
    with pytest.raises(GateFailed, match="gate marts of 2026-11-05 failed"):
        publish_day(settings, DAY)
    assert read_current(settings, "from marts.snapshot_info") == before


def test_publish__build_that_changed_after_its_audit_is_refused(settings: Settings) -> None:
    with open_build(settings) as connection:
        connection.execute("update marts.dim_campaigns set total_tokens = 5")
    with pytest.raises(GateFailed, match="has changed since the marts gate"):
        publish_day(settings, DAY)
    assert not (get_paths(settings).published / "current.duckdb").exists()


def test_publish__old_day_again_publishes_the_newest_state(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    newer = DAY + timedelta(days=1)
    for day in (DAY, newer):
        write_day(settings, day)
    write_build(settings, (DAY, newer))
    pass_gates(settings, DAY, newer)
    assert publish_day(settings, DAY).as_of_date == newer


def test_publish__old_day_does_not_carry_out_a_newer_day_that_failed(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    newer = DAY + timedelta(days=1)
    for day in (DAY, newer):
        write_day(settings, day)
    write_build(settings, (DAY, newer))
    pass_gates(settings, DAY)
    with pytest.raises(GateFailed, match="gate raw of 2026-11-06 has not run"):
        publish_day(settings, DAY)


def test_publish__orphans_go_and_cited_or_recent_snapshots_stay(settings: Settings) -> None:
    paths = get_paths(settings)
    first = publish_day(settings, DAY)
    write_report(settings, make_report("r1", first.snapshot_id))
    uncited = None
    for tokens in range(1000, 1007):
        change_build(settings, tokens)
        snapshot = publish_day(settings, DAY)
        uncited = uncited or snapshot
        time.sleep(0.01)
    (paths.published / ".build_dead.duckdb").write_bytes(b"x")
    (paths.published / ".build_dead.duckdb.wal").write_bytes(b"x")
    (paths.published / ".build_deadfolder").mkdir()
    remove_orphans(paths)
    kept = {path.stem for path in find_snapshots(paths)}
    assert first.snapshot_id in kept
    assert uncited is not None
    assert uncited.snapshot_id not in kept
    assert len(kept) == 6
    assert len([path for path in paths.published.iterdir() if path.name[0] == "."]) == 1
    assert (paths.published / "parquet" / "dim_accounts").is_dir()


def test_refresh__approval_reaches_analysts_and_keeps_the_snapshot_id(settings: Settings) -> None:
    snapshot = publish_day(settings, DAY)
    published = snapshot.path.read_bytes()
    released = make_report(
        "r1",
        snapshot.snapshot_id,
        state="released",
        approved_by="a person",
        approved_at="2026-11-06T09:00:00+00:00",
        released_at="2026-11-06T09:00:00+00:00",
    )
    write_report(settings, released)
    assert refresh_reports_table(settings)
    reports = "select report_id, state, approved_by, period_from from marts.fct_reports"
    assert read_current(settings, reports) == [("r1", "released", "a person", DAY)]
    ids = read_current(settings, "select snapshot_id from marts.snapshot_info")
    assert ids == [(snapshot.snapshot_id,)]
    assert snapshot.path.read_bytes() == published
    export = get_paths(settings).published / "parquet" / "fct_reports" / "fct_reports.parquet"
    assert duckdb.sql(f"select report_id from '{export}'").fetchall() == [("r1",)]
    assert publish_day(settings, DAY).snapshot_id == snapshot.snapshot_id


def test_refresh__nothing_published_is_said(tmp_path: Path) -> None:
    assert not refresh_reports_table(make_settings(tmp_path))


def test_publish__disk_error_names_the_path_and_leaves_no_orphan(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    import stillwatch.warehouse.publish

    def fail(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stillwatch.warehouse.publish, "sync", fail)
    with pytest.raises(WarehouseError, match=r"published failed \(\d+ MB free there\).*No space"):
        publish_day(settings, DAY)
    assert [path.name for path in get_paths(settings).published.iterdir()] == []


def test_publish__open_reader_keeps_its_snapshot_and_blocks_nobody(settings: Settings) -> None:
    publish_day(settings, DAY)
    current = get_paths(settings).published / "current.duckdb"
    reader = subprocess.Popen(
        [sys.executable, "-c", _SLOW_READER, str(current)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdin is not None
    assert reader.stdout is not None
    assert reader.stdout.readline() == "90\n"
    change_build(settings, 91)
    publish_day(settings, DAY)
    assert read_current(settings, "select total_tokens from marts.dim_campaigns") == [(91,)]
    answer, _ = reader.communicate("again\n", timeout=30)
    assert answer == "90\n"


def _read_log(log: Path) -> list[dict[str, str]]:
    """Return the finished lines that the reader has written so far."""
    lines = log.read_text().split("\n")[:-1] if log.exists() else []
    return [json.loads(line) for line in lines]


def _wait_for_both_states(log: Path) -> None:
    """Let the publisher work until the reader has met either state; a loaded machine is slow."""
    before = len(_read_log(log))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if len({read["state"] for read in _read_log(log)[before:]}) == 2:
            return
        time.sleep(0.1)


def test_publish__readers_see_one_state_through_publishes_and_kills(
    settings: Settings, tmp_path: Path
) -> None:
    """Publish alternately two states, killing half of the publishers; a reader never sees a mix."""
    publish_day(settings, DAY)
    current = get_paths(settings).published / "current.duckdb"
    log = tmp_path / "reads.txt"
    reader = subprocess.Popen([sys.executable, "-c", _READER_LOOP, str(current), str(log)])
    environment = {
        **os.environ,
        "STILLWATCH_HOME": str(settings.home),
        "PYTHONPATH": str(Path(__file__).parent),
    }
    killed = 0
    try:
        for round_number in range(6):
            publisher = subprocess.Popen(
                [sys.executable, "-c", _PUBLISHER, str(get_paths(settings).published)],
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert publisher.stdout is not None
            assert publisher.stdout.readline() == "ready\n"
            if round_number % 2:
                time.sleep(0.05 * round_number)
                publisher.send_signal(signal.SIGKILL)
                killed += publisher.wait() == -signal.SIGKILL
            else:
                _wait_for_both_states(log)
                publisher.terminate()
                publisher.wait()
    finally:
        reader.terminate()
        reader.wait()
    reads = _read_log(log)
    assert killed == 3
    assert len(reads) > 20
    assert {read["state"] for read in reads} == {"one", "other"}
    assert all(read["campaign"] == read["account"] == read["state"] for read in reads)


_SLOW_READER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
for _ in range(2):
    found = connection.execute("select total_tokens from marts.dim_campaigns").fetchone()
    print(found[0], flush=True)
    sys.stdin.readline()
"""

_READER_LOOP = """
import json, sys, duckdb
queries = {
    "campaign": "select min(status) from marts.dim_campaigns",
    "account": "select max(status) from marts.dim_accounts",
    "state": "select snapshot_id from marts.snapshot_info",
}
with open(sys.argv[2], "w") as log:
    while True:
        with duckdb.connect(sys.argv[1], read_only=True) as connection:
            read = {name: connection.execute(sql).fetchone()[0] for name, sql in queries.items()}
        if read["campaign"] != "suspected":
            log.write(json.dumps(read) + "\\n")
            log.flush()
"""

_PUBLISHER = """
import sys, itertools
from pathlib import Path
import duckdb
from stillwatch.runs import Paths
from stillwatch.warehouse.swap import private_file, put_in_place, remove_orphans, sync

published = Path(sys.argv[1])
paths = Paths(published.parent)
remove_orphans(paths)
print("ready", flush=True)
for name in itertools.cycle(["one", "other"]):
    with private_file(paths) as private:
        with duckdb.connect(str(private)) as connection:
            connection.execute("create schema marts")
            for table in ("dim_campaigns", "dim_accounts"):
                connection.execute(
                    f"create table marts.{table} as select '{name}' as status from range(20000)"
                )
            connection.execute(
                f"create table marts.snapshot_info as select '{name}' as snapshot_id"
            )
            connection.execute("checkpoint")
        sync(private)
        put_in_place(paths, private, published / "snapshots" / f"{name}.duckdb")
"""


def test_find_snapshots__the_last_published_comes_first(settings: Settings) -> None:
    first = publish_day(settings, DAY)
    change_build(settings, 91)
    publish_day(settings, DAY)
    change_build(settings, 90)
    publish_day(settings, DAY)
    assert find_snapshots(get_paths(settings))[0].stem == first.snapshot_id
    assert date.fromisoformat(first.snapshot_id[:10]) == DAY
