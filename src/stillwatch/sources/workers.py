"""Blocks of lines to chunks, on one processor or on all, always in the order of the lines."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context

from stillwatch.keyed import Keyer
from stillwatch.landing.lines import Batch, Line, parse_lines
from stillwatch.sources.accounts import AccountBuilder
from stillwatch.sources.chunks import Builder, Chunk, build_chunk
from stillwatch.sources.exchanges import ExchangeBuilder
from stillwatch.sources.formats import ADAPTERS
from stillwatch.sources.joining import join_blocks
from stillwatch.sources.registry import Source

# Below this many decoded bytes, starting processes costs more than it saves.
POOL_BYTES = 48 << 20
_MAX_WORKERS = 16
_PARENT_CHECK_SECONDS = 2.0

Block = list[Line] | Batch

_worker_builders: list[Builder] = []  # one in a worker process, none elsewhere


@dataclass(frozen=True)
class Job:
    """What a worker must know to build the rows of one kind, source and day."""

    kind: str
    source: Source
    day: date
    key: bytes

    def make_builder(self) -> Builder:
        """Return a builder for the job's kind."""
        match self.kind:
            case "usage":
                return ExchangeBuilder(self.source, self.day, Keyer(self.key))
            case "accounts":
                return AccountBuilder(self.source, self.day, Keyer(self.key))
            case _:
                raise AssertionError(self.kind)

    def join(self, blocks: Iterable[Block]) -> Iterable[Block]:
        """Return the blocks with the parts of one exchange put together, if it comes in parts."""
        adapter = ADAPTERS[self.source.format]
        if self.kind == "usage" and adapter.has_parts:
            return join_blocks(adapter, blocks)
        return blocks


class Workers:
    """Turns blocks into chunks; made by `start_workers`."""

    def __init__(self, job: Job, pool: ProcessPoolExecutor | None, width: int) -> None:
        self._job = job
        self._pool = pool
        self._width = width
        self._builder: Builder | None = None

    def build(self, blocks: Iterable[Block]) -> Iterator[Chunk]:
        """Yield the chunk of each block, in order; only a few blocks are held at a time."""
        blocks = self._job.join(blocks)
        if self._pool is None:
            builder = self._builder = self._builder or self._job.make_builder()
            for block in blocks:
                yield _build(builder, block)
            return
        waiting: deque[Future[Chunk]] = deque()
        for block in blocks:
            waiting.append(self._pool.submit(_build_in_worker, block))
            if len(waiting) > 2 * self._width:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def start_workers(job: Job, decoded_bytes: int) -> Iterator[Workers]:
    """Yield workers that suit the amount of work, and stop them afterwards."""
    width = min(_count_processors(), _MAX_WORKERS)
    if width < 2 or decoded_bytes < POOL_BYTES:
        yield Workers(job, None, 1)
        return
    with ProcessPoolExecutor(
        width,
        mp_context=get_context("spawn"),
        initializer=_start_worker,
        initargs=(job, os.getpid()),
    ) as pool:
        yield Workers(job, pool, width)


@contextmanager
def without_collection() -> Iterator[None]:
    """Pause the search for reference cycles while rows are built.

    Millions of rows are made and none refers back to itself, so the search finds nothing; it cost
    an eighth of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _count_processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _start_worker(job: Job, parent: int) -> None:
    gc.disable()
    _worker_builders.append(job.make_builder())
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this worker when the process that started it has gone, however it went."""
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_SECONDS)
    os._exit(1)


def _build_in_worker(block: Block) -> Chunk:
    return _build(_worker_builders[0], block)


def _build(builder: Builder, block: Block) -> Chunk:
    return build_chunk(builder, block if isinstance(block, Batch) else parse_lines(block))
