"""Figures of real traces that make simulated traffic behave like real traffic.

    python -m stillwatch.worlds.fitting FOLDER

reads the public traces below FOLDER (`azure_llm_2023`, `mooncake`, `servegen`,
`lmcache_agent_trace`) and prints `traces.yml`, the table of figures that ships with the package.
Only quantiles, means and shares are kept, each with its source and licence; never a record.
"""

from __future__ import annotations

import ast
import gzip
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from stillwatch.errors import InputError

Floats = npt.NDArray[np.float64]

LEVELS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
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


@dataclass(frozen=True)
class Figure:
    """One fitted figure: what it says, where it comes from and its values."""

    name: str
    meaning: str
    source: str
    licence: str
    record_count: int
    values: tuple[float, ...]


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


def render_figures(figures: Iterable[Figure]) -> str:
    """Return the text of `traces.yml`."""
    head = (
        "# Figures fitted to public traces by `python -m stillwatch.worlds.fitting FOLDER`.\n"
        f"# Nine values are the quantiles at {', '.join(map(str, LEVELS))}.\n"
        "# azure_llm_2023: Microsoft Azure (AzurePublicDataset; Patel et al., Splitwise, 2024).\n"
    )
    body = {
        figure.name: {
            "meaning": figure.meaning,
            "source": figure.source,
            "licence": figure.licence,
            "record_count": figure.record_count,
            "values": [float(f"{value:.5g}") for value in figure.values],
        }
        for figure in figures
    }
    return head + yaml.safe_dump(body, sort_keys=False, width=96, default_flow_style=None)


def _fit_conversations(folder: Path) -> Iterator[Figure]:
    rows = _read_lines(folder / "AzureLLMInferenceTrace_conv.csv.gz")[1:]
    columns = np.array([[float(cell) for cell in row.split(",")[1:3]] for row in rows])
    yield _quantiles("conversation_input_tokens", "tokens in, chat service", _AZURE, columns[:, 0])
    yield _quantiles(
        "conversation_output_tokens", "tokens out, chat service", _AZURE, columns[:, 1]
    )


def _fit_long_contexts(folder: Path) -> Iterator[Figure]:
    rows = [json.loads(line) for line in _read_lines(folder / "conversation_trace.jsonl.gz")]
    for side in ("input", "output"):
        values = np.array([row[f"{side}_length"] for row in rows], dtype=np.float64)
        meaning = f"tokens {side}, chat service with long contexts"
        yield _quantiles(f"long_{side}_tokens", meaning, _MOONCAKE, values)


def _fit_agents(folder: Path) -> Iterator[Figure]:
    gaps, calls, inputs, outputs = [], [], [], []
    for path in _find(folder / "magagent", "*.jsonl.gz"):
        rows = [json.loads(line) for line in _read_lines(path)]
        calls.append(len(rows))
        gaps += np.diff(np.sort([row["timestamp"] / 1e6 for row in rows])).tolist()
        inputs += [len(row["input"]) / _CHARACTERS_PER_TOKEN for row in rows if row["input"]]
        outputs += [len(row["output"]) / _CHARACTERS_PER_TOKEN for row in rows if row["output"]]
    yield _quantiles("agent_gap_seconds", "pause between calls of one agent run", _LMCACHE, gaps)
    yield _quantiles("agent_run_calls", "calls of one agent run", _LMCACHE, calls)
    yield _quantiles("agent_input_tokens", "tokens in, agent calls", _LMCACHE, inputs)
    yield _quantiles("agent_output_tokens", "tokens out, agent calls", _LMCACHE, outputs)


def _fit_clients(folder: Path) -> Iterator[Figure]:
    spreads: list[float] = []
    hours: list[Floats] = []
    for name, group in (("language", "language/m-small"), ("reasoning", "reason/deepseek-r1")):
        bursts: list[float] = []
        rates: list[float] = []
        for path in _find(folder / group, "chunk-*-trace.csv.gz"):
            rows = [row.split(",") for row in _read_lines(path)]
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
        yield _quantiles(
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
    for path in _find(folder / "deepseek-r1", "chunk-*-dataset.json.gz"):
        for window in json.loads(gzip.decompress(path.read_bytes())).values():
            windows += 1
            for field in ("input_tokens", "output_tokens", "reason_ratio"):
                pooled.setdefault(field, []).append(ast.literal_eval(window[field]))
    for field, histograms in pooled.items():
        values = np.array([value for each in histograms for value in each])
        weights = np.array([weight for each in histograms for weight in each.values()])
        name = field if field == "reason_ratio" else f"reasoning_{field}"
        meaning = f"{field.replace('_', ' ')} of a reasoning model, client windows weigh the same"
        points = _weighted_quantiles(values, weights)
        yield Figure(name, meaning, *_SERVEGEN, windows, points)


def _quantiles(
    name: str, meaning: str, origin: tuple[str, str], values: Floats | list[Any]
) -> Figure:
    points = np.quantile(np.asarray(values, dtype=np.float64), LEVELS)
    return Figure(name, meaning, *origin, len(values), tuple(float(point) for point in points))


def _weighted_quantiles(values: Floats, weights: Floats) -> tuple[float, ...]:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    picks = np.searchsorted(reached, LEVELS).clip(max=len(values) - 1)
    return tuple(float(value) for value in values[order][picks])


def _find(folder: Path, pattern: str) -> list[Path]:
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise InputError(f"no {pattern} in {folder}: is this the folder of the public traces?")
    return paths


def _read_lines(path: Path) -> list[str]:
    if not path.exists():
        raise InputError(f"trace {path} is missing: is this the folder of the public traces?")
    return gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()


def main(arguments: list[str]) -> int:
    """Print the figures fitted to the folder named on the command line."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m stillwatch.worlds.fitting FOLDER\n")
        return 2
    sys.stdout.write(render_figures(fit_figures(Path(arguments[0]))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
