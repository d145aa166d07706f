"""Sources whose deliveries lie in an object store: the same results as from a local folder."""

from __future__ import annotations

import logging
import traceback
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from object_store import KEY, SECRET, Store, connection, define, store, store_server
from stillwatch.cli import cli
from stillwatch.errors import ConfigError, LocationError
from stillwatch.landing import storage
from stillwatch.policy.reference import load_reference
from stillwatch.runs import get_paths
from stillwatch.settings import Settings, get_settings
from stillwatch.sources.ingest import ingest_day, ingest_source
from stillwatch.sources.late import find_late

__all__ = ["connection", "store", "store_server"]  # fixtures

DAY = date(2026, 11, 2)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(storage, "_LONGEST_WAIT_SECONDS", 0.02)


def land_two_days(desk: Any) -> None:
    for number, day in enumerate((DAY, DAY + timedelta(days=1))):
        records = [
            desk.exchange(n, event_at=f"{day}T10:00:00Z", prompt=f"Prove lemma {n}")
            for n in range(number * 30, number * 30 + 40)
        ]
        desk.land(records[:20], day=day, name="a.jsonl.gz")
        desk.land(records[20:], day=day, name="b.jsonl")
        desk.land(b"not json\n", day=day, name="c.jsonl")
        desk.land(b"\x1f\x8bnot gzip", day=day, name="d.jsonl.gz")
        table = pa.Table.from_pylist(
            [desk.exchange(number * 100 + 500, event_at=f"{day}T11:00:00Z")]
        )
        pq.write_table(table, desk.landing / f"usage/native/dt={day}/e.parquet")
        desk.land([desk.account(n) for n in range(5)], day=day, kind="accounts")


def read_canonical(settings: Settings, *, quarantine: bool = True) -> dict[str, bytes]:
    root = get_paths(settings).canonical
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and (quarantine or "quarantine" not in path.parts)
    }


def configure(settings: Settings, text: str) -> None:
    settings.config.mkdir(parents=True, exist_ok=True)
    (settings.config / "sources.yml").write_text(text)


def entry(connection: str, bucket: str = "inputs") -> str:
    return (
        f"sources:\n- id: native\n  format: native\n  connection: {connection}\n"
        f"  location: s3://{bucket}/gate/usage/\n  accounts_location: s3://{bucket}/gate/accounts\n"
    )


def test_ingest__from_a_source_in_a_bucket_gives_the_same_bytes(
    desk: Any, store: Store, connection: str, tmp_path: Path
) -> None:
    land_two_days(desk)
    days = (DAY, DAY + timedelta(days=1))
    for day in days:
        ingest_day(desk.settings, day)
    store.put_folder(desk.landing / "usage/native", "inputs", "gate/usage/")
    store.put_folder(desk.landing / "accounts/native", "inputs", "gate/accounts/")
    remote = Settings(
        home=tmp_path / "remote", landing_uri=str(tmp_path / "nothing"), config=tmp_path / "other",
        key_file=desk.settings.config / "secrets/deployment.key",
    )  # fmt: skip
    configure(remote, entry(connection))
    results = [result for day in days for result in ingest_day(remote, day)]
    assert [(r.kind, r.accepted_count) for r in results] == [
        ("usage", 41), ("accounts", 5), ("usage", 31), ("accounts", 5),
    ]  # fmt: skip
    assert read_canonical(remote, quarantine=False) == read_canonical(
        desk.settings, quarantine=False
    )
    rows = pq.ParquetFile(
        get_paths(remote).canonical / f"quarantine/dt={DAY}/source=native/usage.parquet"
    )
    assert set(rows.read(["file_name"])["file_name"].to_pylist()) == {
        f"s3://inputs/gate/usage/dt={DAY}/d.jsonl.gz",
        f"s3://inputs/gate/usage/dt={DAY}/c.jsonl",
    }
    assert find_late(remote) == []
    store.put_folder(desk.landing / f"usage/native/dt={DAY}", "inputs", f"gate/usage/dt={DAY}/z-")
    assert [late.describe() for late in find_late(remote)] == [f"{DAY} usage of native: 5 new"]


def test_ingest__from_a_landing_root_in_a_bucket_gives_the_same_bytes(
    desk: Any, store: Store, connection: str, tmp_path: Path
) -> None:
    land_two_days(desk)
    (desk.landing / "usage/native/source.yml").write_text("platform: gate\n")
    ingest_day(desk.settings, DAY)
    store.put_folder(desk.landing, "inputs")
    remote = Settings(
        home=tmp_path / "remote", landing_uri="s3://inputs", config=desk.settings.config,
        landing_connection=connection,
    )  # fmt: skip
    ingest_day(remote, DAY)
    assert read_canonical(remote) == read_canonical(desk.settings)
    policy = b"model,platform,released_at,announced_at,is_public\n"
    store.client.put_object(Bucket="inputs", Key="reference/model_releases.csv", Body=policy)
    states = {table.name: table.state for table in load_reference(remote, DAY).tables}
    assert states["model_releases"] != states["allowlist"]  # the one is there, the other is not


def test_ingest__a_location_may_be_any_folder_of_the_machine_or_the_root_itself(
    desk: Any, tmp_path: Path
) -> None:
    desk.land([desk.exchange()])
    elsewhere = tmp_path / "mount"
    (desk.landing / "usage/native").rename(elsewhere)
    configure(
        desk.settings, f"sources:\n- id: native\n  format: native\n  location: file://{elsewhere}\n"
    )
    assert desk.ingest().accepted_count == 1
    (elsewhere / f"dt={DAY}").rename(desk.landing / f"dt={DAY}")
    configure(desk.settings, "sources:\n- id: native\n  format: native\n  location: .\n")
    result = desk.ingest()
    assert (result.accepted_count, result.files[0].file_name) == (1, f"dt={DAY}/part-000.jsonl")


@pytest.mark.parametrize("fault", ["closed_port", "no_bucket", "no_connection"])
def test_ingest__a_store_that_cannot_be_reached_changes_nothing(
    desk: Any,
    store: Store,
    connection: str,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "stillwatch")
    desk.land([desk.exchange()])
    store.put_folder(desk.landing / "usage/native", "inputs", "gate/usage/")
    configure(desk.settings, entry(connection))
    desk.ingest()
    before = desk.partition().read_bytes(), desk.ledger()
    match fault:
        case "closed_port":
            define(monkeypatch, "http://127.0.0.1:1")
        case "no_bucket":
            configure(desk.settings, entry(connection, "nowhere"))
        case "no_connection":
            monkeypatch.delenv("AIRFLOW_CONN_MY_S3")
    expected = LocationError if fault == "closed_port" else ConfigError
    with pytest.raises(expected, match=r"source native in sources\.yml") as error:
        ingest_source(desk.settings, "native", DAY)
    assert "my_s3" in str(error.value)
    assert (desk.partition().read_bytes(), desk.ledger()) == before
    shown = "".join(traceback.format_exception(error.value)) + caplog.text + str(capfd.readouterr())
    assert KEY not in shown
    assert SECRET not in shown
    for path in desk.home.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes()


@pytest.fixture
def invoke(desk: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in (
        ("HOME", desk.settings.home),
        ("LANDING_URI", desk.settings.landing_uri),
        ("CONFIG", desk.settings.config),
    ):
        monkeypatch.setenv(f"STILLWATCH_{name}", str(value))
    get_settings.cache_clear()
    yield lambda *arguments: CliRunner().invoke(cli, list(arguments))
    get_settings.cache_clear()


def test_status_and_doctor__name_a_store_that_does_not_answer(
    desk: Any, invoke: Any, store: Store, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.land([desk.exchange()])
    store.put_folder(desk.landing / "usage/native", "inputs", "gate/usage/")
    configure(desk.settings, entry(connection))
    desk.ingest()
    healthy = invoke("status")
    assert "late: nothing has changed in landing" in healthy.output
    assert "s3://inputs/gate/usage answers: 1 folders" in invoke("doctor").output
    define(monkeypatch, "http://127.0.0.1:1")
    status = invoke("status")
    assert status.exit_code == 0
    assert "landed: cannot be told, location s3://inputs/gate/usage, connection my_s3" in (
        status.output
    )
    assert "late: cannot be told" in status.output
    doctor = invoke("doctor")
    assert doctor.exit_code == 1
    assert "problem  location" in doctor.output
    assert SECRET not in status.output + doctor.output
