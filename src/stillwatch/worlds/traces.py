"""Draws from the figures in `traces.yml`: lengths, gaps, rhythms of real traffic."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

import numpy as np
import numpy.typing as npt
import yaml

Floats = npt.NDArray[np.float64]

_LEVELS = np.array([0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99])

_LENGTHS = {
    "conversation": ("conversation_input_tokens", "conversation_output_tokens"),
    "long": ("long_input_tokens", "long_output_tokens"),
    "agent": ("agent_input_tokens", "agent_output_tokens"),
    "reasoning": ("reasoning_input_tokens", "reasoning_output_tokens"),
}


@lru_cache(maxsize=1)
def load_figures() -> dict[str, Floats]:
    """Return the values of every shipped figure by name."""
    text = resources.files("stillwatch.worlds").joinpath("traces.yml").read_text("utf-8")
    return {
        name: np.array(row["values"], dtype=float) for name, row in yaml.safe_load(text).items()
    }


def draw_figure(name: str, rng: np.random.Generator, size: int) -> Floats:
    """Return draws whose quantiles are those of the figure, log-linear in between."""
    values = np.log(np.maximum(load_figures()[name], 1e-3))
    return np.exp(np.interp(rng.random(size), _LEVELS, values))


def draw_cached_ratios(rng: np.random.Generator, size: int) -> Floats:
    """Return which shares of prompts a prefix cache knows: of most nothing, of some nearly all."""
    return np.interp(rng.random(size), _LEVELS, load_figures()["prefix_shared_ratio"])


def draw_lengths(profile: str, rng: np.random.Generator, size: int) -> tuple[Floats, Floats]:
    """Return input and output token counts of one kind of service."""
    into, out = _LENGTHS[profile]
    return draw_figure(into, rng, size), draw_figure(out, rng, size)


def get_rate_sigma() -> float:
    """Return how far real clients' mean rates spread, as a standard deviation of ln(rate)."""
    return float(load_figures()["client_rate_sigma"][0])


def get_hour_shares(shape: str) -> Floats:
    """Return 24 shares of a day's requests by local hour.

    `human` is the fitted rhythm; `office` and `lectures` are its working hours, sharpened.
    """
    human = load_figures()["hour_shares"]
    hours = np.arange(24)
    match shape:
        case "human":
            shares = human
        case "office":
            shares = human * np.where((hours >= 8) & (hours < 19), 1.0, 0.06)
        case "lectures":
            shares = human * np.where((hours >= 9) & (hours < 17), 1.0, 0.02)
            shares = shares + np.where((hours >= 19) & (hours < 23), 0.012, 0.0)
        case "flat":
            shares = np.ones(24)
        case _:
            raise ValueError(f"no rhythm {shape!r}")
    normalised: Floats = shares / shares.sum()
    return normalised
