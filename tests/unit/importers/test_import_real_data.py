"""The team's real traces through every importer that has one: no record lost, figures kept."""

from __future__ import annotations

import csv
import gzip
import json
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.pipeline import run_days
from stillwatch.settings import Settings

TRACES = Path("/work/shared/data/usage")
PROMPTS = TRACES.parent / "prompts" / "benign_user"
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
    found = run_pipeline(landed, tmp_path / "home", list(summary.written_by_day))
    with capsys.disabled():
        print(f"\nreal traffic without text: {found}")
    assert found.accepted_count == written + summary.written_count
    assert found.account_count > 200
    assert found.campaign_count == 0
    assert found.highest_suspicion < 0.9


@pytest.mark.slow
@pytest.mark.skipif(not PROMPTS.is_dir(), reason=f"the public prompts are not at {PROMPTS}")
def test_background__real_texts_that_strangers_share_give_no_campaign(landed, tmp_path, capsys):
    """Real prompts in the form of WildChat; a third are templates that many visitors copy.

    The visitors are made up (who asks what, when, from where), the texts are not.
    """
    path = write_conversations(tmp_path / "train-00000.parquet")
    summary = landed.run("wildchat", [path], days=3)
    found = run_pipeline(landed, tmp_path / "home", list(summary.written_by_day))
    with capsys.disabled():
        print(f"\nreal texts of strangers: {found}")
    assert found.accepted_count == summary.written_count > 2000
    assert found.account_count == summary.account_count == 700
    assert found.group_count > 0  # shared texts and clients do form candidate groups
    assert found.campaign_count == 0


@dataclass(frozen=True)
class Found:
    """What the pipeline made of a background."""

    accepted_count: int
    account_count: int
    group_count: int
    campaign_count: int
    highest_suspicion: float


def run_pipeline(landed, home: Path, days: list[date]) -> Found:
    """Run all days and return what stands in the result."""
    settings = Settings(home=home, landing_uri=str(landed.root / "landing"))
    accepted = sum(done.accepted_count for done in run_days(settings, days, ()))
    with duckdb.connect(str(home / "published" / "current.duckdb"), read_only=True) as marts:
        (campaigns,) = marts.execute("select count(*) from marts.dim_campaigns").fetchone()
        accounts, top = marts.execute(
            "select count(*), max(suspicion_probability) from marts.fct_account_scores"
            " where as_of_date = $1",
            [days[-1]],
        ).fetchone()
    with duckdb.connect(str(home / "warehouse" / "build.duckdb"), read_only=True) as build:
        query = "select count(*) from intermediate.int_groups__scored"
        (groups,) = build.execute(query).fetchone()
    return Found(accepted, accounts, groups, campaigns, round(top, 3))


def write_conversations(path: Path) -> Path:
    """Write three days of conversations of 700 visitors, whose texts are real prompts."""
    dice = random.Random(5)
    own = read_jsonl("arena_hard_v0.1_question.jsonl.gz", "prompt")
    own += read_jsonl("oasst_prompt_lottery_en_250.jsonl", None)
    with gzip.open(PROMPTS / "awesome_chatgpt_prompts_2025-12-01.csv.gz", "rt") as file:
        copied = [row["prompt"] for row in csv.DictReader(file)]
    popularity = [1 / (rank + 1) for rank in range(len(copied))]
    rows = []
    for visitor in range(700):
        who = {
            "hashed_ip": f"{visitor:064x}",
            "country": dice.choice(("United States", "Russia", "Germany", "India", "Brazil")),
            "header": {"user-agent": f"Mozilla/5.0 Browser/{dice.randrange(90, 120)}.0"},
        }
        for _ in range(1 + int(dice.expovariate(1 / 3))):
            at = datetime(2023, 5, 1, tzinfo=UTC) + timedelta(seconds=dice.randrange(3 * 86_400))
            text = (
                dice.choices(copied, popularity)[0] if dice.random() < 1 / 3 else dice.choice(own)
            )
            turns = [
                {"role": "user", "content": text, "timestamp": at, **who},
                {"role": "assistant", "content": "Yes.", "timestamp": at, **dict.fromkeys(who)},
            ]
            rows.append(
                {
                    "conversation_hash": f"c{len(rows)}",
                    "model": dice.choice(("gpt-3.5-turbo-0301", "gpt-4-0314")),
                    "timestamp": at,
                    "conversation": turns,
                }
            )
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def read_jsonl(name: str, key: str | None) -> list[str]:
    """Return the texts of a file of the public prompts."""
    data = (PROMPTS / name).read_bytes()
    lines = (gzip.decompress(data) if name.endswith(".gz") else data).decode().splitlines()
    return [json.loads(line)[key] if key else json.loads(line) for line in lines]
