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
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np

from stillwatch.errors import InputError
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
from stillwatch.worlds.trace_shapes import (
    count_per_bin,
    measure_dispersion,
    measure_gap_cvs,
    measure_prefixes,
    measure_top_shares,
)

_CHARACTERS_PER_TOKEN = (
    4  # usual rule of thumb for English; the agent traces carry text, not tokens
)
_WINDOW_SECONDS = 600  # ServeGen gives one rate and one CV per client and ten minutes
_MIN_WINDOW_REQUESTS = 10  # a CV of fewer arrivals says nothing
_TOP_RANKS = (1, 2, 5, 10, 20)
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
        *_fit_dialogues(folder / "lmcache_agent_trace"),
        *_fit_clients(folder / "servegen"),
        *_fit_rates(folder / "servegen"),
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
    instants = [datetime.fromisoformat(row.split(",")[0][:26]) for row in rows]
    times = np.array(sorted((instant - instants[0]).total_seconds() for instant in instants))
    yield from _fit_arrivals("conversation", "chat service", _AZURE, times)
    cvs = measure_gap_cvs(times, 60)
    yield make_quantiles("conversation_gap_cv", "CV of a service's gaps, per minute", _AZURE, cvs)


def _fit_arrivals(name: str, what: str, origin: tuple[str, str], times: Floats) -> Iterator[Figure]:
    minutes = count_per_bin(times, 60)
    meaning = f"requests per second, {what}, per minute"
    yield make_quantiles(f"{name}_requests_per_second", meaning, origin, minutes / 60)
    yield Figure(
        f"{name}_dispersion",
        f"variance / mean of the requests of 10 s and of 60 s, {what}",
        *origin,
        len(times),
        tuple(measure_dispersion(count_per_bin(times, seconds)) for seconds in (10, 60)),
    )


def _fit_long_contexts(folder: Path) -> Iterator[Figure]:
    rows = [json.loads(line) for line in read_trace(folder / "conversation_trace.jsonl.gz")]
    for side in ("input", "output"):
        values = np.array([row[f"{side}_length"] for row in rows], dtype=np.float64)
        meaning = f"tokens {side}, chat service with long contexts"
        yield make_quantiles(f"long_{side}_tokens", meaning, _MOONCAKE, values)
    times = np.array([row["timestamp"] / 1000 for row in rows])
    yield from _fit_arrivals("long", "chat service with long contexts", _MOONCAKE, times)
    shape = measure_prefixes([(row["timestamp"] / 1000, row["hash_ids"]) for row in rows])
    meaning = "share of a prompt's 512-token blocks that were seen before, the first left out"
    yield make_quantiles("prefix_shared_ratio", meaning, _MOONCAKE, shape.shared_ratios)
    meaning = "share of requests that begin, continue, or share a part of a conversation"
    yield Figure("prefix_outcome_shares", meaning, *_MOONCAKE, len(rows), shape.outcome_shares)
    meaning = "requests of one conversation within the hour"
    yield make_quantiles("long_turns", meaning, _MOONCAKE, shape.turns)
    meaning = "pause between requests of one conversation, within the hour"
    yield make_quantiles("long_turn_gap_seconds", meaning, _MOONCAKE, shape.gap_seconds)


def _fit_agents(folder: Path) -> Iterator[Figure]:
    gaps, calls, inputs, outputs = [], [], [], []
    for path in find_traces(folder / "magagent", "*.jsonl.gz"):
        rows = [json.loads(line) for line in read_trace(path)]
        calls.append(len(rows))
        gaps += np.diff(np.sort([row["timestamp"] / 1e6 for row in rows])).tolist()
        inputs += [len(row["input"]) / _CHARACTERS_PER_TOKEN for row in rows if row["input"]]
        outputs += [len(row["output"]) / _CHARACTERS_PER_TOKEN for row in rows if row["output"]]
    yield make_quantiles(
        "agent_gap_seconds", "pause between calls of one agent run", _LMCACHE, gaps
    )
    yield make_quantiles("agent_run_calls", "calls of one agent run", _LMCACHE, calls)
    yield make_quantiles("agent_input_tokens", "tokens in, agent calls", _LMCACHE, inputs)
    yield make_quantiles("agent_output_tokens", "tokens out, agent calls", _LMCACHE, outputs)


def _fit_dialogues(folder: Path) -> Iterator[Figure]:
    gaps, turns = [], []
    for path in find_traces(folder / "taubench", "*.jsonl.gz"):
        rows = [json.loads(line) for line in read_trace(path)]
        turns.append(len(rows))
        gaps += np.diff(np.sort([row["timestamp"] / 1e6 for row in rows])).tolist()
    meaning = "calls of one simulated customer dialogue with tools"
    yield make_quantiles("dialogue_calls", meaning, _LMCACHE, turns)
    meaning = "pause between calls of one simulated customer dialogue with tools"
    yield make_quantiles("dialogue_gap_seconds", meaning, _LMCACHE, gaps)


def _fit_rates(folder: Path) -> Iterator[Figure]:
    """Yield who makes how many requests, and how uneven a client's hours and days are."""
    for name, group in (("language", "language/m-small"), ("reasoning", "reason/deepseek-r1")):
        clients = [
            _read_hours(path) for path in find_traces(folder / group, "chunk-*-trace.csv.gz")
        ]
        hours = [client for client in clients if client.sum() > 0]
        rates = [float(client.mean() * 24) for client in hours]
        meaning = f"mean requests per day of a client, {name} model"
        yield make_quantiles(f"{name}_client_requests_per_day", meaning, _SERVEGEN, rates)
        ranks = ", ".join(map(str, _TOP_RANKS))
        meaning = f"share of all requests by the busiest {ranks} clients, {name} model"
        shares = measure_top_shares(rates, _TOP_RANKS)
        yield Figure(f"{name}_client_top_shares", meaning, *_SERVEGEN, len(rates), shares)
        days = [
            day
            for client in hours
            for day in client.reshape(-1, 24)
            if day.sum() >= _MIN_CLIENT_REQUESTS
        ]
        yield make_quantiles(
            f"{name}_hour_dispersion",
            f"variance / mean of a client's requests per hour of a day, {name} model",
            _SERVEGEN,
            [measure_dispersion(day) for day in days],
        )
        if name == "language":
            totals = [client.reshape(-1, 24).sum(axis=1) for client in hours]
            cvs = [float(each.std() / each.mean()) for each in totals]
            meaning = "CV of a client's requests per day over two weeks"
            yield make_quantiles("client_day_cv", meaning, _SERVEGEN, cvs)


def _read_hours(path: Path) -> Floats:
    """Return a client's requests hour by hour, whole days only."""
    rows = [row.split(",") for row in read_trace(path)]
    second, rate = np.array([[float(cell) for cell in row[:2]] for row in rows]).T
    counts = np.bincount((second // 3600).astype(np.int64), weights=rate * _WINDOW_SECONDS)
    return np.asarray(counts[: len(counts) // 24 * 24], dtype=np.float64)


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
