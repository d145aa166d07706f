"""Days of every format, from landed files to partitions, quarantine and ledger."""

from __future__ import annotations

from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from adapter_kit import read_full

from stillwatch.sources import workers
from stillwatch.sources.formats import ADAPTERS

FORMATS = sorted(ADAPTERS)
AZURE = "azure_openai_diagnostic"


def check_conservation(ledger: dict[str, Any]) -> None:
    for part in (ledger, *ledger["files"]):
        assert part["read_count"] == (
            part["accepted_count"]
            + part["duplicate_count"]
            + sum(part["quarantined_by_reason"].values())
        )


def piece(key: str, number: int) -> dict[str, Any]:
    messages = [{"role": "user", "content": f"text {number}"}]
    return {
        "category": "GatewayLlmLogs",
        "correlationId": key,
        "time": "2026-11-02T10:00:00Z",
        "resourceId": "/subscriptions/s/providers/gateway",
        "properties": {"sequenceNumber": number, "requestMessages": messages}
        | ({"modelName": "meridian-1"} if number == 0 else {}),
    }


@pytest.mark.fault(15)
@pytest.mark.parametrize("format_id", FORMATS)
def test_ingest__recognises_the_format_and_takes_every_kind_of_file(
    desk: Any, format_id: str
) -> None:
    lines = read_full(format_id)
    desk.land(lines, name="a.jsonl", source="some")
    desk.land([*lines, {"x": 1}], name="b.jsonl.gz", source="some")
    text = b"".join(orjson.dumps(line) + b"\n" for line in [*lines, {"x": 2}])
    desk.land(zstandard.compress(text), name="c.jsonl.zst", source="some")
    for number, line in enumerate(lines):
        path = desk.land(b"", name=f"d{number}.parquet", source="some")
        pq.write_table(pa.Table.from_pylist([line]), path)
    result = desk.ingest(source="some")
    assert result.source.format == format_id
    ledger = desk.ledger(source="some")
    check_conservation(ledger)
    states = {file["file_name"].rsplit("/", 1)[1]: file for file in ledger["files"]}
    assert states["a.jsonl"]["accepted_count"] == len(desk.rows(source="some"))
    duplicates = sum(file["duplicate_count"] for file in ledger["files"])
    assert duplicates == 3 * len(desk.rows(source="some"))
    assert len(desk.quarantine(source="some")) == ledger["quarantined_count"] == 2


@pytest.mark.parametrize("format_id", FORMATS)
def test_ingest__gives_the_same_with_several_processes(
    desk: Any, format_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.land([*read_full(format_id), {"x": 1}], source="some")
    desk.ingest(source="some")
    alone = (desk.rows(source="some"), desk.ledger(source="some"))
    monkeypatch.setattr(workers, "POOL_BYTES", 0)
    monkeypatch.setattr(workers, "_count_processors", lambda: 2)
    desk.ingest(source="some")
    assert (desk.rows(source="some"), desk.ledger(source="some")) == alone


@pytest.mark.fault(16)
def test_ingest__says_which_record_of_a_line_conflicts(desk: Any) -> None:
    first, second = piece("a", 0), piece("b", 0)
    changed = {**piece("b", 0), "time": "2026-11-02T11:00:00Z"}
    desk.land([{"records": [first, second]}], name="a.jsonl", source="some")
    desk.land([{"records": [first, changed]}], name="b.jsonl", source="some")
    desk.ingest(source="some")
    (row,) = desk.quarantine(source="some")
    assert (row["reason_code"], row["line_number"]) == ("conflict", 1)
    assert row["detail"].startswith("record 2 of the line: the same exchange_id")
    check_conservation(desk.ledger(source="some"))


def test_ingest__counts_an_exchange_in_pieces_once(desk: Any) -> None:
    desk.land([piece("a", 1), piece("b", 0), piece("a", 0), piece("c", 1)], source="some")
    result = desk.ingest(source="some")
    assert result.source.format == AZURE
    assert (result.read_count, result.accepted_count) == (3, 2)
    assert result.quarantined_by_reason == {"incomplete_exchange": 1}
    rows = {row["exchange_id"]: row for row in desk.rows(source="some")}
    assert rows["a"]["prompt_char_count"] == len("text 0") + len("text 1")
    check_conservation(desk.ledger(source="some"))
