"""The table of fitted figures: its rows, its text, and whether it is what the traces give."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from stillwatch.errors import InputError

Floats = npt.NDArray[np.float64]

LEVELS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
TOLERANCE = 1e-3  # relative; the table is written with five digits


@dataclass(frozen=True)
class Figure:
    """One fitted figure: what it says, where it comes from and its values."""

    name: str
    meaning: str
    source: str
    licence: str
    record_count: int
    values: tuple[float, ...]


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


def read_shipped() -> dict[str, dict[str, Any]]:
    """Return the table that ships with the package."""
    text = resources.files("stillwatch.worlds").joinpath("traces.yml").read_text("utf-8")
    table: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return table


def list_differences(figures: Iterable[Figure], table: dict[str, dict[str, Any]]) -> list[str]:
    """Return one sentence for every figure that the table does not hold as fitted."""
    fitted = {figure.name: figure for figure in figures}
    differences = [f"{name}: in the table, not fitted" for name in table if name not in fitted]
    for name, figure in fitted.items():
        row = table.get(name)
        if row is None:
            differences.append(f"{name}: fitted, not in the table")
        elif row["record_count"] != figure.record_count:
            differences.append(
                f"{name}: {row['record_count']} records in the table, {figure.record_count} fitted"
            )
        elif len(row["values"]) != len(figure.values) or not np.allclose(
            figure.values, row["values"], rtol=TOLERANCE, atol=1e-9
        ):
            values = [float(f"{value:.5g}") for value in figure.values]
            differences.append(f"{name}: {row['values']} in the table, {values} fitted")
    return differences


def make_quantiles(
    name: str, meaning: str, origin: tuple[str, str], values: Floats | list[Any]
) -> Figure:
    """Return a figure whose values are the quantiles of `values` at `LEVELS`."""
    points = np.quantile(np.asarray(values, dtype=np.float64), LEVELS)
    return Figure(name, meaning, *origin, len(values), tuple(float(point) for point in points))


def take_weighted_quantiles(values: Floats, weights: Floats) -> tuple[float, ...]:
    """Return the quantiles of a histogram at `LEVELS`."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    picks = np.searchsorted(reached, LEVELS).clip(max=len(values) - 1)
    return tuple(float(value) for value in values[order][picks])


def find_traces(folder: Path, pattern: str) -> list[Path]:
    """Return the trace files of a folder; none is an InputError."""
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise InputError(f"no {pattern} in {folder}: is this the folder of the public traces?")
    return paths


def read_trace(path: Path) -> list[str]:
    """Return the lines of a gzip-compressed trace; a missing one is an InputError."""
    if not path.exists():
        raise InputError(f"trace {path} is missing: is this the folder of the public traces?")
    return gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()
