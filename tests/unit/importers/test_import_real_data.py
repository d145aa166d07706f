"""The team's real traces through every importer that has one: no record lost, figures kept."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest

from stillwatch.pipeline import run_days
from stillwatch.settings import Settings

TRACES = Path("/work/shared/data/usage")
AZURE = TRACES / "azure_llm_2023" / "AzureLLMInferenceTrace_conv.csv.gz"
MOONCAKE = TRACES / "mooncake" / "conversation_trace.jsonl.gz"
LANGUAGE = TRACES / "servegen" / "language" / "m-small"
REASONING = TRACES / "servegen" / "reason" / "deepseek-r1"

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not TRACES.is_dir(), reason=f"the public traces are not at {TRACES}"),
]


def test_azure__the_hour_of_2023_is_whole(landed):
    summary = landed.run("azure", [AZURE], days=1)
    assert (summary.read_count, summary.written_count) == (19_366, 19_366)
    rows = landed.read()
    assert rows[0]["event_at"] == "2026-11-01T18:15:46.680590Z"
    assert np.median([row["input_tokens"] for row in rows]) == 1020
    assert np.median([row["output_tokens"] for row in rows]) == 129


def test_mooncake__a_third_of_the_requests_continue_a_conversation(landed):
    summary = landed.run("mooncake", [MOONCAKE], days=1)
    assert (summary.read_count, summary.written_count) == (12_031, 12_031)
    rows = landed.read()
    sessions = len({row["session_id"] for row in rows})
    assert 1 - sessions / len(rows) == pytest.approx(0.329, abs=0.001)
    cached = sum(row["cached_input_tokens"] for row in rows)
    assert cached / sum(row["input_tokens"] for row in rows) == pytest.approx(0.37, abs=0.02)


def test_servegen__a_day_of_a_reasoning_model_has_its_rates(landed):
    summary = landed.run("servegen", [REASONING], days=1, sample=0.01)
    assert summary.written_count == summary.read_count
    assert abs(summary.written_count - 13_837) < 5 * 13_837**0.5  # 1,383,669 in the trace
    rows = landed.read()
    thought = [row["reasoning_tokens"] / row["output_tokens"] for row in rows
               if row.get("output_tokens", 0) > 20]  # fmt: skip
    assert 0.4 < np.median(thought) < 0.95


@pytest.mark.slow
def test_background__three_real_services_without_a_campaign_give_no_campaign(
    landed, tmp_path, capsys
):
    """The only traffic is real and nobody planted anything, so any campaign is a false one.

    The traces hold no text and no identifiers, so this tries the timing and volume signals only.
    """
    choices = {"days": 3, "times": "stretch"}
    written = landed.run("azure", [AZURE], source_id="azure", **choices).written_count
    written += landed.run("mooncake", [MOONCAKE], source_id="mooncake", **choices).written_count
    summary = landed.run(
        "servegen", [LANGUAGE], source_id="servegen", days=3, skip_days=3, sample=5e-5
    )
    written += summary.written_count
    settings = Settings(home=tmp_path / "home", landing_uri=str(landed.root / "landing"))
    days = list(summary.written_by_day)
    assert sum(done.accepted_count for done in run_days(settings, days, ())) == written
    with duckdb.connect(
        str(tmp_path / "home" / "published" / "current.duckdb"), read_only=True
    ) as marts:
        (campaigns,) = marts.execute("select count(*) from marts.dim_campaigns").fetchone()
        accounts, top = marts.execute(
            "select count(*), max(suspicion_probability) from marts.fct_account_scores"
            " where as_of_date = $1",
            [days[-1]],
        ).fetchone()
    with capsys.disabled():
        print(
            f"\nreal background: {written:,} exchanges of {accounts} accounts over 3 days: "
            f"{campaigns} campaigns, highest account suspicion {top:.3f}"
        )
    assert accounts > 200
    assert campaigns == 0
    assert top < 0.9
