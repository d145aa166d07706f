"""Azure traces of both years: instants, tokens, places of errors."""

from __future__ import annotations

import gzip

import pytest
import zstandard

from stillwatch.errors import InputError

HEAD = "TIMESTAMP,ContextTokens,GeneratedTokens"
OF_2023 = (HEAD, "2023-11-16 18:15:46.6805900,374,44", "2023-11-16 18:15:50.9951690,396,109")
OF_2024 = (HEAD, "2024-05-12 00:00:00.009930+00:00,2162,5", "2024-05-13 23:59:59+00:00,7,0")


def test_azure__2023_keeps_time_of_day_and_tokens(landed, write_file):
    summary = landed.run("azure", [write_file("AzureLLMInferenceTrace_conv.csv.gz", *OF_2023)])
    rows = landed.read()
    assert [row["event_at"] for row in rows] == [
        "2026-11-01T18:15:46.680590Z",
        "2026-11-01T18:15:50.995169Z",
    ]
    assert [(row["input_tokens"], row["output_tokens"]) for row in rows] == [(374, 44), (396, 109)]
    assert {row["model"] for row in rows} == {"azure-conv"}
    assert (summary.read_count, summary.written_count, summary.skipped_by_reason) == (2, 2, {})


def test_azure__2024_has_a_zone_and_spreads_over_days(landed, write_file):
    landed.run("azure", [write_file("AzureLLMInferenceTrace_code_1week.csv", *OF_2024)])
    assert [row["event_at"] for row in landed.read()] == [
        "2026-11-01T00:00:00.009930Z",
        "2026-11-02T23:59:59.000000Z",
    ]
    assert landed.read()[0]["model"] == "azure-code"


def test_azure__two_services_share_one_clock(landed, write_file):
    code = write_file("code.csv", HEAD, "2024-05-11 10:00:00+00:00,1,1")
    conv = write_file("conv.csv", HEAD, "2024-05-12 11:00:00+00:00,2,2")
    landed.run("azure", [conv, code])
    times = {row["model"]: row["event_at"][:13] for row in landed.read()}
    assert times == {"azure-code": "2026-11-01T10", "azure-conv": "2026-11-02T11"}


def test_azure__nothing_is_said_that_the_trace_does_not_say(landed, write_file):
    landed.run("azure", [write_file("conv.csv", *OF_2023)])
    assert set(landed.read()[0]) == {
        "exchange_id", "event_at", "account_id", "model", "status", "input_tokens", "output_tokens"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ("2023-11-16 18:15:46,many,44", "line 3, column 'ContextTokens': 'many' is not a number"),
        ("2023-11-16 18:15:46,1.5,44", "line 3, column 'ContextTokens': '1.5' is not a whole"),
        ("2023-11-16 18:15:46,3,-4", "line 3, column 'GeneratedTokens': '-4' is not a whole"),
        ("2023-11-16 18:15:46,3,inf", "line 3, column 'GeneratedTokens': 'inf' is not a finite"),
        ("yesterday,3,4", "line 3, column 'TIMESTAMP': 'yesterday' is not a time"),
        ("2023-11-16 18:15:46,3", "line 3: 2 cells under 3 columns"),
    ],
)
def test_azure__a_bad_row_stops_and_names_its_place(landed, write_file, row, place):
    path = write_file("conv.csv", *OF_2023[:2], row)
    with pytest.raises(InputError) as caught:
        landed.run("azure", [path])
    assert str(path) in str(caught.value)
    assert place in str(caught.value)
    assert not (landed.root / "landing" / "usage").exists()


def test_azure__bad_rows_are_counted_if_asked(landed, write_file):
    path = write_file("conv.csv", *OF_2023, "yesterday,3,4", "2023-11-16 18:16:00,3")
    summary = landed.run("azure", [path], skip_bad=True)
    assert summary.skipped_by_reason == {"bad_record": 2}
    assert summary.read_count == 4 == summary.written_count + 2
    assert [problem.split(": ")[0].rsplit("/", 1)[1] for problem in summary.problems] == [
        "conv.csv, line 4, column 'TIMESTAMP'",
        "conv.csv, line 5",
    ]


def test_azure__another_format_is_named(landed, write_file):
    path = write_file("other.csv", "Timestamp,Model", "1,x")
    with pytest.raises(InputError, match=r"line 1: there is no column 'TIMESTAMP', .*'Model'"):
        landed.run("azure", [path])


def test_azure__a_cut_off_file_is_refused(landed, write_file, tmp_path):
    whole = write_file("conv.csv.gz", *OF_2023).read_bytes()
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(whole[:-9])
    with pytest.raises(InputError, match="cut off"):
        landed.run("azure", [cut])


def test_azure__zstd_reads_like_gzip(landed, write_file, tmp_path):
    plain = gzip.decompress(write_file("conv.csv.gz", *OF_2023).read_bytes())
    packed = tmp_path / "conv.csv.zst"
    packed.write_bytes(zstandard.compress(plain))
    landed.run("azure", [packed], source_id="packed")
    landed.run("azure", [tmp_path / "conv.csv.gz"], source_id="plain")
    assert landed.read(source_id="packed") == landed.read(source_id="plain")


def test_azure__a_missing_file_is_named(landed, tmp_path):
    with pytest.raises(InputError, match=r"nowhere.csv does not exist"):
        landed.run("azure", [tmp_path / "nowhere.csv"])
