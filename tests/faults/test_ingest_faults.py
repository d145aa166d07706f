"""Broken and hostile deliveries: what is refused, what is quarantined, and that it adds up."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stillwatch.runs import read_json
from stillwatch.settings import Settings
from stillwatch.sources.ingest import ingest_source
from stillwatch.sources.ledger import IngestResult

DAY = date(2026, 11, 2)


def exchange(number: int, **fields: Any) -> bytes:
    return orjson.dumps(
        {
            "exchange_id": f"x{number}",
            "event_at": "2026-11-02T10:00:00Z",
            "account_id": "acct_1",
            "model": "meridian-1",
            "status": "ok",
            "prompt": f"Please tell me about the number {number}",
        }
        | fields
    )


def lines(*numbers: int) -> bytes:
    return b"".join(exchange(number) + b"\n" for number in numbers)


class Delivery:
    def __init__(self, root: Path) -> None:
        self.folder = root / "landing" / "usage" / "native" / f"dt={DAY}"
        self.folder.mkdir(parents=True)
        self.home = root / "home"
        self.settings = Settings(
            home=self.home, landing_uri=str(root / "landing"), config=root / "config"
        )

    def land(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)

    def ingest(self) -> IngestResult:
        result = ingest_source(self.settings, "native", DAY)[0]
        ledger = read_json(self.home / f"ledger/ingestion/dt={DAY}/usage.native.json")
        for part in (ledger, *ledger["files"]):
            rejected = sum(part["quarantined_by_reason"].values())
            assert part["read_count"] == (
                part["accepted_count"] + part["duplicate_count"] + rejected
            )
        rows = self.quarantine()
        assert len(rows) == ledger["quarantined_count"] + ledger["refused_file_count"]
        assert len(self.ids()) == ledger["accepted_count"]
        return result

    def ids(self) -> list[str]:
        path = self.home / f"canonical/exchanges/dt={DAY}/source=native/part-0.parquet"
        ids: list[str] = pq.ParquetFile(path).read(["exchange_id"])["exchange_id"].to_pylist()
        return ids

    def quarantine(self) -> list[dict[str, Any]]:
        path = self.home / f"canonical/quarantine/dt={DAY}/source=native/usage.parquet"
        rows: list[dict[str, Any]] = pq.ParquetFile(path).read().to_pylist()
        return rows


@pytest.fixture
def delivery(tmp_path: Path) -> Delivery:
    return Delivery(tmp_path)


@pytest.mark.fault(27)
def test_ingest__refuses_a_broken_file_whole_and_processes_the_others(delivery: Delivery) -> None:
    good = gzip.compress(lines(1, 2), mtime=0)
    wrong = bytearray(gzip.compress(lines(3, 4)))
    wrong[-6] ^= 1
    delivery.land("a.jsonl.gz", good)
    delivery.land("b.jsonl.gz", gzip.compress(lines(5, 6))[:-12])
    delivery.land("c.jsonl.gz", bytes(wrong))
    delivery.land("d.jsonl.gz", b"")
    delivery.land("e.jsonl.gz", lines(7))
    delivery.land("f.jsonl.gz", good + b"PK junk")
    delivery.land("g.jsonl", lines(8))
    delivery.land("h.parquet", b"PAR1 not really PAR1")
    result = delivery.ingest()
    assert delivery.ids() == ["x1", "x2", "x8"]
    assert [file.reason for file in result.files] == [
        None, "truncated", "crc_mismatch", "empty_file", "not_gzip", "trailing_junk", None,
        "bad_parquet",
    ]  # fmt: skip
    refused = delivery.quarantine()
    assert {row["line_number"] for row in refused} == {None}
    assert all(len(row["file_sha256"]) == 64 for row in refused)


@pytest.mark.fault(20, 21, 22, 23, 24, 25)
def test_ingest__accounts_for_every_broken_line(delivery: Delivery) -> None:
    data = b"\xef\xbb\xbf" + exchange(1) + b"\r\n"
    data += b"\n  \n"
    data += exchange(2)[:-20] + b"\n"
    data += exchange(3).replace(b"number", b"\xff\xfe") + b"\n"
    data += b"[1]\nnull\n7\n"
    data += exchange(4) + exchange(5) + b"\n"
    data += exchange(6).replace(b"number", b"num\x00ber") + b"\n"
    data += exchange(7).replace(b'"status"', b'"status":"ok","status"') + b"\n"
    data += exchange(8, input_tokens="many") + b"\n"
    data += exchange(9)[:-1] + b',"input_tokens":1e400}\n'
    data += exchange(10)[:-1] + b',"input_tokens":NaN}\n'
    data += exchange(11, output_tokens=2**63) + b"\n"
    data += exchange(12, output_tokens=-4) + b"\n"
    data += exchange(1) + b"\n"
    data += exchange(1, status="error") + b"\n"
    data += exchange(13, prompt="half a surrogate \\ud83d").replace(b"\\\\", b"\\") + b"\n"
    data += exchange(14, prompt="\0 is fine in text that is never kept") + b"\n"
    data += exchange(15)
    delivery.land("mixed.jsonl", data)
    result = delivery.ingest()
    assert delivery.ids() == ["x1", "x14", "x15"]
    assert result.duplicate_count == 1
    assert result.files[0].blank_count == 2
    assert result.quarantined_by_reason == {
        "bad_json": 6,
        "bad_type_input_tokens": 1,
        "bad_utf8": 1,
        "bad_value_output_tokens": 1,
        "conflict": 1,
        "duplicate_json_key": 1,
        "negative_output_tokens": 1,
        "not_object": 3,
    }
    for row in delivery.quarantine():
        start = row["byte_offset"]
        assert data[:start].count(b"\n") + 1 == row["line_number"]
        assert data[start - 1 : start] == b"\n"


@pytest.mark.fault(26)
def test_ingest__bounds_the_cost_of_deep_and_long_lines(delivery: Delivery) -> None:
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    long = exchange(2, prompt="x" * (9 << 20))
    delivery.land("a.jsonl", lines(1) + deep + b"\n" + long + b"\n" + lines(3))
    started = time.perf_counter()
    result = delivery.ingest()
    assert time.perf_counter() - started < 20
    assert delivery.ids() == ["x1", "x3"]
    assert result.quarantined_by_reason == {"too_deep": 1, "too_large": 1}


def test_ingest__handles_a_long_line_that_is_just_allowed(delivery: Delivery) -> None:
    delivery.land("a.jsonl", exchange(1, prompt='"\u201c`word ' * 500_000))
    started = time.perf_counter()
    assert delivery.ingest().accepted_count == 1
    assert time.perf_counter() - started < 20


def test_ingest__reads_hostile_values_as_plain_values(delivery: Delivery) -> None:
    hostile = "<script>alert(1)</script>'; drop table x; --{{7*7}}"
    delivery.land(
        "a.jsonl",
        exchange(1, model=hostile, account_id="../../etc", user_agent=hostile, endpoint="=cmd()"),
    )
    assert delivery.ingest().accepted_count == 1
    assert delivery.ids() == ["x1"]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    mutations=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=12),
    cut=st.integers(0, 10_000),
)
def test_ingest__adds_up_on_randomly_damaged_lines(
    tmp_path_factory: pytest.TempPathFactory, mutations: list[tuple[int, int]], cut: int
) -> None:
    delivery = Delivery(tmp_path_factory.mktemp("damaged"))
    data = bytearray(lines(*range(20)))
    for place, value in mutations:
        data[place % len(data)] = value
    data = data[: len(data) - cut % 400]
    delivery.land("a.jsonl", bytes(data))
    result = delivery.ingest()
    expected = bytes(data).removesuffix(b"\n").split(b"\n")
    assert result.read_count + result.files[0].blank_count == len(expected)


@pytest.mark.fault(1)
def test_ingest__loads_each_row_once_after_a_killed_run(delivery: Delivery) -> None:
    delivery.land("a.jsonl", b"".join(exchange(n) + b"\n" for n in range(30_000)))
    delivery.ingest()
    path = delivery.home / f"canonical/exchanges/dt={DAY}/source=native/part-0.parquet"
    finished = hashlib.sha256(path.read_bytes()).hexdigest()
    delivery.land("b.jsonl", b"".join(exchange(n) + b"\n" for n in range(29_000, 60_000)))
    environment = {
        **os.environ,
        "STILLWATCH_HOME": str(delivery.home),
        "STILLWATCH_LANDING_URI": str(delivery.settings.landing_uri),
        "STILLWATCH_CONFIG": str(delivery.settings.config),
    }
    command = [sys.executable, "-c", "from stillwatch.cli import main; main()"]
    process = subprocess.Popen(
        [*command, "ingest", "--date", str(DAY)], env=environment, stdout=subprocess.DEVNULL
    )
    waiting = time.monotonic() + 60
    while not list(path.parent.glob(".*.tmp")) and time.monotonic() < waiting:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == finished
    result = delivery.ingest()
    assert (result.accepted_count, result.duplicate_count) == (60_000, 1000)
    assert len(set(delivery.ids())) == 60_000
    assert not list(delivery.home.rglob("*.tmp"))


def test_ingest_command__prints_what_became_of_the_lines(delivery: Delivery) -> None:
    delivery.land("a.jsonl", lines(1, 2, 2) + b"{\n")
    delivery.land("b.jsonl.gz", b"junk")
    environment = {
        **os.environ,
        "STILLWATCH_HOME": str(delivery.home),
        "STILLWATCH_LANDING_URI": str(delivery.settings.landing_uri),
        "STILLWATCH_CONFIG": str(delivery.settings.config),
    }
    command = [sys.executable, "-c", "from stillwatch.cli import main; main()", "ingest"]
    done = subprocess.run(
        [*command, "--date", str(DAY)], env=environment, capture_output=True, text=True, check=True
    )
    assert "bad_json 1" in done.stdout
    assert f"refused: usage/native/dt={DAY}/b.jsonl.gz (not_gzip)" in done.stdout
    wrong = subprocess.run(
        [*command, "--date", "2026-11-31"], env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert wrong.returncode == 1
    assert "'2026-11-31' is not a day" in wrong.stderr
    unknown = subprocess.run(
        [*command, "--date", str(DAY), "--source", "nativ"], env=environment, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert unknown.returncode == 1
    assert "known are native" in unknown.stderr
    assert json.loads(
        (delivery.home / f"ledger/ingestion/dt={DAY}/usage.native.json").read_text()
    )["refused_file_count"] == 1  # fmt: skip
