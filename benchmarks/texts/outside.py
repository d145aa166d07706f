"""Labelled prompts that nobody of this project wrote, read where they lie.

`STILLWATCH_PROMPTS` is a folder of published prompt sets (their names are below), and
`STILLWATCH_UNMIMIC` the unpacked wheel `unmimic` 0.1.0 (Apache-2.0), whose phrases of ten ways to
get at hidden reasoning and whose hard negatives are used. Neither ships with this project.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PROMPTS_VARIABLE = "STILLWATCH_PROMPTS"
UNMIMIC_VARIABLE = "STILLWATCH_UNMIMIC"
DEFAULT_PROMPTS = "/work/shared/data/prompts"
LIMIT = 1000  # of one set: no set outweighs the others

Pick = Callable[[Any], str]


@dataclass(frozen=True)
class Prompt:
    """One published prompt with the label that its set gives it."""

    source: str
    label: str
    text: str


def find_prompts_folder() -> Path | None:
    """Return the folder of published prompt sets, or None where there is none."""
    folder = Path(os.environ.get(PROMPTS_VARIABLE, DEFAULT_PROMPTS))
    return folder if folder.is_dir() else None


def find_unmimic_folder() -> Path | None:
    """Return the folder `_bundled` of the unpacked wheel, or None where there is none."""
    named = os.environ.get(UNMIMIC_VARIABLE)
    folder = Path(named) / "unmimic" / "_bundled" if named else None
    return folder if folder is not None and folder.is_dir() else None


def read_unmimic(folder: Path) -> tuple[list[Prompt], list[Prompt]]:
    """Return the phrases by attack family, and the hard negatives."""
    attacks = []
    for path in sorted((folder / "attacks" / "public").glob("*.yaml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        attacks += [Prompt("unmimic", content["family"], text) for text in content["examples"]]
    benign = yaml.safe_load((folder / "benign" / "hard_negatives.yaml").read_text("utf-8"))
    return attacks, [Prompt("unmimic", "hard negative", text) for text in benign["prompts"]]


def read_technique_prompts(folder: Path) -> Iterator[tuple[str, Prompt]]:
    """Yield published prompts with the technique that their set is known to use."""
    techniques = {
        "rubric_grading": "rubric_grading",
        "cot_elicitation": "reasoning_elicitation",
        "cot_elicitation_system_prompt": "reasoning_elicitation",
        "instruction_evolution": "bulk_instruction",
        "self_instruct_generation": "bulk_instruction",
    }
    for record in _read(folder / "distillation/templates.jsonl"):
        technique = techniques.get(record["category"])
        if technique is not None:
            yield technique, Prompt("templates", record["category"], record["text"])
    for record in _read(folder / "distillation/llm_judge/judge_prompts.jsonl"):
        text = f"{record['system_prompt']}\n{record['prompt_template']}"
        yield "rubric_grading", Prompt("llm_judge", "judge prompt", text)
    with gzip.open(folder / "jailbreak/gptfuzz_templates.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield "jailbreak", Prompt("gptfuzz", "jailbreak template", row["text"])


def read_everyday_prompts(folder: Path) -> Iterator[Prompt]:
    """Yield published prompts of ordinary use: every hit of a technique on them is false."""
    for name, pick in (
        ("benign_user/oasst_prompt_lottery_en_250.jsonl", str),
        ("benign_user/arena_hard_v0.1_question.jsonl.gz", lambda d: d["prompt"]),
        ("benign_user/vicuna_question.jsonl", lambda d: d["turns"][0]),
        ("benign_eval/mt_bench_question.jsonl", lambda d: d["turns"][0]),
        ("question_banks/gsm8k/train.jsonl.gz", lambda d: d["question"]),
        ("question_banks/humaneval/HumanEval.jsonl.gz", lambda d: d["prompt"]),
        (
            "benign_eval/bfcl/BFCL_v4_live_simple.jsonl.gz",
            lambda d: d["question"][0][0]["content"],
        ),
        ("distillation/belle/zh_seed_tasks.jsonl.gz", lambda d: d["instruction"]),
        ("distillation/self_instruct/user_oriented_instructions.jsonl.gz", _join_instruction),
        ("distillation/gpteacher/codegen-instruct.json.gz", _join_instruction),
    ):
        source = Path(name).name.split(".")[0]
        for record in _read(folder / name):
            yield Prompt(source, "everyday", pick(record))


def read_capability_prompts(folder: Path) -> Iterator[Prompt]:
    """Yield published prompts labelled with the capability that their set exercises."""
    sets: tuple[tuple[str, str, Pick], ...] = (
        ("reasoning", "question_banks/gsm8k/train.jsonl.gz", lambda d: d["question"]),
        ("coding", "question_banks/humaneval/HumanEval.jsonl.gz", lambda d: d["prompt"]),
        ("coding", "distillation/gpteacher/codegen-instruct.json.gz", _join_instruction),
        ("agentic_tool_use", "distillation/toolbench/G1_query.json", lambda d: d["query"]),
        ("agentic_tool_use", "distillation/toolbench/G2_query.json", lambda d: d["query"]),
        (
            "grading",
            "distillation/llm_judge/judge_prompts.jsonl",
            lambda d: f"{d['system_prompt']}\n{d['prompt_template']}",
        ),
        *(
            ("rewriting", f"distillation/t0_templated/{name}.jsonl.gz", lambda d: d["prompt"])
            for name in ("glue_mrpc_generate_paraphrase", "cnn_dailymail_3_0_0_2_or_3_sentences")
        ),
    )
    for label, name, pick in sets:
        for record in _read(folder / name):
            yield Prompt(Path(name).name.split(".")[0], label, pick(record))
    for path in sorted((folder / "question_banks/bbh").glob("*.json.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for example in json.load(file)["examples"][:60]:
                yield Prompt("bbh", "reasoning", example["input"])
    categories = {
        "math": "reasoning",
        "reasoning": "reasoning",
        "fermi": "reasoning",
        "coding": "coding",
        "writing": "general",
        "roleplay": "general",
        "humanities": "general",
        "generic": "general",
        "knowledge": "general",
    }
    for name in ("benign_eval/mt_bench_question.jsonl", "benign_user/vicuna_question.jsonl"):
        for record in _read(folder / name):
            if record["category"] in categories:
                label = categories[record["category"]]
                yield Prompt(Path(name).stem, label, record["turns"][0])


def _join_instruction(record: Any) -> str:
    """Return instruction and input of a record, one below the other."""
    instruction = record["instruction"]
    given = record.get("input") or "\n".join(
        i.get("input", "") for i in record.get("instances", [])
    )
    return f"{instruction}\n{given}".strip()


def _read(path: Path) -> list[Any]:
    opener: Any = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        if ".jsonl" in path.name:
            return [json.loads(line) for line, _ in zip(file, range(LIMIT), strict=False)]
        return list(json.load(file)[:LIMIT])
