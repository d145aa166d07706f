"""One import from files to landing, with the fate of every record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Literal

from stillwatch.errors import ConfigError, InputError
from stillwatch.importers.accounts import render_registry
from stillwatch.importers.kinds import get_importer
from stillwatch.importers.landing import HANDLING, ImportWriter, check_target
from stillwatch.importers.model import (
    BAD_RECORD,
    Exchange,
    Importer,
    Item,
    Options,
    Skipped,
    draw_share,
)
from stillwatch.importers.window import Window, keep_times, stretch_times
from stillwatch.log import get_logger, track

_log = get_logger(__name__)

MAX_DAYS = 366
_SHOWN_PROBLEMS = 5

Times = Literal["keep", "stretch"]


@dataclass(frozen=True)
class ImportPlan:
    """Everything that decides what an import writes; the same plan gives the same bytes."""

    kind: str
    paths: tuple[Path, ...]
    landing: Path
    source_id: str
    first_day: date
    days: int
    options: Options = field(default_factory=Options)
    times: Times = "keep"
    skip_days: int = 0
    limit: int | None = None
    skip_bad: bool = False
    replace: bool = False


@dataclass(frozen=True)
class ImportSummary:
    """What became of the records: read = written + skipped, by reason."""

    source_id: str
    read_count: int
    written_count: int
    skipped_by_reason: dict[str, int]
    written_by_day: dict[date, int]
    account_count: int
    origin_second: float
    time_scale: float
    problems: tuple[str, ...]  # the first bad records, each with its place


@dataclass
class _Tally:
    read: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    by_day: Counter[date] = field(default_factory=Counter)
    accounts: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def skip(self, reason: str, item: Item) -> None:
        self.skipped[reason] += 1
        if isinstance(item, Skipped) and item.where and len(self.problems) < _SHOWN_PROBLEMS:
            self.problems.append(item.where)

    def write(self, day: date, account: str) -> None:
        self.by_day[day] += 1
        self.accounts.add(account)


def run_import(plan: ImportPlan) -> ImportSummary:
    """Write the source of a plan below its landing root and return the fate of every record."""
    _check(plan)
    importer = get_importer(plan.kind)
    check_target(plan.landing, plan.source_id, plan.replace)
    window = _find_window(importer, plan)
    tally = _Tally()
    with ImportWriter(plan.landing, plan.source_id) as writer:
        items = _read(importer, plan, window)
        for item in track(items, f"Importing {plan.kind}", total=plan.limit):
            tally.read += 1
            fate = _decide(importer, plan, window, item)
            if isinstance(fate, str):
                tally.skip(fate, item)
                continue
            exchange, instant = fate
            writer.add(instant.date(), _render(plan.kind, exchange, instant))
            tally.write(instant.date(), exchange.account)
        summary = _sum_up(plan, window, tally)
        about: dict[str, object] = {
            "platform": plan.source_id,
            "format": "native",
            "licence": importer.licence,
            "handling": f"{HANDLING}: {importer.title}",
        }
        registry = render_registry(tally.accounts, plan.first_day, plan.options.seed)
        manifest = _describe(plan, importer, summary)
        writer.finish(summary.written_by_day, registry, about, manifest)
    _log.info(
        "import %s: %d read, %d written, skipped %s",
        plan.kind,
        summary.read_count,
        summary.written_count,
        summary.skipped_by_reason,
    )
    return summary


def _sum_up(plan: ImportPlan, window: Window, tally: _Tally) -> ImportSummary:
    if not tally.by_day:
        raise InputError(
            f"no record of {', '.join(map(str, plan.paths))} falls into the {plan.days} days from "
            f"{plan.first_day} ({tally.read} read, skipped: {dict(tally.skipped)}): try "
            "--skip-days, --times stretch or more --days"
        )
    days = [plan.first_day + timedelta(days=n) for n in range(plan.days)]
    return ImportSummary(
        source_id=plan.source_id,
        read_count=tally.read,
        written_count=tally.by_day.total(),
        skipped_by_reason=dict(sorted(tally.skipped.items())),
        written_by_day={day: tally.by_day[day] for day in days},
        account_count=len(tally.accounts),
        origin_second=window.origin,
        time_scale=window.scale,
        problems=tuple(tally.problems),
    )


def _check(plan: ImportPlan) -> None:
    if not 1 <= plan.days <= MAX_DAYS:
        raise ConfigError(f"--days {plan.days}: give 1 to {MAX_DAYS}")
    if not 0 < plan.options.sample <= 1:
        raise ConfigError(f"--sample {plan.options.sample}: give a share above 0 and up to 1")
    if plan.options.account_count < 1:
        raise ConfigError(f"--accounts {plan.options.account_count}: give at least 1")
    if plan.options.seed < 0:
        raise ConfigError(f"--seed {plan.options.seed} is below zero: give a whole number from 0")
    if plan.limit is not None and plan.limit < 1:
        raise ConfigError(f"--limit {plan.limit}: give at least 1")
    if plan.skip_days < 0:
        raise ConfigError(f"--skip-days {plan.skip_days}: give 0 or more")
    if plan.times == "stretch" and plan.skip_days:
        raise ConfigError("--skip-days has no meaning with --times stretch: leave one of them out")


def _find_window(importer: Importer, plan: ImportPlan) -> Window:
    """Return where the source's time goes; `stretch` and unordered sources are read twice."""
    if plan.times == "keep" and importer.is_ordered:
        groups = [plan.paths] if importer.samples_itself else [(path,) for path in plan.paths]
        firsts = [
            first
            for paths in groups
            if (first := next(_seconds(importer.read(paths, plan.options)), None)) is not None
        ]
        if not firsts:
            raise _nothing_in(importer, plan)
        return keep_times(plan.first_day, plan.days, min(firsts), plan.skip_days)
    low, high = float("inf"), float("-inf")
    for second in _seconds(islice(importer.read(plan.paths, plan.options), plan.limit)):
        low, high = min(low, second), max(high, second)
    if low > high:
        raise _nothing_in(importer, plan)
    if plan.times == "keep":
        return keep_times(plan.first_day, plan.days, low, plan.skip_days)
    return stretch_times(plan.first_day, plan.days, low, high)


def _seconds(items: Iterator[Item]) -> Iterator[float]:
    return (item.second for item in items if isinstance(item, Exchange))


def _nothing_in(importer: Importer, plan: ImportPlan) -> InputError:
    first = next(iter(importer.read(plan.paths, plan.options)), None)
    where = getattr(first, "where", "")
    return InputError(
        f"there is no readable record of kind {plan.kind!r} in "
        f"{', '.join(map(str, plan.paths))}" + (f"; the first is {where}" if where else "")
    )


def _read(importer: Importer, plan: ImportPlan, window: Window) -> Iterator[Item]:
    """Yield up to `limit` records; a drawn source ends where the window does."""
    for item in islice(importer.read(plan.paths, plan.options), plan.limit):
        if importer.samples_itself and isinstance(item, Exchange) and item.second >= window.end:
            return
        yield item


def _decide(
    importer: Importer, plan: ImportPlan, window: Window, item: Item
) -> tuple[Exchange, datetime] | str:
    """Return the exchange and its new instant, or the reason why it is skipped."""
    if not isinstance(item, Exchange):
        if item.reason == BAD_RECORD and not plan.skip_bad:
            raise InputError(
                f"{item.where}; nothing was written. Mend the file, or count such records and go "
                "on with --skip-bad"
            )
        return item.reason
    sample = 1.0 if importer.samples_itself else plan.options.sample
    if sample < 1 and draw_share(plan.options.seed, "sample", item.unit) >= sample:
        return "not_sampled"
    placed = window.place(item.second)
    if placed is None:
        return "before_window" if window.is_before(item.second) else "after_window"
    return item, datetime.fromtimestamp(placed, tz=UTC)


def _render(kind: str, exchange: Exchange, instant: datetime) -> dict[str, object]:
    return {
        "exchange_id": f"{kind}-{exchange.identity}",
        "event_at": instant.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "account_id": exchange.account,
        **exchange.fields,
    }


def _describe(plan: ImportPlan, importer: Importer, summary: ImportSummary) -> dict[str, object]:
    """Return what `import.json` says: how it was made and what became of the records."""
    return {
        "kind": plan.kind,
        "title": importer.title,
        "licence": importer.licence,
        "files": [path.name for path in plan.paths],
        "first_day": str(plan.first_day),
        "days": plan.days,
        "times": plan.times,
        "skip_days": plan.skip_days,
        "limit": plan.limit,
        "options": asdict(plan.options),
        "origin_second": summary.origin_second,
        "time_scale": summary.time_scale,
        "read_count": summary.read_count,
        "written_count": summary.written_count,
        "skipped_by_reason": summary.skipped_by_reason,
        "written_by_day": {str(day): count for day, count in summary.written_by_day.items()},
        "account_count": summary.account_count,
        "bad_records": list(summary.problems),
        "fields": {note.field: f"{note.origin}: {note.how}" for note in importer.notes},
    }
