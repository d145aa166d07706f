"""Exchanges that come in several records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from adapter_kit import build, land_parquet, list_reasons, list_rows, parse

from stillwatch.sources.adapter import Joined
from stillwatch.sources.azure_openai_diagnostic import AzureDiagnosticAdapter
from stillwatch.sources.joining import join_blocks

RESOURCE = "/SUBSCRIPTIONS/SUB-1/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.APIMANAGEMENT/SERVICE/GATEWAY"


def header(key: str, **properties: Any) -> dict[str, Any]:
    return row(key, 0, modelName="meridian-1", promptTokens=1, completionTokens=2, **properties)


def row(key: str, number: int, **properties: Any) -> dict[str, Any]:
    return {
        "category": "GatewayLlmLogs",
        "correlationId": key,
        "time": "2026-11-02T10:00:00Z",
        "resourceId": RESOURCE,
        "properties": {"sequenceNumber": number, **properties},
    }


def piece(key: str, number: int, *texts: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": text} for text in texts]
    return row(key, number, requestMessages=messages)


def test_join_blocks__puts_parts_together_at_the_place_of_the_first() -> None:
    lines = [piece("a", 2, "b"), header("c"), header("a"), piece("a", 1, "a")]
    (batch,) = join_blocks(AzureDiagnosticAdapter(), parse(lines))
    assert [(r.line_number, type(r.value)) for r in batch.records] == [(1, Joined), (2, dict)]
    assert batch.is_split


def test_join_blocks__gives_up_on_parts_that_come_too_late() -> None:
    lines = [header("a"), *(header(f"x{n}") for n in range(3)), piece("a", 1, "late")]
    near = build("azure_openai_diagnostic", parse(lines), window=4)
    far = build("azure_openai_diagnostic", parse(lines), window=3)
    assert list_reasons(near) == []
    assert list_reasons(far) == ["incomplete_exchange"]


def test_join_blocks__does_not_depend_on_the_blocks(tmp_path: Path) -> None:
    lines = [piece(f"k{n}", 1, f"text {n}") for n in range(50)]
    lines += [header(f"k{n}") for n in range(50)]
    whole = parse(lines)
    single = [batch for line in lines for batch in parse([line])]
    columns = land_parquet(lines, tmp_path)
    results = [
        [row["exchange_id"] for row in list_rows(build("azure_openai_diagnostic", batches))]
        for batches in (whole, single, columns)
    ]
    assert results[0] == results[1] == results[2] == [f"k{n}" for n in range(50)]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([piece("a", 1, "x")], "incomplete_exchange"),
        ([header("a"), piece("a", 1, "x"), piece("a", 1, "y")], "conflict"),
        ([header("a"), header("a", totalTokens=9)], "conflict"),
    ],
)
def test_joined__is_quarantined_as_one_if_its_parts_do_not_fit(
    lines: list[dict[str, Any]], reason: str
) -> None:
    chunks = build("azure_openai_diagnostic", parse(lines))
    assert list_reasons(chunks) == [reason]
    assert list_rows(chunks) == []


@pytest.mark.parametrize(
    ("lines", "places"),
    [
        ([header("a"), piece("a", 1, "x"), header("a"), piece("a", 1, "x")], [1, 3]),
        ([header("a"), piece("a", 1, "x"), piece("a", 1, "x")], [1, 3]),
        ([header("a"), header("a"), header("b"), header("a")], [1, 2, 4, 3]),
        ([piece("a", 1, "x"), piece("a", 1, "x"), header("a")], [1, 2]),
    ],
)
def test_join_blocks__gives_an_exchange_again_for_each_time_it_is_repeated(
    lines: list[dict[str, Any]], places: list[int]
) -> None:
    (batch,) = join_blocks(AzureDiagnosticAdapter(), parse(lines))
    assert [record.line_number for record in batch.records] == places
    (chunk,) = build("azure_openai_diagnostic", parse(lines))
    assert list_reasons([chunk]) == []
    again = [(row["exchange_id"], content) for row, content in zip(
        list_rows([chunk]), chunk.contents.tolist(), strict=True)]  # fmt: skip
    assert len({content for name, content in again if name == "a"}) == 1


def test_ingest__counts_a_repeat_within_one_file_as_a_duplicate(desk: Any) -> None:
    lines = [header("a"), piece("a", 1, "x"), header("b"), header("b"), header("a"),
             piece("a", 1, "x"), header("b")]  # fmt: skip
    desk.land(lines, source="gateway")
    result = desk.ingest(source="gateway")
    assert (result.read_count, result.accepted_count, result.duplicate_count) == (5, 2, 3)
    assert result.quarantined_count == 0
