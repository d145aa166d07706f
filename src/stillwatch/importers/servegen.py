"""ServeGen: per client and ten minutes a rate and a CV, per six hours the token lengths.

The trace holds no requests. They are drawn here: in each ten minutes a Poisson number around the
client's rate, at gaps of a gamma distribution with the client's CV, with lengths of its six hours.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stillwatch.errors import ConfigError, InputError
from stillwatch.importers.files import find_files, open_text
from stillwatch.importers.model import (
    BAD_RECORD,
    Exchange,
    FieldNote,
    Item,
    Options,
    Origin,
    Skipped,
    shorten,
)

WINDOW_SECONDS = 600
_LENGTH_SECONDS = 6 * 3600
_MAX_CV = 10.0  # above it almost all requests fall on one instant
_MIN_CV = 0.1
_MAX_WINDOW_REQUESTS = 50_000  # drawn at once
_LENGTHS = ("input_tokens", "output_tokens", "reason_ratio")

Floats = npt.NDArray[np.float64]


@dataclass
class _Client:
    """One client: its windows, and the lengths of the six hours that are being read."""

    name: str
    model: str
    number: int
    lengths_path: Path | None
    windows: dict[int, tuple[float, float]]  # second → requests per second, CV
    lengths: dict[str, tuple[Floats, Floats]] = field(default_factory=dict)


@dataclass(frozen=True)
class ServeGenImporter:
    """Folders with `chunk-N-trace.csv` and `chunk-N-dataset.json`; a chunk is a client."""

    kind: str = "servegen"
    title: str = "ServeGen client data"
    licence: str = "Apache-2.0, alibaba/ServeGen"
    obtain: str = "https://github.com/alibaba/ServeGen"
    record: str = "one request, drawn from a client's rate, CV and token lengths"
    is_ordered: bool = True
    samples_itself: bool = True
    notes: tuple[FieldNote, ...] = (
        FieldNote("exchange_id", Origin.DERIVED, "from client, ten minutes and place in them"),
        FieldNote(
            "event_at",
            Origin.DRAWN,
            "Poisson number by the rate of the ten minutes, gamma gaps by their CV (0.1 to 10)",
        ),
        FieldNote("account_id", Origin.REAL, "a client (chunk) is an account; the name is ours"),
        FieldNote("model", Origin.REAL, "the folder's name, such as m-small"),
        FieldNote("status", Origin.INVENTED, "`ok`: the data hold no failures"),
        FieldNote(
            "input_tokens",
            Origin.DRAWN,
            "from the client's lengths of the six hours; absent where there are none",
        ),
        FieldNote(
            "output_tokens", Origin.DRAWN, "likewise, independent of input_tokens (not published)"
        ),
        FieldNote(
            "reasoning_tokens",
            Origin.DRAWN,
            "output_tokens times a draw of reason_ratio; reasoning models only",
        ),
    )

    def read(self, paths: Sequence[Path], options: Options) -> Iterator[Item]:
        """Yield drawn requests in order of time; `Options.sample` scales the rates."""
        clients: list[_Client] = []
        traces = find_files(paths, ("chunk-*-trace.csv", "chunk-*-trace.csv.gz"))
        for number, path in enumerate(traces):
            client, problems = _read_client(path, number)
            yield from (Skipped(BAD_RECORD, problem) for problem in problems)
            clients.append(client)
        _check_busiest(clients, options.sample)
        seconds = sorted({second for client in clients for second in client.windows})
        period = -1
        for second in seconds:
            if second // _LENGTH_SECONDS != period:
                period = second // _LENGTH_SECONDS
                for client in clients:
                    client.lengths = _read_lengths(client.lengths_path, period * _LENGTH_SECONDS)
            drawn = [
                item
                for client in clients
                if second in client.windows
                for item in _draw_window(client, second, options)
            ]
            yield from sorted(drawn, key=lambda item: item.second)


def thin_cv(cv: float, kept: float) -> float:
    """Return the CV of the gaps of a renewal process of which a share is kept at random.

    >>> thin_cv(3.0, 1.0), thin_cv(1.0, 0.1), round(thin_cv(3.0, 0.01), 2)
    (3.0, 1.0, 1.04)
    """
    return math.sqrt(kept * cv * cv + 1.0 - kept)


def _check_busiest(clients: Sequence[_Client], sample: float) -> None:
    """Raise a ConfigError if ten minutes hold more requests than fit into memory at once."""
    totals: dict[int, float] = {}
    for client in clients:
        for second, (rate, _) in client.windows.items():
            totals[second] = totals.get(second, 0.0) + rate * WINDOW_SECONDS
    busiest = max(totals.values(), default=0.0)
    if busiest * sample > _MAX_WINDOW_REQUESTS:
        raise ConfigError(
            f"these clients make {busiest:,.0f} requests in their busiest ten minutes: give a "
            f"--sample of at most {_MAX_WINDOW_REQUESTS / busiest:.2g}, found {sample:g}"
        )


def _read_client(path: Path, number: int) -> tuple[_Client, list[str]]:
    windows: dict[int, tuple[float, float]] = {}
    problems = []
    with open_text(path) as text:
        for line, row in enumerate(text, 1):
            cells = row.rstrip("\r\n").split(",")
            try:
                second, rate, cv = (float(cell) for cell in cells[:3])
            except ValueError:
                problems.append(
                    f"{path}, line {line}, columns 1 to 3: {','.join(cells[:3])[:60]!r} are not "
                    "second, rate and CV"
                )
                continue
            if not (
                math.isfinite(second + rate + cv) and second >= 0 and rate >= 0 and cv >= 0
            ) or (second % WINDOW_SECONDS):
                problems.append(
                    f"{path}, line {line}: second {second:g}, rate {rate:g}, CV {cv:g} are not "
                    f"zero or more with a second divisible by {WINDOW_SECONDS}"
                )
                continue
            if rate > 0:
                windows[int(second)] = (rate, cv)
    chunk = path.name.split("-trace.csv")[0]
    beside = [path.with_name(f"{chunk}-dataset.json{ending}") for ending in ("", ".gz")]
    lengths_path = next((each for each in beside if each.exists()), None)
    model = path.absolute().parent.name
    return _Client(f"{model}-{chunk}", model, number, lengths_path, windows), problems


def _read_lengths(path: Path | None, second: int) -> dict[str, tuple[Floats, Floats]]:
    """Return values and cumulated shares by field for six hours; a field without any is absent."""
    if path is None:
        return {}
    with open_text(path) as text:
        try:
            window = json.load(text).get(str(second), {})
            parsed = {name: ast.literal_eval(window[name]) for name in _LENGTHS if window.get(name)}
            lengths = {}
            for name, histogram in parsed.items():
                shares = np.array(list(histogram.values()), dtype=np.float64)
                values = np.array(list(histogram), dtype=np.float64)
                if len(shares) and shares.sum() > 0:
                    lengths[name] = (values, np.cumsum(shares) / shares.sum())
        except (ValueError, SyntaxError, AttributeError, TypeError) as error:
            raise InputError(
                f"{path}, key {second}: not the token lengths of ServeGen ({error})"
            ) from error
    return lengths


def _draw_window(client: _Client, second: int, options: Options) -> list[Exchange]:
    rate, cv = client.windows[second]
    rng = np.random.default_rng([options.seed, client.number, second])
    count = int(rng.poisson(rate * WINDOW_SECONDS * options.sample))
    if not count:
        return []
    times = second + _draw_offsets(rng, count, thin_cv(cv, options.sample))
    columns = {}
    for name, (values, cumulated) in client.lengths.items():
        places = np.searchsorted(cumulated, rng.random(count)).clip(max=len(values) - 1)
        columns[name] = values[places]
    items = []
    for place in range(count):
        fields: dict[str, object] = {"model": client.model, "status": "ok"}
        for name in ("input_tokens", "output_tokens"):
            if name in columns:
                fields[name] = int(columns[name][place])
        if "reason_ratio" in columns and "output_tokens" in columns:
            ratio = min(max(float(columns["reason_ratio"][place]), 0.0), 1.0)
            fields["reasoning_tokens"] = int(columns["output_tokens"][place] * ratio)
        identity = shorten("servegen", client.name, client.number, second, place)
        items.append(
            Exchange(float(times[place]), f"servegen-{client.name}", identity, identity, fields)
        )
    return items


def _draw_offsets(rng: np.random.Generator, count: int, cv: float) -> Floats:
    """Return increasing offsets within ten minutes whose gaps vary by the CV."""
    shape = 1.0 / min(max(cv, _MIN_CV), _MAX_CV) ** 2
    gaps = rng.gamma(shape, 1.0, count + 1)
    total = float(gaps.sum())
    if total <= 0:
        return np.sort(rng.random(count) * WINDOW_SECONDS)
    offsets: Floats = np.cumsum(gaps[:count]) / total * (WINDOW_SECONDS - 1e-3)
    return offsets
