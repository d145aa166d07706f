"""A day of landed files to canonical rows, quarantine and ledger."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.canonical import ACCOUNTS, EXCHANGES, QUARANTINE
from stillwatch.sources import workers
from stillwatch.sources.ingest import ingest_day

DAY = date(2026, 11, 2)
NEXT = date(2026, 11, 3)


def conserve(ledger: dict[str, Any]) -> None:
    for part in (ledger, *ledger["files"]):
        quarantined = sum(part["quarantined_by_reason"].values())
        assert part["read_count"] == (
            part["accepted_count"] + part["duplicate_count"] + quarantined
        )
    assert ledger["quarantined_count"] == sum(ledger["quarantined_by_reason"].values())
    for name in ("read_count", "accepted_count", "duplicate_count", "blank_count"):
        assert ledger[name] == sum(file[name] for file in ledger["files"])


def test_ingest__brings_a_full_record_into_the_canonical_schema(desk: Any) -> None:
    desk.land(
        [
            desk.exchange(
                organization_id="org",
                workspace_id="ws",
                api_key_id="key",
                session_id="s",
                endpoint="/v1/messages",
                input_tokens=10,
                output_tokens=20.0,
                cached_input_tokens=0,
                reasoning_tokens=5,
                max_tokens=100,
                temperature=1,
                top_p=0.9,
                n=2,
                seed=-7,
                stream=True,
                tool_count=0,
                image_count=0,
                message_count=1,
                latency_ms=300,
                client_ip="::ffff:192.0.2.77",
                client_country="sg",
                user_agent="examplesdk-python/1.0",
                ja4="t13d",
                header_order_hash="abcd",
                end_user_id="u",
                system_prompt="You answer in haiku.",
                prompt="Write a Python function that adds two numbers and explain it.",
                artifacts_issued=["a", "b"],
                artifacts_submitted=[],
            )
        ]
    )
    desk.ingest()
    assert pq.read_schema(desk.partition()).equals(EXCHANGES)
    (row,) = desk.rows()
    assert row["event_at"] == datetime(2026, 11, 2, 10, tzinfo=UTC)
    assert (row["event_date"], row["event_hour"], row["delivered_date"]) == (DAY, 10, DAY)
    assert (row["output_tokens"], row["sample_count"], row["seed"]) == (20, 2, -7)
    assert (row["client_ip"], row["client_country"]) == ("192.0.2.77", "SG")
    assert row["ip_hex"] == "00000000000000000000ffffc000024d"
    assert row["user_agent_family"] == "examplesdk-python"
    assert (len(row["artifacts_issued"]), row["artifacts_submitted"]) == (2, [])
    assert row["has_text"] is True
    assert row["capability_code"] == "coding"
    assert len(row["minhash_bands"]) == 16
    assert not [name for name, value in row.items() if value is None and name != "prefix_fp_16"
                and name not in ("prefix_fp_32", "suffix_fp_12")]  # fmt: skip


def test_ingest__leaves_absent_optional_fields_null_and_names_the_columns(desk: Any) -> None:
    desk.land([desk.exchange(1, organization_id=""), desk.exchange(2, session_id=None)])
    desk.ingest()
    ledger = desk.ledger()
    assert ledger["accepted_count"] == 2
    assert {"organization_id", "client_ip", "prompt_fp", "capability_code"} <= set(
        ledger["absent_columns"]
    )
    assert not {"event_at", "status", "has_text"} & set(ledger["absent_columns"])
    assert {row["has_text"] for row in desk.rows()} == {False}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"exchange_id": ...}, "missing_exchange_id"),
        ({"account_id": None}, "missing_account_id"),
        ({"exchange_id": ""}, "bad_value_exchange_id"),
        ({"model": 4}, "bad_type_model"),
        ({"model": "a\x00b"}, "bad_value_model"),
        ({"status": "fine"}, "bad_value_status"),
        ({"status": ...}, "missing_status"),
        ({"input_tokens": "12"}, "bad_type_input_tokens"),
        ({"input_tokens": -1}, "negative_input_tokens"),
        ({"input_tokens": 1.5}, "bad_type_input_tokens"),
        ({"input_tokens": True}, "bad_type_input_tokens"),
        ({"temperature": "1.0"}, "bad_type_temperature"),
        ({"temperature": -0.5}, "negative_temperature"),
        ({"n": 2**31}, "bad_value_n"),
        ({"stream": "true"}, "bad_type_stream"),
        ({"client_ip": "143.404.146.87"}, "bad_value_client_ip"),
        ({"client_ip": "010.0.0.1"}, "bad_value_client_ip"),
        ({"client_country": "Singapore"}, "bad_value_client_country"),
        ({"prompt": ["x"]}, "bad_type_prompt"),
        ({"artifacts_issued": "a"}, "bad_type_artifacts_issued"),
        ({"artifacts_issued": [1]}, "bad_type_artifacts_issued"),
        ({"event_at": "2026-11-02T10:00:00"}, "no_timezone"),
        ({"event_at": "yesterday"}, "bad_time"),
        ({"event_at": "2026-02-30T10:00:00Z"}, "bad_time"),
        ({"event_at": 1793610000}, "bad_type_event_at"),
        ({"event_at": "2026-11-03T00:10:01Z"}, "future"),
        ({"event_at": "9999-12-31T23:59:59Z"}, "future"),
        ({"event_at": "2026-10-02T23:59:59Z"}, "too_late"),
        ({"event_at": "1970-01-01T00:00:00Z"}, "too_late"),
    ],
)
def test_ingest__quarantines_a_bad_field_with_its_name_and_place(
    desk: Any, fields: dict[str, Any], reason: str
) -> None:
    good = desk.exchange(1)
    desk.land([good, desk.exchange(2, **fields), desk.exchange(3)])
    desk.ingest()
    assert [row["exchange_id"] for row in desk.rows()] == ["x1", "x3"]
    (row,) = desk.quarantine()
    assert (row["reason_code"], row["line_number"]) == (reason, 2)
    assert row["byte_offset"] > 0
    assert next(iter(fields)) in row["detail"]
    conserve(desk.ledger())


def test_ingest__quarantines_a_number_beyond_64_bits(desk: Any) -> None:
    line = b'{"exchange_id":"x1","event_at":"2026-11-02T10:00:00Z","account_id":"a","model":"m",'
    desk.land(line + b'"status":"ok","input_tokens":1180591620717411303424}\n')
    assert desk.ingest().quarantined_by_reason == {"bad_value_input_tokens": 1}


@pytest.mark.parametrize(
    "event_at",
    [
        "2026-11-02T10:00:00.123456789Z",
        "2026-11-02 10:00:00z",
        "2026-11-02T23:59:60Z",
        "2026-11-03T00:10:00Z",
        "2026-11-03T01:30:00+02:00",
        "2026-10-03T00:00:00Z",
    ],
)
def test_ingest__takes_times_within_the_window(desk: Any, event_at: str) -> None:
    desk.land([desk.exchange(event_at=event_at)])
    assert desk.ingest().accepted_count == 1


def test_ingest__counts_a_repeated_exchange_once_and_a_changed_one_as_conflict(desk: Any) -> None:
    desk.land(
        [desk.exchange(1), desk.exchange(1), desk.exchange(1, output_tokens=9)], name="a.jsonl"
    )
    desk.land([desk.exchange(1), desk.exchange(2)], name="b.jsonl.gz")
    result = desk.ingest()
    assert (result.read_count, result.accepted_count, result.duplicate_count) == (5, 2, 2)
    assert result.quarantined_by_reason == {"conflict": 1}
    (row,) = desk.quarantine()
    assert row["file_name"] == f"usage/native/dt={DAY}/a.jsonl"
    assert row["line_number"] == 3
    conserve(desk.ledger())


def test_ingest__compares_with_earlier_days_but_never_with_later_ones(desk: Any) -> None:
    desk.land([desk.exchange(1), desk.exchange(2)])
    desk.land([desk.exchange(2), desk.exchange(1, output_tokens=3), desk.exchange(4)], day=NEXT)
    desk.ingest()
    second = desk.ingest(NEXT)
    assert (second.accepted_count, second.duplicate_count) == (1, 1)
    assert second.quarantined_by_reason == {"conflict": 1}
    before = desk.partition().read_bytes(), desk.ledger()
    again = desk.ingest()
    assert (desk.partition().read_bytes(), desk.ledger()) == before
    assert again.later_days == ()


def test_ingest__finds_a_late_redelivery_weeks_after(desk: Any) -> None:
    desk.land([desk.exchange(1, prompt="one two")])
    desk.ingest()
    later = DAY + timedelta(days=29)
    desk.land([desk.exchange(1, prompt="one two"), desk.exchange(2)], day=later)
    assert desk.ingest(later).duplicate_count == 1


def test_ingest__names_later_days_that_an_out_of_order_day_makes_stale(desk: Any) -> None:
    desk.land([desk.exchange(1), desk.exchange(2)])
    desk.land([desk.exchange(2), desk.exchange(3)], day=NEXT)
    desk.ingest(NEXT)
    assert desk.ingest(DAY).later_days == (NEXT,)
    desk.ingest(NEXT)
    in_order = {day: desk.partition(day).read_bytes() for day in (DAY, NEXT)}
    assert [row["exchange_id"] for row in desk.rows(NEXT)] == ["x3"]
    desk.ingest(DAY)
    desk.ingest(NEXT)
    assert {day: desk.partition(day).read_bytes() for day in (DAY, NEXT)} == in_order


def test_ingest__knows_earlier_exchanges_when_their_digests_are_gone(desk: Any) -> None:
    desk.land([desk.exchange(1), desk.exchange(2)])
    desk.land([desk.exchange(2), desk.exchange(3)], day=NEXT)
    desk.ingest()
    (desk.partition().parent / "_digests.arrow").unlink()
    result = desk.ingest(NEXT)
    assert (result.accepted_count, result.duplicate_count) == (1, 1)


def test_ingest__accepts_nothing_from_a_file_delivered_before(desk: Any) -> None:
    records = [desk.exchange(n) for n in range(4)]
    desk.land([*records, desk.exchange(9, status="fine")], name="a.jsonl")
    desk.land([*records, desk.exchange(9, status="fine")], name="renamed.jsonl.gz")
    desk.ingest()
    first = desk.ledger()
    assert [file["state"] for file in first["files"]] == ["loaded", "duplicate_file"]
    assert (first["read_count"], first["accepted_count"], first["duplicate_count"]) == (10, 4, 5)
    assert first["duplicate_file_count"] == 1
    conserve(first)
    desk.land([*records, desk.exchange(9, status="fine")], day=NEXT)
    second = desk.ingest(NEXT)
    assert (second.accepted_count, second.duplicate_count, second.read_count) == (0, 5, 5)
    assert desk.rows(NEXT) == []
    conserve(desk.ledger(NEXT))


def test_ingest__gives_the_same_bytes_when_run_again(desk: Any) -> None:
    desk.land([desk.exchange(n, prompt=f"Tell me about number {n} please") for n in range(50)])
    desk.ingest()
    files = [path for path in desk.home.rglob("*") if path.is_file() and "locks" not in path.parts]
    before = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    desk.ingest()
    assert {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files} == before


def test_ingest__replaces_a_partition_whose_files_are_gone(desk: Any) -> None:
    path = desk.land([desk.exchange(1)])
    desk.ingest()
    path.unlink()
    result = desk.ingest()
    assert (len(result.files), result.read_count) == (0, 0)
    assert desk.rows() == []
    assert desk.ledger()["file_count"] == 0
    assert desk.ledger()["absent_columns"] == []


def test_ingest__tells_no_files_from_an_empty_file_and_from_blank_lines(desk: Any) -> None:
    desk.land(b"", name="a.jsonl")
    desk.land(b"\n \n\r\n", name="b.jsonl")
    desk.land(b"x", name="_SUCCESS")
    desk.land(b"x", name="c.csv")
    desk.ingest()
    ledger = desk.ledger()
    assert ledger["file_count"] == 3
    assert [(file["state"], file["reason"]) for file in ledger["files"]] == [
        ("refused", "empty_file"),
        ("loaded", None),
        ("refused", "unknown_suffix"),
    ]
    assert (ledger["blank_count"], ledger["read_count"], ledger["refused_file_count"]) == (3, 0, 2)
    refused = desk.quarantine()
    assert [row["reason_code"] for row in refused] == ["empty_file", "unknown_suffix"]
    assert {row["line_number"] for row in refused} == {None}


def test_ingest__reads_parquet_with_timestamps(desk: Any) -> None:
    path = desk.land(b"", name="a.parquet")
    times = [datetime(2026, 11, 2, 1, tzinfo=UTC), datetime(2026, 11, 2, 2, tzinfo=UTC)]
    table = pa.table(
        {
            "exchange_id": ["x1", "x2"],
            "event_at": pa.array(times, pa.timestamp("ns", tz="UTC")),
            "account_id": ["a", None],
            "model": ["m", "m"],
            "status": ["ok", "ok"],
            "input_tokens": [4, None],
            "artifacts_issued": [["k"], None],
        }
    )
    pq.write_table(table, path)
    naive = table.slice(0, 1).set_column(
        1,
        "event_at",
        pa.array([datetime(2026, 11, 2, 1)], pa.timestamp("us")),  # noqa: DTZ001
    )
    pq.write_table(naive, path.with_name("b.parquet"))
    result = desk.ingest()
    assert result.quarantined_by_reason == {"missing_account_id": 1}
    assert result.duplicate_count == 1  # a timestamp without a zone is UTC like all that lands
    (row,) = desk.rows()
    assert (row["event_at"], row["input_tokens"]) == (times[0], 4)
    assert {row["byte_offset"] for row in desk.quarantine()} == {None}


def test_ingest__counts_unknown_fields_but_keeps_no_strange_names(desk: Any) -> None:
    desk.land(
        [desk.exchange(1, region="eu", **{"my secret text": 1}), desk.exchange(2, region="x")]
    )
    desk.ingest()
    assert desk.ledger()["unknown_fields"] == {"(other)": 1, "region": 2}


def test_ingest__takes_accounts_and_hides_what_identifies_a_person(desk: Any) -> None:
    desk.land(
        [
            desk.account(
                1,
                email="Jane.Doe1984@Mail.Example.COM",
                phone="+65 5555 0100",
                payment_instrument="pi_1",
                payment_bin="400000",
                payment_type="card",
                billing_country="SG",
                signup_ip="2001:db8::1",
                signup_user_agent="Mozilla/5.0 (X11; rv:130.0) Gecko/20100101 Firefox/130.0",
                signup_ja4="t13",
                signup_country="SG",
                signup_path="education",
                plan="pro",
                seat_count=1,
                kyc_level="email",
                declared_use="homework",
                banned_at="2026-11-01T00:00:00Z",
            ),
            desk.account(2, email="nonsense"),
            desk.account(1, status="banned"),
            desk.account(3, payment_type="cash"),
            desk.account(4, created_at="2026-11-05T00:00:00Z"),
        ],
        kind="accounts",
    )  # fmt: skip
    result = desk.ingest_accounts()
    assert result.quarantined_by_reason == {
        "bad_value_email": 1,
        "conflict": 1,
        "future": 1,
    }
    assert desk.ledger(kind="accounts")["unknown_fields"] == {"payment_type.code": 1}
    row, new_code = desk.account_rows()
    assert (new_code["account_id"], new_code["payment_type"]) == ("acct_3", None)
    assert (row["email_domain"], row["email_grammar"]) == ("mail.example.com", "L4-5.L2-3D4")
    assert (row["phone_country"], row["signup_user_agent_family"]) == ("SG", "Firefox")
    assert row["signup_ip_hex"] == "20010db8000000000000000000000001"
    assert "jane" not in str(row).lower()
    assert "5555" not in str(row)
    conserve(desk.ledger(kind="accounts"))


def test_ingest__takes_an_unchanged_account_snapshot_every_day(desk: Any) -> None:
    for day in (DAY, NEXT):
        desk.land([desk.account(1), desk.account(2)], day=day, kind="accounts")
        assert desk.ingest_accounts(day).accepted_count == 2
        desk.land([desk.account(1), desk.account(2)], day=day, kind="accounts", name="copy.jsonl")
        assert desk.ingest_accounts(day).duplicate_count == 2


def test_ingest__joins_exchanges_and_accounts_by_the_same_key(desk: Any) -> None:
    desk.land([desk.exchange(1, account_id="acct_1")])
    desk.land([desk.account(1)], kind="accounts")
    desk.ingest()
    assert desk.rows()[0]["account_key"] == desk.account_rows()[0]["account_key"]


def test_ingest_day__gives_one_result_per_source_and_kind(desk: Any) -> None:
    desk.land([desk.exchange(1)], source="one")
    desk.land([desk.account(1)], kind="accounts", source="two")
    results = ingest_day(desk.settings, DAY)
    assert [(r.source.source_id, r.kind, r.accepted_count) for r in results] == [
        ("one", "usage", 1),
        ("one", "accounts", 0),
        ("two", "usage", 0),
        ("two", "accounts", 1),
    ]
    for path, schema in (
        ("accounts/*/source=one/accounts.parquet", ACCOUNTS),
        ("exchanges/*/source=two/part-0.parquet", EXCHANGES),
        ("quarantine/*/source=two/accounts.parquet", QUARANTINE),
    ):
        (file,) = (desk.home / "canonical").glob(path.replace("*", "dt=*"))
        assert pq.read_schema(file).equals(schema)


def test_ingest__leaves_no_prompt_below_home_and_changes_no_landed_file(
    desk: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    canary = "the canary sleeps under the copper bridge tonight"
    lines = [
        desk.exchange(1, prompt=f"{canary} please", system_prompt=canary),
        desk.exchange(2, prompt=canary, status=canary),
        desk.exchange(3, **{canary: canary}),
    ]
    path = desk.land(lines)
    path.write_bytes(path.read_bytes() + b'{"prompt":"' + canary.encode() + b"\n")
    landed = path.read_bytes()
    desk.ingest()
    assert path.read_bytes() == landed
    captured = capfd.readouterr()
    assert canary not in captured.out + captured.err
    words = [canary.encode(), b"copper bridge"]
    for file in desk.home.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not any(word in content for word in words), file
    for file in desk.home.rglob("*.parquet"):
        assert "copper" not in str(pq.ParquetFile(file).read().to_pylist())


def test_ingest__gives_the_same_bytes_on_several_processes(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.land([desk.exchange(n, prompt=f"Prove lemma {n} about sums") for n in range(60)])
    desk.land([desk.exchange(n, prompt=f"Prove lemma {n} about sums") for n in range(50, 90)],
              name="part-001.jsonl")  # fmt: skip
    desk.ingest()
    alone = desk.partition().read_bytes(), desk.ledger()
    monkeypatch.setattr(workers, "POOL_BYTES", 1)
    monkeypatch.setattr(workers, "_count_processors", lambda: 2)
    desk.ingest()
    assert (desk.partition().read_bytes(), desk.ledger()) == alone


def test_ingest__leaves_the_old_partition_when_it_fails(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.land([desk.exchange(1)])
    desk.ingest()
    before = desk.partition().read_bytes(), desk.ledger()
    desk.land([desk.exchange(2)], name="part-001.jsonl")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("stillwatch.sources.ingest.write_digests", fail)
    with pytest.raises(OSError, match="disk full"):
        desk.ingest()
    assert (desk.partition().read_bytes(), desk.ledger()) == before
    assert not list(Path(desk.home).rglob("*.tmp"))
