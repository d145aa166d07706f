"""Rows 13 to 34 of the fault table: what platforms deliver, late, twice, changed or not at all."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deliveries import DAY, Gateway, days, exchange, exchanges

from stillwatch.errors import GateFailed
from stillwatch.project import get_project_root
from stillwatch.quality import gates
from stillwatch.quality.gates import check_day
from stillwatch.quality.suites import Severity
from stillwatch.runs import read_json
from stillwatch.sources.late import find_late

SEVEN = days(7)


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path)


def ingest_week(gateway: Gateway, count: int = 40) -> None:
    for day in SEVEN:
        gateway.land(exchanges(count, day), day)
        gateway.ingest(day)


@pytest.mark.fault(13)
def test_same_content_again__adds_nothing_on_its_day_or_a_later_one(gateway: Gateway) -> None:
    gateway.land(exchanges(4), name="a.jsonl")
    gateway.land(exchanges(4), name="renamed.jsonl.gz")
    first = gateway.ingest()
    gateway.land(exchanges(4), DAY + timedelta(days=1), name="a.jsonl")
    second = gateway.ingest(DAY + timedelta(days=1))
    assert [(file["state"], file["accepted_count"]) for file in first["files"]] == [
        ("loaded", 4),
        ("duplicate_file", 0),
    ]
    assert (second["duplicate_file_count"], second["accepted_count"]) == (1, 0)
    assert second["delivery_state"] == "complete"


@pytest.mark.fault(14)
def test_same_name_changed_bytes__the_new_version_supersedes_and_both_are_known(
    gateway: Gateway,
) -> None:
    gateway.land(exchanges(5), name="a.jsonl")
    old = gateway.ingest()["files"][0]
    gateway.land(exchanges(3, output_tokens=7), name="a.jsonl")
    assert [late.changed for late in find_late(gateway.settings)] == [(old["file_name"],)]
    new = gateway.ingest()["files"][0]
    assert (new["accepted_count"], len(gateway.ids())) == (3, 3)
    record = read_json(gateway.home / f"ledger/deliveries/dt={DAY}/usage.gateway.json")
    (superseded,) = record["superseded"]
    assert (superseded["sha256"], superseded["accepted_count"]) == (old["sha256"], 5)
    assert superseded["superseded_by"] == new["sha256"] == record["files"][0]["sha256"]


@pytest.mark.fault(15, 16)
def test_repeated_rows__count_once_and_changed_ones_are_kept_apart(gateway: Gateway) -> None:
    gateway.land([exchange(1), exchange(2), exchange(1)], name="a.jsonl")
    gateway.land([exchange(2), exchange(3), exchange(3, output_tokens=9)], name="b.jsonl")
    ledger = gateway.ingest()
    assert gateway.ids() == ["x11021", "x11022", "x11023"]
    assert ledger["duplicate_count"] == 2
    assert ledger["quarantined_by_reason"] == {"conflict": 1}


@pytest.mark.fault(17)
def test_late_events__three_days_count_and_four_hundred_are_too_late(gateway: Gateway) -> None:
    late = exchange(1, DAY - timedelta(days=3))
    too_late = exchange(2, DAY - timedelta(days=400))
    gateway.land([exchange(0), late, too_late])
    ledger = gateway.ingest()
    assert gateway.ids() == ["x11020", late["exchange_id"]]
    assert ledger["quarantined_by_reason"] == {"too_late": 1}


@pytest.mark.fault(18)
def test_days_and_files_out_of_order__give_what_order_gives(tmp_path: Path) -> None:
    in_order, backwards = Gateway(tmp_path / "a"), Gateway(tmp_path / "b")
    for gateway in (in_order, backwards):
        for day in SEVEN[:3]:
            again = exchange(0, SEVEN[0])  # every later day delivers it once more
            gateway.land([*exchanges(4, day), again], day)
            gateway.land([exchange(9, day)], day, name="part-001.jsonl")
    backwards.settings.config.mkdir(parents=True)
    for day in SEVEN[:3]:
        in_order.ingest(day)
    key = in_order.settings.config / "secrets/deployment.key"
    (backwards.settings.config / "secrets").mkdir()
    copy = backwards.settings.config / "secrets/deployment.key"
    copy.write_bytes(key.read_bytes())
    copy.chmod(0o600)
    for day in [*reversed(SEVEN[:3]), *SEVEN[:3]]:
        backwards.ingest(day)
    for day in SEVEN[:3]:
        assert backwards.partition(day) == in_order.partition(day)


@pytest.mark.fault(19)
@pytest.mark.parametrize(
    ("event_at", "reason"),
    [
        ("2026-11-03T00:10:00Z", None),
        ("2026-11-04T10:00:00Z", "future"),
        ("1970-01-01T00:00:00Z", "too_late"),
        ("9999-12-31T23:59:59Z", "future"),
        ("2026-11-02T10:00:00", "no_timezone"),
        ("2026-11-02T23:59:60Z", None),
        ("2026-11-02T02:30:00+02:00", None),
    ],
)
def test_clocks__inside_the_tolerance_count_and_others_are_named(
    gateway: Gateway, event_at: str, reason: str | None
) -> None:
    gateway.land([exchange(0), exchange(1, event_at=event_at)])
    ledger = gateway.ingest()
    assert ledger["quarantined_by_reason"] == ({} if reason is None else {reason: 1})
    is_ahead = event_at.startswith("2026-11-03")
    assert ledger["unknown_fields"] == ({"event_at.ahead": 1} if is_ahead else {})


@pytest.mark.fault(20, 21, 22)
def test_broken_lines__are_quarantined_one_by_one_and_the_rest_is_loaded(
    gateway: Gateway,
) -> None:
    good = json.dumps(exchange(0)).encode()
    data = b"\xef\xbb\xbf" + good + b"\r\n\n \n"
    garbage = [b"garbage", b"[1]", b"7", b"null", good + good]
    data += b"\n".join(garbage) + b"\n"
    data += json.dumps(exchange(1)).encode() + b"\n" + json.dumps(exchange(2)).encode()[:-30]
    gateway.land(data)
    ledger = gateway.ingest()
    assert gateway.ids() == ["x11020", "x11021"]
    assert (ledger["read_count"], ledger["blank_count"]) == (8, 2)
    assert ledger["quarantined_by_reason"] == {"bad_json": 3, "not_object": 3}
    last = gateway.quarantine()[-1]
    assert data[last["byte_offset"] :].startswith(b'{"exchange_id": "x11022"')


@pytest.mark.fault(23, 24, 25)
def test_ambiguous_values__are_quarantined_by_field(gateway: Gateway) -> None:
    head = json.dumps(exchange(0, input_tokens=...)).encode()[:-1]
    lines = [
        head.replace(b"number 0", b"\xff\xfe"),
        head.replace(b"meridian-1", b"meri\\u0000dian"),
        head.replace(b'"status"', b'"status":"error","status"'),
        *(
            head + b',"input_tokens":' + value
            for value in (b"1e400", b"NaN", b"1180591620717411303424", b'"lots"', b"-1", b"1.5")
        ),
    ]
    lone = exchange(7, model="plain")
    text = json.dumps(lone).encode().replace(b'"plain"', b'"half \\ud83d"')
    gateway.land(b"".join(line + b"}\n" for line in lines) + text + b"\n" + head + b"}\n")
    ledger = gateway.ingest()
    assert gateway.ids() == ["x11020"]
    assert ledger["quarantined_by_reason"] == {
        "bad_json": 3,  # the number beyond all bounds, NaN, half a surrogate pair
        "bad_type_input_tokens": 2,
        "bad_utf8": 1,
        "bad_value_input_tokens": 1,
        "bad_value_model": 1,
        "duplicate_json_key": 1,
        "negative_input_tokens": 1,
    }


@pytest.mark.fault(26)
def test_a_line_of_600_mb__is_passed_over_in_bounded_memory(gateway: Gateway) -> None:
    path = gateway.land(exchanges(1), name="a.jsonl")
    with path.open("ab") as file:
        file.write(b'{"prompt":"')
        file.truncate(600 << 20)  # a hole: no byte of it is a line feed
        file.seek(0, 2)
        file.write(b"\n" + json.dumps(exchange(1)).encode() + b"\n")
    # The kernel's VmHWM begins anew with the new program; ru_maxrss would count this process too.
    script = (
        "import re, sys; from pathlib import Path; from deliveries import Gateway; "
        "gateway = Gateway(Path(sys.argv[1])); ledger = gateway.ingest(); "
        "peak = re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1]; "
        "print(ledger['quarantined_by_reason'], len(gateway.ids()), peak)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(gateway.root)],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    reasons, count, peak = done.stdout.strip().rsplit(" ", 2)
    assert (reasons, count) == ("{'too_large': 1}", "2")
    assert int(peak) * 1024 < 500 << 20


@pytest.mark.fault(27, 28, 29)
def test_compressed_files__are_whole_or_refused_and_all_members_are_read(
    gateway: Gateway,
) -> None:
    good = gzip.compress(json.dumps(exchange(0)).encode() + b"\n", mtime=0)
    other = gzip.compress(json.dumps(exchange(1)).encode() + b"\n", mtime=0)
    wrong = bytearray(good)
    wrong[-6] ^= 1
    files = {
        "bomb": gzip.compress(b" " * (200 << 20), 9, mtime=0),
        "crc": bytes(wrong),
        "junk": good + b"junk",
        "members": good + other,
        "nested": gzip.compress(good, mtime=0),
        "not": b"plain text\n",
        "truncated": good[:-9],
        "zero": b"",
    }
    for name, data in files.items():
        gateway.land(data, name=f"{name}.jsonl.gz")
    ledger = gateway.ingest()
    assert [file["reason"] for file in ledger["files"]] == [
        "decompression_bomb", "crc_mismatch", "trailing_junk", None, "nested_compression",
        "not_gzip", "truncated", "empty_file",
    ]  # fmt: skip
    assert gateway.ids() == ["x11020", "x11021"]
    row = gateway.check()["files_were_delivered_and_readable"]
    assert (row.success, row.severity) == (False, Severity.WARNING)
    assert row.observed == "complete: 7 of 8 files refused"


@pytest.mark.fault(30)
def test_schema_drift__a_mandatory_column_that_is_missing_refuses_the_file(
    gateway: Gateway,
) -> None:
    gateway.land(exchanges(3, account_id=...), name="a.parquet")
    gateway.land(exchanges(3), name="b.parquet")
    ledger = gateway.ingest()
    assert [file["reason"] for file in ledger["files"]] == [
        "missing_column: without column account_id",
        None,
    ]
    (row,) = gateway.quarantine()
    assert (row["reason_code"], row["line_number"]) == ("missing_column", None)
    assert "account_id" in row["detail"]
    assert ledger["accepted_count"] == 3


@pytest.mark.fault(30)
def test_schema_drift__fields_that_vanish_or_appear_are_a_warning(gateway: Gateway) -> None:
    ingest_week(gateway, 5)
    next_day = SEVEN[-1] + timedelta(days=1)
    assert gateway.check(SEVEN[-1])["no_field_has_vanished"].success
    gateway.land(exchanges(5, next_day, ja4=..., tls_ja4="renamed"), next_day)
    ledger = gateway.ingest(next_day)
    assert ledger["unknown_fields"] == {"tls_ja4": 5}
    rows = gateway.check(next_day)
    vanished, new = rows["no_field_has_vanished"], rows["no_unknown_field_is_new"]
    assert (vanished.success, vanished.severity) == (False, Severity.WARNING)
    assert vanished.observed == "1 fields without any value (ja4)"
    assert (new.success, new.severity) == (False, Severity.WARNING)
    assert "(tls_ja4)" in new.observed
    sparse = next_day + timedelta(days=1)
    gateway.land(exchanges(5, sparse, ja4=..., tls_ja4="renamed"), sparse)
    gateway.ingest(sparse)
    rows = gateway.check(sparse)  # known since yesterday: no longer news
    assert rows["no_field_has_vanished"].success
    assert rows["no_unknown_field_is_new"].success


@pytest.mark.fault(30)
def test_schema_drift__a_new_code_or_type_is_quarantined_with_counts(gateway: Gateway) -> None:
    gateway.land([*exchanges(8), exchange(8, status="throttled"), exchange(9, max_tokens="many")])
    assert gateway.ingest()["quarantined_by_reason"] == {
        "bad_type_max_tokens": 1,
        "bad_value_status": 1,
    }


@pytest.mark.fault(31)
@pytest.mark.parametrize(
    ("entry", "markers", "content", "observed", "severity"),
    [
        ((), (), None, "missing: no file was delivered", "critical"),
        ((), (), b"\n", "empty: 1 files without a row", "critical"),
        ((), ("_NO_TRAFFIC",), None, "empty: no traffic, as the platform declares", None),
        ((), ("_NO_TRAFFIC",), b"\n", "empty: no traffic, as the platform declares", None),
        (("may_be_absent: true",), (), None, "missing: no file was delivered", None),
        (None, ("_later",), None, "missing: no file was delivered", "warning"),
    ],
)
def test_no_rows__missing_and_empty_and_declared_days_are_told_apart(
    gateway: Gateway,
    entry: tuple[str, ...] | None,
    markers: tuple[str, ...],
    content: bytes | None,
    observed: str,
    severity: str | None,
) -> None:
    if entry is not None:
        gateway.declare(*entry)
    for name in markers:
        gateway.land(b"", name=name)
    if content is not None:
        gateway.land(content)
    ledger = gateway.ingest()
    assert observed.startswith(ledger["delivery_state"])
    row = gateway.check()["files_were_delivered_and_readable"]
    assert (row.observed, row.success) == (observed, severity is None)
    if severity is not None:
        assert row.severity == severity
    if severity == "critical":
        with pytest.raises(GateFailed, match=r"no file was delivered|without a row"):
            check_day(gateway.settings, DAY, "raw")


@pytest.mark.fault(32)
@pytest.mark.parametrize("factor", [100, 0.01])
def test_volume__a_hundredfold_change_is_a_warning_with_the_figures(
    gateway: Gateway, factor: float
) -> None:
    usual = 4 if factor > 1 else 400
    for day in SEVEN[:4]:
        gateway.land(exchanges(usual, day), day)
        gateway.ingest(day)
    assert gateway.check(SEVEN[3])["volume_is_as_usual"].success
    gateway.land(exchanges(int(usual * factor), SEVEN[4]), SEVEN[4])
    gateway.ingest(SEVEN[4])
    row = gateway.check(SEVEN[4])["volume_is_as_usual"]
    assert (row.success, row.severity) == (False, Severity.WARNING)
    assert row.observed == f"{int(usual * factor)} rows accepted"
    assert f"of {usual}, the median of 4 earlier days" in row.bound


@pytest.mark.fault(33)
def test_a_key_column_of_nulls__stops_the_line(gateway: Gateway) -> None:
    gateway.land(exchanges(6))
    gateway.ingest()
    path = gateway.home / f"canonical/exchanges/dt={DAY}/source=gateway/part-0.parquet"
    table = pq.ParquetFile(path).read()
    place = table.schema.get_field_index("account_key")
    field = table.schema.field(place)
    nulls = table.set_column(
        place, pa.field(field.name, field.type), pa.nulls(table.num_rows, field.type)
    )
    pq.write_table(nulls, path)
    with pytest.raises(GateFailed, match="expect_column_values_to_not_be_null"):
        check_day(gateway.settings, DAY, "raw")


@pytest.mark.fault(34)
@pytest.mark.parametrize("fault", ["emptied", "renamed"])
def test_an_emptied_or_renamed_suite__is_no_pass(
    gateway: Gateway, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.land(exchanges(6))
    gateway.ingest()
    folder = tmp_path / "project" / "expectations" / "raw"
    folder.mkdir(parents=True)
    for path in (get_project_root() / "expectations" / "raw").glob("*.json"):
        (folder / path.name).write_text(path.read_text())
    suite = folder / "exchanges.json"
    if fault == "emptied":
        suite.write_text(json.dumps(json.loads(suite.read_text()) | {"expectations": []}))
    else:
        suite.rename(folder / "exchange.json")
    monkeypatch.setattr(gates, "get_project_root", lambda: tmp_path / "project")
    with pytest.raises(Exception, match=r"0 of 0 evaluated|exchanges\.json is missing"):
        check_day(gateway.settings, DAY, "raw")
