"""Client software: user agents, TLS fingerprints and header orders that belong together."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import numpy as np

from stillwatch.worlds.draws import draw_key


@dataclass(frozen=True)
class Fingerprint:
    """What a gateway sees of one version of one client."""

    user_agent: str
    ja4: str
    header_order_hash: str


@dataclass(frozen=True)
class Software:
    """A client family: versions from old to new, its TLS shape and its weight among accounts."""

    weight: float
    user_agents: tuple[str, ...]
    tls: str
    platforms: tuple[str, ...] = ("",)


_SYSTEMS = ("Linux x86_64", "macOS 15.1 arm64", "Windows 11 x86_64", "Linux aarch64")

CATALOGUE: dict[str, Software] = {
    "sdk_python": Software(
        34.0,
        tuple(f"meridian-python/{v} (CPython 3.12; {{}})" for v in ("2.8.0", "2.9.3", "2.11.1")),
        "t13d1812h1",
        _SYSTEMS,
    ),
    "sdk_node": Software(
        18.0,
        tuple(f"meridian-node/{v} (Node 22.9; {{}})" for v in ("1.30.2", "1.31.0", "1.33.4")),
        "t13d1714h2",
        _SYSTEMS,
    ),
    "codeharbor": Software(
        16.0,
        tuple(f"codeharbor-cli/{v} ({{}})" for v in ("3.6.2", "3.7.0", "3.8.1")),
        "t13d1715h2",
        _SYSTEMS,
    ),
    "browser": Software(
        12.0,
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0.0.0",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15",
            "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
        ),
        "t13d1516h2",
    ),
    "requests": Software(
        7.0,
        tuple(f"python-requests/{v}" for v in ("2.31.0", "2.32.3", "2.32.5")),
        "t13d1911h1",
    ),
    "go": Software(5.0, ("Go-http-client/2.0", "Go-http-client/1.1"), "t13d1312h2"),
    "okhttp": Software(4.0, ("okhttp/4.12.0", "okhttp/5.1.0"), "t13d1613h2"),
    "curl": Software(2.0, ("curl/8.5.0", "curl/8.9.1", "curl/8.15.0"), "t13d2813h2"),
    "notebook": Software(2.0, ("meridian-notebook/0.9.4", "meridian-notebook/1.0.1"), "t13d1812h1"),
}


_HONEST_MIX = {name: software.weight for name, software in CATALOGUE.items()}


@cache
def get_fingerprint(family: str, version: int, system: int, disguise: str | None) -> Fingerprint:
    """Return the fingerprint of a client; a disguised one shows another family's user agent."""
    real = CATALOGUE[family]
    shown = CATALOGUE[disguise or family]
    agent = shown.user_agents[min(version, len(shown.user_agents) - 1)]
    if "{}" in agent:
        agent = agent.format(shown.platforms[system % len(shown.platforms)])
    library = f"{family}/{version // 2}/{system % 2 if family == 'browser' else 0}"
    digest = hashlib.blake2s(library.encode()).hexdigest()
    return Fingerprint(agent, f"{real.tls}_{digest[:12]}_{digest[12:24]}", digest[24:40])


def draw_family(rng: np.random.Generator, weights: dict[str, float]) -> str:
    """Return a client family by weight; no weights means the honest mix."""
    shares = weights or _HONEST_MIX
    return draw_key(rng, shares)
