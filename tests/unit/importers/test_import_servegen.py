"""ServeGen: rates, burstiness and lengths of the drawn requests; determinism."""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np
import pytest

from stillwatch.errors import ConfigError, InputError
from stillwatch.importers.model import Exchange, Options
from stillwatch.importers.servegen import ServeGenImporter

LENGTHS = {
    "input_tokens": "{10: 0.25, 30: 0.75}",
    "output_tokens": "{100: 1.0}",
    "reason_ratio": "{0.5: 1.0}",
}


@pytest.fixture
def folder(write_file):
    """Return a folder with a steady client, a bursty one and one without lengths."""
    for chunk, rate, cv in ((0, 1.0, 1.0), (1, 1.0, 5.0), (2, 0.1, 1.0)):
        lines = [f"{600 * n},{rate},{cv},,0,0" for n in range(144)]
        path = write_file(f"reason/model-x/chunk-{chunk}-trace.csv.gz", *lines)
    for chunk in (0, 1):
        windows = {str(6 * 3600 * n): LENGTHS for n in range(4)}
        write_file(f"reason/model-x/chunk-{chunk}-dataset.json", json.dumps(windows))
    return path.parent


def read(folder, **options) -> list[Exchange]:
    return list(ServeGenImporter().read([folder], Options(**options)))


def gap_cv(items: list[Exchange], chunk: int) -> float:
    """Return the CV of the gaps within ten minutes, over all of them."""
    times = np.array([item.second for item in items if item.account.endswith(f"chunk-{chunk}")])
    cvs = []
    for window in range(144):
        gaps = np.diff(times[times // 600 == window])
        if len(gaps) > 20:
            cvs.append(gaps.std() / gaps.mean())
    return float(np.mean(cvs))


def test_servegen__draws_as_many_requests_as_the_rates_say(folder):
    items = read(folder)
    counts = [sum(item.account.endswith(f"chunk-{n}") for item in items) for n in range(3)]
    for count, expected in zip(counts, (86_400, 86_400, 8_640), strict=True):
        assert abs(count - expected) < 5 * expected**0.5  # Poisson


def test_servegen__keeps_burstiness(folder):
    items = read(folder)
    assert gap_cv(items, 0) == pytest.approx(1.0, abs=0.1)
    assert gap_cv(items, 1) > 3


def test_servegen__a_sample_has_fewer_and_less_bursty_requests(folder):
    items = read(folder, sample=0.1)
    counts = [sum(item.account.endswith(f"chunk-{n}") for item in items) for n in range(3)]
    assert abs(counts[0] - 8_640) < 5 * 8_640**0.5
    # kept at random, 0.1 of a renewal process with CV 5 has CV sqrt(0.1 * 25 + 0.9) = 1.84
    assert gap_cv(items, 1) == pytest.approx(1.84, abs=0.25)


def test_servegen__is_in_order_of_time(folder):
    seconds = [item.second for item in read(folder, sample=0.05)]
    assert seconds == sorted(seconds)


def test_servegen__lengths_are_those_of_the_client(folder):
    items = read(folder, sample=0.2)
    steady = [item.fields for item in items if item.account == "servegen-model-x-chunk-0"]
    share = np.mean([fields["input_tokens"] == 30 for fields in steady])
    assert share == pytest.approx(0.75, abs=0.02)
    assert {fields["output_tokens"] for fields in steady} == {100}
    assert {fields["reasoning_tokens"] for fields in steady} == {50}


def test_servegen__a_client_without_lengths_has_no_tokens(folder):
    bare = [item.fields for item in read(folder) if item.account == "servegen-model-x-chunk-2"]
    assert bare
    assert all(set(fields) == {"model", "status"} for fields in bare)
    assert bare[0]["model"] == "model-x"


def test_servegen__reading_ends_with_the_window(folder, landed):
    summary = landed.run("servegen", [folder], days=1, sample=0.01, skip_days=0)
    assert summary.written_count == summary.read_count
    assert summary.account_count == 3
    rows = landed.read()
    assert all(datetime.fromisoformat(row["event_at"]).day == 1 for row in rows)
    assert len({row["exchange_id"] for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("600,fast,1,,0,0", "line 2, columns 1 to 3: '600,fast,1'"),
        ("601,1,1,,0,0", "line 2: second 601"),
        ("600,-1,1,,0,0", "line 2: second 600, rate -1"),
        ("600", "line 2, columns 1 to 3: '600'"),
    ],
)
def test_servegen__names_the_place_of_a_bad_window(landed, write_file, line, place):
    path = write_file("m/chunk-0-trace.csv", "0,1,1,,0,0", line)
    with pytest.raises(InputError) as caught:
        landed.run("servegen", [path])
    assert f"{path}, {place}" in str(caught.value)


def test_servegen__lengths_that_are_none_are_refused(landed, write_file):
    path = write_file("m/chunk-0-trace.csv", "0,1,1,,0,0")
    write_file("m/chunk-0-dataset.json", json.dumps({"0": {"input_tokens": "exit()"}}))
    with pytest.raises(InputError, match=r"chunk-0-dataset.json, key 0: not the token lengths"):
        landed.run("servegen", [path])


def test_servegen__an_empty_folder_is_named(landed, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no chunk-\*-trace.csv or .* in .*empty"):
        landed.run("servegen", [tmp_path / "empty"])


def test_servegen__more_than_fits_into_memory_names_a_sample_that_does(landed, write_file):
    path = write_file("m/chunk-0-trace.csv", "0,1000,1,,0,0", "600,1,1,,0,0")
    with pytest.raises(ConfigError, match=r"600,000 requests .* --sample of at most 0.083"):
        landed.run("servegen", [path])
    assert landed.run("servegen", [path], sample=0.05).read_count == pytest.approx(30_030, rel=0.05)
