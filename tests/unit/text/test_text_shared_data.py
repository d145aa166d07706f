"""Hit rates on genuine prompts, in distillation pipelines and in everyday use.

The bounds are what was measured when they were set, with room for small changes of the vocabulary;
the sets were looked at while it was written, so these are not estimates for unseen traffic.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stillwatch.text.normal import clip, fold
from stillwatch.text.vocabulary import get_vocabulary

PROMPTS = Path("/work/shared/data/prompts")

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not PROMPTS.exists(), reason="the shared data are not here"),
]


def lines(name: str, pick: Callable[[Any], Any], limit: int = 3000) -> list[str]:
    path = PROMPTS / name
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        return [str(pick(json.loads(line))) for line, _ in zip(file, range(limit), strict=False)]


def templates(category: str) -> list[str]:
    with (PROMPTS / "distillation/templates.jsonl").open(encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    return [item["text"] for item in found if item["category"] == category]


def count(texts: list[str], title: str) -> Counter[str]:
    hits: Counter[str] = Counter()
    for text in texts:
        hits.update(get_vocabulary().read(fold(clip(text))).technique_codes)
    print(f"{title}: {len(texts)} prompts, {dict(hits)}")
    return hits


BENIGN: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "assistant prompts": ("benign_user/oasst_prompt_lottery_en_250.jsonl", str),
    "chat arena": ("benign_user/arena_hard_v0.1_question.jsonl.gz", lambda d: d["prompt"]),
    "school mathematics": ("question_banks/gsm8k/train.jsonl.gz", lambda d: d["question"]),
    "programming": ("question_banks/humaneval/HumanEval.jsonl.gz", lambda d: d["prompt"]),
    "tool calls": (
        "benign_eval/bfcl/BFCL_v4_live_simple.jsonl.gz",
        lambda d: d["question"][0][0]["content"],
    ),
    "chinese tasks": ("distillation/belle/zh_seed_tasks.jsonl.gz", lambda d: d["instruction"]),
}


@pytest.mark.parametrize("name", BENIGN)
def test_read__leaves_everyday_prompts_alone(name: str) -> None:
    texts = lines(*BENIGN[name])
    hits = count(texts, name)
    assert len(texts) > 100
    assert sum(hits.values()) <= 0.01 * len(texts)


@pytest.mark.parametrize(
    ("category", "code", "share"),
    [
        ("rubric_grading", "rubric_grading", 0.8),
        ("cot_elicitation_system_prompt", "reasoning_elicitation", 0.8),
        ("instruction_evolution", "bulk_instruction", 0.7),
        ("self_instruct_generation", "bulk_instruction", 1.0),
    ],
)
def test_read__finds_published_distillation_templates(
    category: str, code: str, share: float
) -> None:
    texts = templates(category)
    assert count(texts, category)[code] >= share * len(texts)


def test_read__finds_published_judge_prompts() -> None:
    texts = lines(
        "distillation/llm_judge/judge_prompts.jsonl",
        lambda d: d["system_prompt"] + "\n" + d["prompt_template"],
    )
    assert count(texts, "judge prompts")["rubric_grading"] == len(texts)


def test_read__finds_most_published_jailbreak_templates() -> None:
    with gzip.open(PROMPTS / "jailbreak/gptfuzz_templates.csv.gz", "rt", encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    assert count(texts, "jailbreak templates")["jailbreak"] >= 0.65 * len(texts)
