"""The days of a world as lines, drawn and written in several processes where that pays.

Every day has its own random streams, so the lines do not depend on which process wrote them.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context

from stillwatch.worlds.model import World
from stillwatch.worlds.population import Population
from stillwatch.worlds.records import Labels, Line, Recorder
from stillwatch.worlds.traffic import TrafficModel

# Below this many exchanges, starting processes costs more than it saves.
POOL_EXCHANGES = 60_000
_MAX_WORKERS = 8
_PARENT_CHECK_SECONDS = 2.0

Day = tuple[dict[str, list[Line]], list[Labels]]


class DayWriter:
    """Draws and writes one day at a time."""

    def __init__(self, world: World, population: Population, seed: int) -> None:
        self._traffic = TrafficModel(world, population, seed)
        self._recorder = Recorder(world, population, seed)

    def write_day(self, day: date) -> Day:
        """Return the day's lines by source, and the labels of all of them."""
        return self._recorder.record_day(day, self._traffic.draw_day(day))


_writers: list[DayWriter] = []  # one in a worker process, none elsewhere


def write_days(
    world: World, population: Population, seed: int, workers: int | None = None
) -> Iterator[Day]:
    """Yield every day of the world in order; only a few are held at a time.

    `workers` is the number of processes: none given, one per processor for a large world and
    this process alone for a small one.
    """
    if workers is None:
        expected = sum(account.rate for account in population.accounts) * world.days
        processors = len(os.sched_getaffinity(0))
        workers = min(processors, world.days, _MAX_WORKERS) if expected > POOL_EXCHANGES else 1
    if workers == 1:
        writer = DayWriter(world, population, seed)
        yield from map(writer.write_day, world.dates)
        return
    with ProcessPoolExecutor(
        workers,
        mp_context=get_context("spawn"),
        initializer=_start_worker,
        initargs=(world, population, seed, os.getpid()),
    ) as pool:
        days = iter(world.dates)
        waiting: deque[Future[Day]] = deque()
        try:
            for day in days:
                waiting.append(pool.submit(_write_day, day))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _start_worker(world: World, population: Population, seed: int, parent: int) -> None:
    gc.disable()  # millions of rows and no cycles: the search for them finds nothing
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _writers.append(DayWriter(world, population, seed))


def _end_with(parent: int) -> None:
    """End this worker when the process that started it has gone, however it went."""
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_SECONDS)
    os._exit(1)


def _write_day(day: date) -> Day:
    return _writers[0].write_day(day)
