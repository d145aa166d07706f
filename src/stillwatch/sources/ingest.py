"""Landed files of a day to canonical partitions, quarantine and ledger.

The result of a day depends only on the landed files of that day and of the days before, and it
replaces what an earlier run of the same day wrote.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from stillwatch.canonical import ACCOUNTS, EXCHANGES
from stillwatch.errors import InputError
from stillwatch.landing.decoding import Fingerprint, RefusedFile, decode_blocks, hash_stored
from stillwatch.landing.lines import Reject, split_lines
from stillwatch.landing.parquet import read_parquet
from stillwatch.landing.storage import LandedFile, Landing
from stillwatch.log import get_logger
from stillwatch.runs import exclusive, get_paths, write_json
from stillwatch.settings import Settings, get_deployment_key
from stillwatch.sources.chunks import Chunk
from stillwatch.sources.delivery import KINDS, get_absence, judge, look
from stillwatch.sources.files import check_landed, list_mandatory
from stillwatch.sources.history import (
    ExchangeHistory,
    Mask,
    exchange_folder,
    find_later_days,
    ledger_file,
    read_loaded_files,
    write_digests,
)
from stillwatch.sources.late import record_files
from stillwatch.sources.ledger import FileResult, IngestResult
from stillwatch.sources.partition import PartitionWriter, account_file, write_quarantine
from stillwatch.sources.registry import Source, find_source, find_sources, open_source
from stillwatch.sources.workers import Block, Job, Workers, start_workers, without_collection

_LOG = get_logger(__name__)


def ingest_day(settings: Settings, day: date, now: datetime | None = None) -> list[IngestResult]:
    """Ingest every source for one delivery day; one result per source and kind.

    `now` says whether the day is over; it is the present instant if left out.
    """
    return [
        result
        for source in find_sources(settings)
        for result in _ingest(settings, source, day, now)
    ]


def ingest_source(
    settings: Settings, source_id: str, day: date, now: datetime | None = None
) -> list[IngestResult]:
    """Ingest the usage logs and the account registry of one source for one delivery day."""
    return _ingest(settings, find_source(settings, source_id), day, now)


def _ingest(
    settings: Settings, source: Source, day: date, now: datetime | None
) -> list[IngestResult]:
    paths = get_paths(settings)
    with exclusive(paths, f"ingest.{source.source_id}"):
        results = [_KindIngest(settings, source, day, kind).run(now) for kind in KINDS]
    log_results(results)
    return results


def log_results(results: Iterable[IngestResult]) -> None:
    """Log what became of each kind of each source."""
    for result in results:
        _LOG.info(
            "ingested %s of %s for %s: %s files=%d read=%d accepted=%d duplicate=%d quarantined=%d",
            result.kind,
            result.source.source_id,
            result.day,
            result.state.value,
            len(result.files),
            result.read_count,
            result.accepted_count,
            result.duplicate_count,
            result.quarantined_count,
        )


class _KindIngest:
    """One kind of one source and day, from listing the files to writing the ledger."""

    def __init__(self, settings: Settings, source: Source, day: date, kind: str) -> None:
        self._landing = open_source(settings, source, kind)
        self._paths = get_paths(settings)
        self._source = source
        self._day = day
        self._kind = kind
        self._key = get_deployment_key(settings)
        self._quarantine: list[tuple[Any, ...]] = []
        self._unknown: Counter[str] = Counter()
        self._accepted_keys: list[Any] = []
        self._accepted_contents: list[Any] = []
        self._seen: dict[int, int] = {}  # key to content digest, of this day

    def run(self, now: datetime | None) -> IngestResult:
        """Ingest all files, replace the partition and return what became of them."""
        started = time.perf_counter()
        delivery = look(self._landing, self._source, self._kind, self._day, now)
        if delivery.unread:
            folder = self._source.get_folder(self._kind, self._day)
            _LOG.warning(
                "%s: the folders %s are not read: files lie in the day's folder itself, or in "
                "folders of hours such as 07 or h=07",
                *(folder, ", ".join(delivery.unread)),
            )
        mandatory = list_mandatory(self._kind, self._source.format)
        checked = [(file, check_landed(self._landing, file, mandatory)) for file in delivery.files]
        decoded_bytes = sum(
            outcome.decoded_byte_count for _, outcome in checked if isinstance(outcome, Fingerprint)
        )
        job = Job(self._kind, self._source, self._day, self._key)
        with (
            without_collection(),
            start_workers(job, decoded_bytes) as workers,
            PartitionWriter(self._partition, self._schema) as writer,
        ):
            results = tuple(self._read_files(checked, workers, writer))
            later_days = self._finish_keys()
        write_quarantine(
            self._paths, self._kind, self._source.source_id, self._day, self._quarantine
        )
        result = IngestResult(
            kind=self._kind,
            source=self._source,
            day=self._day,
            files=results,
            unknown_fields=dict(sorted(self._unknown.items())),
            absent_columns=writer.list_absent(),
            later_days=tuple(later_days),
            seconds=time.perf_counter() - started,
            state=judge(
                delivery,
                sum(file.read_count for file in results),
                sum(1 for file in results if file.state == "refused"),
            ),
            absence=get_absence(self._source, self._kind),
            has_no_traffic=delivery.has_no_traffic,
        )
        ledger = result.to_json()
        identity = self._kind, self._source.source_id, self._day
        write_json(ledger_file(self._paths, *identity), ledger)
        # Last: after a crash in between, the day looks changed and runs again.
        record_files(self._paths, *identity, delivery.files, ledger["files"])
        return result

    @property
    def _schema(self) -> Any:
        return EXCHANGES if self._kind == "usage" else ACCOUNTS

    @property
    def _partition(self) -> Path:
        if self._kind == "usage":
            folder = exchange_folder(self._paths, self._source.source_id, self._day)
            return folder / "part-0.parquet"
        return account_file(self._paths, self._source.source_id, self._day)

    def _read_files(
        self,
        checked: list[tuple[LandedFile, Fingerprint | RefusedFile]],
        workers: Workers,
        writer: PartitionWriter,
    ) -> Iterator[FileResult]:
        loaded: dict[str, int] = {}
        history: ExchangeHistory | None = None
        if self._kind == "usage":
            # An unchanged account registry is delivered again every day: only usage files are
            # compared with earlier days.
            loaded = read_loaded_files(self._paths, self._source.source_id, self._day)
            history = ExchangeHistory(self._paths, self._source.source_id, self._day)
        for file, outcome in checked:
            if isinstance(outcome, RefusedFile):
                yield self._refuse(file, outcome)
                continue
            if outcome.sha256 in loaded:
                count = loaded[outcome.sha256]
                yield FileResult(
                    file.name,
                    file.byte_count,
                    outcome.sha256,
                    "duplicate_file",
                    "the same content was delivered before",
                    read_count=count,
                    duplicate_count=count,
                )
                continue
            result = self._load(file, outcome, workers, writer, history)
            loaded[outcome.sha256] = result.read_count
            yield result

    def _refuse(self, file: LandedFile, refusal: RefusedFile) -> FileResult:
        sha256 = hash_stored(self._landing, file)
        self._quarantine.append((file.name, sha256, None, None, refusal.reason, refusal.detail))
        _LOG.warning("refused %s: %s", file.name, refusal)
        reason = refusal.reason
        if reason == "missing_column":
            reason = f"{reason}: {refusal.detail}"
        return FileResult(file.name, file.byte_count, sha256, "refused", reason)

    def _load(
        self,
        file: LandedFile,
        fingerprint: Fingerprint,
        workers: Workers,
        writer: PartitionWriter,
        history: ExchangeHistory | None,
    ) -> FileResult:
        accepted = duplicates = blanks = 0
        rejects: list[Reject] = []
        for chunk in workers.build(_read_blocks(self._landing, file, fingerprint)):
            keep, conflicts, duplicate_count = self._compare(chunk, history)
            kept = np.flatnonzero(keep)
            writer.write(chunk.table.filter(keep) if len(kept) < len(keep) else chunk.table)
            self._accepted_keys.append(chunk.keys[kept])
            self._accepted_contents.append(chunk.contents[kept])
            accepted += len(kept)
            duplicates += duplicate_count
            blanks += chunk.blank_count
            rejects += chunk.rejects
            rejects += [chunk.make_reject(row, "conflict", detail) for row, detail in conflicts]
            self._unknown.update(chunk.unknown_fields)
        rejects.sort(key=lambda reject: reject.line_number)
        self._quarantine += [
            (
                file.name,
                fingerprint.sha256,
                reject.line_number,
                reject.byte_offset,
                reject.reason,
                reject.detail,
            )
            for reject in rejects
        ]
        reasons = Counter(reject.reason for reject in rejects)
        return FileResult(
            file.name,
            file.byte_count,
            fingerprint.sha256,
            "loaded",
            read_count=accepted + duplicates + len(rejects),
            accepted_count=accepted,
            duplicate_count=duplicates,
            quarantined_by_reason=dict(sorted(reasons.items())),
            blank_count=blanks,
        )

    def _compare(
        self, chunk: Chunk, history: ExchangeHistory | None
    ) -> tuple[Mask, list[tuple[int, str]], int]:
        """Return which rows are new, which conflict and why, and how many are duplicates."""
        identifier = "exchange_id" if self._kind == "usage" else "account_id"
        keep = np.ones(len(chunk.keys), dtype=np.bool_)
        conflicts: list[tuple[int, str]] = []
        duplicate_count = 0
        if history is not None:
            found, differs = history.find(chunk)
            keep &= ~found
            conflicts += [
                (int(row), f"the same {identifier} came on an earlier day with other content")
                for row in np.flatnonzero(differs)
            ]
            duplicate_count += int(found.sum() - differs.sum())
        seen = self._seen
        keys, contents = chunk.keys.tolist(), chunk.contents.tolist()
        for row in np.flatnonzero(keep).tolist():
            key, content = keys[row], contents[row]
            first = seen.get(key)
            if first is None:
                seen[key] = content
                continue
            keep[row] = False
            if first == content:
                duplicate_count += 1
            else:
                conflicts.append(
                    (row, f"the same {identifier} came before on this day with other content")
                )
        return keep, conflicts, duplicate_count

    def _finish_keys(self) -> list[date]:
        """Write the digests of the new partition; return later days that it makes stale."""
        if self._kind != "usage":
            return []
        empty = np.empty(0, dtype=np.int64)
        keys = np.concatenate([empty, *self._accepted_keys])
        contents = np.concatenate([empty, *self._accepted_contents])
        folder = exchange_folder(self._paths, self._source.source_id, self._day)
        write_digests(folder, keys, contents)
        for leftover in folder.glob("part-*.parquet"):
            if leftover != self._partition:
                leftover.unlink()
        later = find_later_days(self._paths, self._source.source_id, self._day, keys)
        if later:
            _LOG.warning(
                "%s of %s: the later days %s hold some of the same exchanges; ingest them again",
                self._source.source_id,
                self._day,
                ", ".join(str(day) for day in later),
            )
        return later


def _read_blocks(landing: Landing, file: LandedFile, fingerprint: Fingerprint) -> Iterator[Block]:
    """Yield the content of a checked file; raise if it is not the one that was checked."""
    if file.name.endswith(".parquet"):
        yield from read_parquet(landing, file)
        return
    yield from split_lines(_watch_size(landing, file, fingerprint))


def _watch_size(landing: Landing, file: LandedFile, fingerprint: Fingerprint) -> Iterator[bytes]:
    size = 0
    for piece in decode_blocks(landing, file):
        size += len(piece)
        yield piece
    if size != fingerprint.decoded_byte_count:
        raise InputError(
            f"{file.name} changed while it was read: landed files must never change; run again"
        )
