"""What the text features find in texts, and what they cost: recall, false hits, confusion, CPU.

python -m benchmarks.text_features                  prints the tables
python -m benchmarks.text_features --write          writes docs/reference/text-features.md too

Sets that do not ship are read where `STILLWATCH_PROMPTS` and `STILLWATCH_UNMIMIC` say, and left
out, with a line that says so, where they are absent (benchmarks/texts/outside.py).
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice

from benchmarks.texts import outside
from benchmarks.texts.measure import (
    Share,
    confuse_capabilities,
    count_hits,
    find_techniques,
    measure_false_hits,
    measure_recall,
)
from benchmarks.texts.paraphrases import GUIDE, HELD_OUT, name_half, read_paraphrases
from stillwatch.keyed import Keyer
from stillwatch.project import get_project_root
from stillwatch.text.features import Featurizer, TextRequest
from stillwatch.text.normal import clip, fold
from stillwatch.text.vocabulary import LANGUAGES, get_vocabulary

PAGE = "docs/reference/text-features.md"
COST_PROMPTS = 20_000
HALVES = (GUIDE, HELD_OUT)
MAXIMUM_SHARE_OF_READING = 0.6  # of the CPU of all text features, spent on the vocabulary

INTRODUCTION = """# What the text features find

Written by `python -m benchmarks.text_features --write`. Do not edit.

Two kinds of text are measured. *Paraphrases* (`benchmarks/texts/paraphrases/`) were written for
this, in twelve languages, before their author had read the vocabulary. Half of them guided it
afterwards, the other half was only measured. Both halves are by one author, so the held-out half is
no estimate for unseen traffic: the held-out half of the phrases of unmimic, by another author and
never looked at, is nearer to one.
*Published* prompts were written by others; those of everyday use were looked at where a hit was
wrong, and so were those by which capabilities are told. A hit says that the wording is there, not
why: nobody is suspected for one.
"""


def main(arguments: Sequence[str] = ()) -> None:
    """Print every table; with `--write` also write the page of the documentation."""
    tables = [*describe_paraphrases(), *describe_outside()]
    page = INTRODUCTION + "\n" + "\n".join(tables)
    print(page)
    print(describe_cost())
    if "--write" in arguments:
        (get_project_root() / PAGE).write_text(page, encoding="utf-8")


def describe_paraphrases() -> Iterator[str]:
    """Yield the tables of the paraphrases that ship with the project."""
    texts = list(read_paraphrases())
    recall, false = measure_recall(texts, "half"), measure_false_hits(texts, "half")
    yield make_table(
        "Paraphrases: found, and look-alikes with any technique",
        ("technique", "guide half", "held-out half", "look-alikes, guide", "look-alikes, held out"),
        [
            (name, *(str(shares[name][half]) for shares in (recall, false) for half in HALVES))
            for name in sorted(recall)
        ],
    )
    held_out = [text for text in texts if text.half == HELD_OUT]
    languages = measure_recall(held_out, "language")
    yield make_table(
        "Held-out half by language: found of asked",
        ("technique", *LANGUAGES),
        [
            (name, *(write_counts(row.get(language)) for language in LANGUAGES))
            for name, row in sorted(languages.items())
        ],
    )
    kinds = measure_recall(held_out, "kind")
    yield make_table(
        "Held-out half by kind",
        ("technique", "kind", "found"),
        [
            (name, kind.replace("_", " "), str(share))
            for name, row in sorted(kinds.items())
            if len(row) > 1
            for kind, share in row.items()
        ],
    )


def describe_outside() -> Iterator[str]:
    """Yield the tables of published prompts, or a line that says which set is absent."""
    folder = outside.find_prompts_folder()
    if folder is None:
        yield f"Published prompts are left out: {outside.PROMPTS_VARIABLE} names no folder.\n"
    else:
        shares: dict[tuple[str, str], Share] = {}
        for technique, prompt in outside.read_technique_prompts(folder):
            hit = technique in find_techniques(prompt.text)
            shares.setdefault((technique, prompt.label), Share()).add(hit)
        yield make_table(
            "Published prompts that use a technique",
            ("technique", "set", "found"),
            [(*key, str(share)) for key, share in sorted(shares.items())],
        )
        yield make_table(
            "Published prompts of everyday use",
            ("set", "with any technique", "which"),
            [
                (source, str(share), ", ".join(f"{k} {n}" for k, n in sorted(codes.items())))
                for source, (share, codes) in count_hits(
                    outside.read_everyday_prompts(folder)
                ).items()
            ],
        )
        yield describe_confusion(confuse_capabilities(outside.read_capability_prompts(folder)))
    wheel = outside.find_unmimic_folder()
    if wheel is None:
        yield f"The phrases of unmimic are left out: {outside.UNMIMIC_VARIABLE} names no folder.\n"
        return
    attacks, negatives = outside.read_unmimic(wheel)
    families: dict[str, Share] = {}
    halves, false = {half: Share() for half in HALVES}, Share()
    for prompt in attacks:
        hit = "reasoning_elicitation" in find_techniques(prompt.text)
        families.setdefault(prompt.label, Share()).add(hit)
        halves[name_half(prompt.text)].add(hit)
    for prompt in negatives:
        false.add(bool(find_techniques(prompt.text)))
    yield make_table(
        "Phrases of unmimic 0.1.0, all of them for hidden reasoning",
        ("family", "found"),
        [
            *((name.replace("_", " "), str(share)) for name, share in families.items()),
            ("all, guide half", str(halves[GUIDE])),
            ("all, held-out half", str(halves[HELD_OUT])),
            ("hard negatives, with any technique", str(false)),
        ],
    )


def describe_confusion(matrix: dict[str, Counter[str]]) -> str:
    """Return the table of labels against capabilities, in percent of each label."""
    codes = sorted({code for row in matrix.values() for code in row})
    return make_table(
        "Capabilities told from text alone, percent of each label",
        ("label", "prompts", *codes),
        [
            (
                label,
                f"{row.total():,}",
                *(f"{100 * row[code] / row.total():.0f}" if row[code] else "" for code in codes),
            )
            for label, row in sorted(matrix.items())
        ],
    )


def describe_cost() -> str:
    """Return what the features of 20,000 distinct prompts cost, beside parsing their JSON."""
    folder = outside.find_prompts_folder()
    published = [] if folder is None else list(outside.read_everyday_prompts(folder))
    known = [p.text for p in published] + [p.text for p in read_paraphrases()]
    texts = [f"{text} {number}" for number, text in enumerate(islice(cycle(known), COST_PROMPTS))]
    lines = [json.dumps({"prompt": text}) for text in texts]
    vocabulary = get_vocabulary()
    parsing = measure_cpu(lambda: [json.loads(line) for line in lines])
    reading = measure_cpu(lambda: [vocabulary.read(fold(clip(text))) for text in texts])
    requests = [TextRequest(text, None, 0, 0, None) for text in texts]
    whole = measure_cpu(lambda: Featurizer(Keyer(bytes(32))).make_columns(requests))
    if reading > MAXIMUM_SHARE_OF_READING * whole:
        raise AssertionError(f"the vocabulary takes {reading:.2f} of {whole:.2f} s of CPU")
    return (
        f"{COST_PROMPTS:,} distinct prompts: JSON {parsing:.2f} s, vocabulary {reading:.2f} s, "
        f"all text features {whole:.2f} s of CPU"
    )


def measure_cpu(act: Callable[[], object]) -> float:
    """Return the CPU seconds of the faster of two runs."""
    taken = []
    for _ in range(2):
        began = time.process_time()
        act()
        taken.append(time.process_time() - began)
    return min(taken)


def write_counts(share: Share | None) -> str:
    """Return `found/total`, or nothing where nothing was asked."""
    return "" if share is None else f"{share.found}/{share.total}"


def make_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a heading and a Markdown table."""
    lines = [f"## {title}", "", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows), ""])


if __name__ == "__main__":
    main(sys.argv[1:])
