"""Figures of real traces that make simulated traffic behave like real traffic.

    python -m stillwatch.worlds.fitting FOLDER
    python -m stillwatch.worlds.fitting --check FOLDER

reads the public traces below FOLDER (`azure_llm_2023`, `mooncake`, `servegen`,
`lmcache_agent_trace`) and prints `traces.yml`, the table of figures that ships with the package, or
says whether the shipped table is what they give (to a thousandth of each value).
Only quantiles, means and shares are kept, each with its source and licence; never a record.
"""

from __future__ import annotations

import ast
import gzip
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from stillwatch.errors import InputError
from stillwatch.importers.mooncake import PrefixReader
from stillwatch.worlds.figures import (
    Figure,
    Floats,
    find_traces,
    list_differences,
    make_quantiles,
    read_shipped,
    read_trace,
    render_figures,
    take_weighted_quantiles,
)

_CHARACTERS_PER_TOKEN = (
    4  # usual rule of thumb for English; the agent traces carry text, not tokens
)
_WINDOW_SECONDS = 600  # ServeGen gives one rate and one CV per client and ten minutes
_MIN_WINDOW_REQUESTS = 10  # a CV of fewer arrivals says nothing
_MIN_CLIENT_REQUESTS = 1000  # hour shares of a client with fewer requests are noise

_AZURE = ("azure_llm_2023", "CC-BY-4.0")
_MOONCAKE = ("mooncake", "Apache-2.0")
_SERVEGEN = ("servegen", "Apache-2.0")
_LMCACHE = ("lmcache_agent_trace", "Apache-2.0")


def fit_figures(folder: Path) -> list[Figure]:
    """Return every figure, fitted anew from the traces below `folder`."""
    if not folder.is_dir():
        raise InputError(f"no traces at {folder}: give the folder that holds azure_llm_2023/ …")
    return [
        *_fit_conversations(folder / "azure_llm_2023"),
        *_fit_long_contexts(folder / "mooncake"),
        *_fit_agents(folder / "lmcache_agent_trace"),
        *_fit_clients(folder / "servegen"),
        *_fit_reasoning(folder / "servegen" / "reason"),
    ]


def _fit_conversations(folder: Path) -> Iterator[Figure]:
    rows = read_trace(folder / "AzureLLMInferenceTrace_conv.csv.gz")[1:]
    columns = np.array([[float(cell) for cell in row.split(",")[1:3]] for row in rows])
    yield make_quantiles(
        "conversation_input_tokens", "tokens in, chat service", _AZURE, columns[:, 0]
    )
    yield make_quantiles(
        "conversation_output_tokens", "tokens out, chat service", _AZURE, columns[:, 1]
    )


def _fit_long_contexts(folder: Path) -> Iterator[Figure]:
    rows = [json.loads(line) for line in read_trace(folder / "conversation_trace.jsonl.gz")]
    for side in ("input", "output"):
        values = np.array([row[f"{side}_length"] for row in rows], dtype=np.float64)
        meaning = f"tokens {side}, chat service with long contexts"
        yield make_quantiles(f"long_{side}_tokens", meaning, _MOONCAKE, values)
    ratios = measure_shared_ratios([row["hash_ids"] for row in rows])
    meaning = "share of a prompt's 512-token blocks that were seen before, the first left out"
    yield make_quantiles("prefix_shared_ratio", meaning, _MOONCAKE, ratios)


def measure_shared_ratios(prompts: Sequence[Sequence[int]]) -> list[float]:
    """Return for each prompt, given as blocks in order of time, how much of it was seen before.

    The first block is the same everywhere and is left out.

    >>> measure_shared_ratios([[0, 1, 2], [0, 1, 3, 4, 5], [0, 20]])
    [0.0, 0.25, 0.0]
    """
    reader = PrefixReader()
    shared = [max(reader.add(blocks).shared_blocks - 1, 0) for blocks in prompts]
    return [count / max(len(blocks) - 1, 1) for count, blocks in zip(shared, prompts, strict=True)]


def _fit_agents(folder: Path) -> Iterator[Figure]:
    gaps, inputs, outputs = [], [], []
    for path in find_traces(folder / "magagent", "*.jsonl.gz"):
        rows = [json.loads(line) for line in read_trace(path)]
        gaps += np.diff(np.sort([row["timestamp"] / 1e6 for row in rows])).tolist()
        inputs += [len(row["input"]) / _CHARACTERS_PER_TOKEN for row in rows if row["input"]]
        outputs += [len(row["output"]) / _CHARACTERS_PER_TOKEN for row in rows if row["output"]]
    yield make_quantiles(
        "agent_gap_seconds", "pause between calls of one agent run", _LMCACHE, gaps
    )
    yield make_quantiles("agent_input_tokens", "tokens in, agent calls", _LMCACHE, inputs)
    yield make_quantiles("agent_output_tokens", "tokens out, agent calls", _LMCACHE, outputs)


def _fit_clients(folder: Path) -> Iterator[Figure]:
    spreads: list[float] = []
    hours: list[Floats] = []
    for name, group in (("language", "language/m-small"), ("reasoning", "reason/deepseek-r1")):
        bursts: list[float] = []
        rates: list[float] = []
        for path in find_traces(folder / group, "chunk-*-trace.csv.gz"):
            rows = [row.split(",") for row in read_trace(path)]
            second, rate, cv = np.array([[float(cell) for cell in row[:3]] for row in rows]).T
            requests = rate * _WINDOW_SECONDS
            bursts += cv[requests >= _MIN_WINDOW_REQUESTS].tolist()
            total = float(requests.sum())
            if total > 0:
                rates.append(np.log(total / (second.max() + _WINDOW_SECONDS)))
            if name == "language" and total >= _MIN_CLIENT_REQUESTS:
                hour = (second // 3600 % 24).astype(np.int64)
                hours.append(np.bincount(hour, weights=requests, minlength=24) / total)
        spreads += (np.array(rates) - np.mean(rates)).tolist()
        yield make_quantiles(
            f"{name}_burst_cv",
            "CV of a client's inter-arrival times, per 10 min",
            _SERVEGEN,
            bursts,
        )
    yield Figure(
        "client_rate_sigma",
        "standard deviation of ln(mean rate) among the clients of one model",
        *_SERVEGEN,
        len(spreads),
        (float(np.std(spreads)),),
    )
    typical = np.median(np.array(hours), axis=0)
    meaning = "share of a day's requests per local hour, median client, scaled to 1"
    shares = tuple(float(share) for share in typical / typical.sum())
    yield Figure("hour_shares", meaning, *_SERVEGEN, len(hours), shares)


def _fit_reasoning(folder: Path) -> Iterator[Figure]:
    pooled: dict[str, list[dict[float, float]]] = {}
    windows = 0
    for path in find_traces(folder / "deepseek-r1", "chunk-*-dataset.json.gz"):
        for window in json.loads(gzip.decompress(path.read_bytes())).values():
            windows += 1
            for field in ("input_tokens", "output_tokens", "reason_ratio"):
                pooled.setdefault(field, []).append(ast.literal_eval(window[field]))
    for field, histograms in pooled.items():
        values = np.array([value for each in histograms for value in each])
        weights = np.array([weight for each in histograms for weight in each.values()])
        name = field if field == "reason_ratio" else f"reasoning_{field}"
        meaning = f"{field.replace('_', ' ')} of a reasoning model, client windows weigh the same"
        points = take_weighted_quantiles(values, weights)
        yield Figure(name, meaning, *_SERVEGEN, windows, points)


def main(arguments: list[str]) -> int:
    """Print the figures fitted to a folder, or with `--check` what differs from those shipped."""
    match arguments:
        case ["--check", folder]:
            differences = list_differences(fit_figures(Path(folder)), read_shipped())
            for difference in differences:
                sys.stderr.write(f"{difference}\n")
            if differences:
                sys.stderr.write("write traces.yml anew: python -m stillwatch.worlds.fitting\n")
                return 1
            sys.stdout.write(f"{len(read_shipped())} figures are as fitted\n")
        case [folder] if not folder.startswith("-"):
            sys.stdout.write(render_figures(fit_figures(Path(folder))))
        case _:
            sys.stderr.write("usage: python -m stillwatch.worlds.fitting [--check] FOLDER\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
