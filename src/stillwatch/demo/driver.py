"""The steps of the demonstration, each of which knows whether it has been done."""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from rich.console import Console

from stillwatch.demo.progress import DemoProgress
from stillwatch.demo.scheduled import process_by_scheduler
from stillwatch.demo.summary import find_gaps, print_summary
from stillwatch.errors import ConfigError, InputError
from stillwatch.orchestration.embedded import running_airflow
from stillwatch.project import get_project_root
from stillwatch.runs import days_between, get_paths
from stillwatch.settings import Settings


@dataclass(frozen=True)
class DemoPlan:
    """Which world, which days, and which of them Airflow's scheduler processes."""

    world: str = "demo"
    first_day: date = date(2026, 11, 1)
    first_scheduled_day: date = date(2026, 11, 10)
    last_day: date = date(2026, 11, 12)
    feeds_landed_at: datetime = datetime(2026, 10, 31, tzinfo=UTC)

    @property
    def days(self) -> list[date]:
        """Every day of the demonstration."""
        return days_between(self.first_day, self.last_day)

    @property
    def history_days(self) -> list[date]:
        """The days that are processed as by `stillwatch run`."""
        return [day for day in self.days if day < self.first_scheduled_day]

    @property
    def scheduled_days(self) -> list[date]:
        """The days that the scheduler processes as a backfill."""
        return [day for day in self.days if day >= self.first_scheduled_day]


def run_demo(settings: Settings, plan: DemoPlan | None = None) -> None:
    """Bring the demonstration to its end from wherever it stands, and print the closing table.

    A finished demonstration is only looked at: nothing is run or written again.
    """
    plan = plan or DemoPlan()
    console = Console(highlight=False, soft_wrap=True)
    settings = _with_own_landing(settings)
    folder = get_paths(settings).home / "demo"
    progress = DemoProgress.load(folder / "progress.json")
    began = time.monotonic()
    if progress.is_complete and not (gaps := find_gaps(settings, plan.last_day)):
        console.print("The demo has been run before; its results are in place.")
    else:
        if progress.is_complete:
            console.print(f"The demo was run before, but {'; '.join(gaps)}: doing that part again.")
            progress.forget("scheduled")
        _log_to(folder / "demo.log")
        _prepare_inputs(settings, plan, progress, console)
        _process_history(settings, plan, progress, console)
        _publish_docs(settings, progress, console)
        if not progress.has("scheduled"):
            with _step(console, "Start Airflow and let its scheduler process the last days"):
                with running_airflow(settings) as airflow:
                    process_by_scheduler(airflow, plan.scheduled_days, console)
                progress.add("scheduled")
        gaps = find_gaps(settings, plan.last_day)
        if gaps:
            raise InputError(f"the demo ended without what it promises: {'; '.join(gaps)}")
    print_summary(settings, plan.days, console)
    console.print(f"Done in {time.monotonic() - began:.0f} s.")


def _prepare_inputs(
    settings: Settings, plan: DemoPlan, progress: DemoProgress, console: Console
) -> None:
    paths = get_paths(settings)
    landing = Path(settings.landing)
    if not progress.has("packages"):
        with _step(console, "Fetch public reference data from the package registries"):
            _fetch_packages(paths.cache / "npm")
            progress.add("packages")
    if not progress.has("world"):
        from stillwatch.worlds.simulate import write_world

        with _step(console, f"Write the made-up world {plan.world!r} into {landing}"):
            world = write_world(plan.world, landing, paths.home / "demo" / "truth", None)
            progress.add("world")
        exchange_count = sum(world.exchange_count.values())
        console.print(
            f"  {world.account_count:,} accounts, {exchange_count:,} exchanges, "
            f"{len(world.campaigns)} planted campaigns; the truth lies outside the inputs"
        )
    if not progress.has("feeds"):
        from stillwatch.feeds.refresh import refresh_day

        with _step(console, "Land the threat feeds"):
            results = refresh_day(
                settings, plan.feeds_landed_at.date(), pull=True, at=plan.feeds_landed_at
            )
            progress.add("feeds")
        used_count = sum(result.used_count for result in results)
        console.print(f"  {len(results)} feeds, {used_count:,} entries in use")


def _process_history(
    settings: Settings, plan: DemoPlan, progress: DemoProgress, console: Console
) -> None:
    remaining = [day for day in plan.history_days if not progress.has(f"day {day}")]
    if not remaining:
        return
    from stillwatch.pipeline import run_days

    with _step(console, f"Process the history, {remaining[0]} to {remaining[-1]}"):
        began = time.monotonic()
        for summary in run_days(settings, remaining, report_days=()):
            progress.add(f"day {summary.day}")
            console.print(
                f"  {summary.day}  read {summary.read_count:>7,}  "
                f"accepted {summary.accepted_count:>7,}  "
                f"duplicate {summary.duplicate_count:>5,}  "
                f"quarantined {summary.quarantined_count:>4,}  gates passed  "
                f"{time.monotonic() - began:4.0f} s"
            )
            began = time.monotonic()


def _publish_docs(settings: Settings, progress: DemoProgress, console: Console) -> None:
    if progress.has("docs"):
        return
    from stillwatch.warehouse.publish import publish_docs

    with _step(console, "Write the documentation of the warehouse"):
        publish_docs(settings)
        progress.add("docs")


def _fetch_packages(destination: Path) -> None:
    script = get_project_root() / "scripts" / "fetch_packages.sh"
    code = subprocess.run(["bash", str(script), str(destination)], check=False).returncode  # noqa: S603, S607
    if code != 0:
        raise InputError(
            f"{script} ended with code {code}: the package registry could not be reached, "
            "see its message above and run `make demo` again"
        )


def _with_own_landing(settings: Settings) -> Settings:
    """Return settings with absolute paths, for Airflow's processes run elsewhere."""
    if "://" in settings.landing:
        raise ConfigError(
            f"STILLWATCH_LANDING_URI={settings.landing_uri!r}: the demo writes its world to a "
            "local folder, leave the setting out or give a path"
        )
    return settings.model_copy(
        update={
            "home": settings.home.absolute(),
            "landing_uri": str(Path(settings.landing).absolute()),
            "config": settings.config.absolute(),
        }
    )


def _log_to(path: Path) -> None:
    """Send the pipeline's own log lines to a file: the screen shows the steps alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger = logging.getLogger("stillwatch")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


@contextmanager
def _step(console: Console, title: str) -> Iterator[None]:
    console.print(f"[bold]{title}[/bold]")
    began = time.monotonic()
    yield
    console.print(f"  done in {time.monotonic() - began:.0f} s")
