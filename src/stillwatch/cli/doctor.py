"""`stillwatch doctor`."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stillwatch.errors import StillwatchError
from stillwatch.runs import get_paths
from stillwatch.settings import Settings, get_deployment_key, get_settings

if TYPE_CHECKING:
    from stillwatch.sources.registry import Source

_LIBRARIES = (
    ("libpango-1.0.so.0", "libpango-1.0.dylib", "libpango-1.0-0"),
    ("libpangoft2-1.0.so.0", "libpangoft2-1.0.dylib", "libpangoft2-1.0-0"),
    ("libharfbuzz.so.0", "libharfbuzz.dylib", "libharfbuzz0b"),
    ("libharfbuzz-subset.so.0", "libharfbuzz-subset.dylib", "libharfbuzz-subset0"),
    ("libfontconfig.so.1", "libfontconfig.dylib", "libfontconfig1"),
)
_DISK_BYTES = 2_000_000_000
_MEMORY_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Finding:
    """One checked thing; `advice` says what to do and is empty if nothing is to be done."""

    subject: str
    detail: str
    advice: str = ""


@click.command("doctor")
def command() -> None:
    """Check that this machine and configuration can run Stillwatch.

    One line for each thing that was looked at; exit code 1 if one of them is a problem.
    """
    settings = get_settings()
    problem_count = 0
    for check in _CHECKS:
        for finding in _run_check(check, settings):
            problem_count += bool(finding.advice)
            mark = "problem" if finding.advice else "ok"
            click.echo(f"{mark:8} {finding.subject:14} {finding.detail}")
            if finding.advice:
                click.echo(f"{'':8} {'':14} -> {finding.advice}")
    if problem_count:
        click.echo(f"problems: {problem_count}")
        raise SystemExit(1)
    click.echo("Stillwatch can run here.")


def _run_check(
    check: Callable[[Settings], Iterator[Finding]], settings: Settings
) -> Iterator[Finding]:
    subject = check.__name__.removeprefix("_check_").replace("_", " ")
    try:
        yield from check(settings)
    except (StillwatchError, OSError) as error:
        yield Finding(subject, str(error), "correct what is named here, then ask again")


def _check_python(settings: Settings) -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    fits = (3, 11) <= sys.version_info[:2] < (3, 13)
    yield Finding("python", version, "" if fits else "use Python 3.11 or 3.12: `make setup`")


def _check_packages(settings: Settings) -> Iterator[Finding]:
    from packaging.requirements import Requirement

    wrong = []
    requirements = [
        requirement
        for requirement in map(Requirement, metadata.requires("stillwatch") or [])
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    ]
    for requirement in requirements:
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} is {version}, not {requirement.specifier}")
    yield Finding(
        "packages",
        "; ".join(wrong) or f"{len(requirements)} as locked",
        "install them from the lock: `make setup`" if wrong else "",
    )
    import duckdb

    yield Finding("duckdb", duckdb.__version__)


def _check_libraries(settings: Settings) -> Iterator[Finding]:
    missing = [
        (linux if sys.platform != "darwin" else mac, package)
        for linux, mac, package in _LIBRARIES
        if not _can_load(linux if sys.platform != "darwin" else mac)
    ]
    packages = " ".join(package for _, package in missing)
    install = (
        "brew install pango"
        if sys.platform == "darwin"
        else f"sudo apt-get install --no-install-recommends {packages}"
    )
    yield Finding(
        "pdf libraries",
        f"cannot load {', '.join(name for name, _ in missing)}"
        if missing
        else "Pango, HarfBuzz and Fontconfig load",
        install if missing else "",
    )


def _can_load(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _check_fonts(settings: Settings) -> Iterator[Finding]:
    from stillwatch.reporting.fonts import FONTS

    missing = [font.path for font in FONTS if not font.path.is_file()]
    yield Finding(
        "fonts",
        f"missing: {', '.join(str(path) for path in missing)}"
        if missing
        else f"{len(FONTS)} files ship with the templates",
        "restore report_templates/ from git" if missing else "",
    )


def _check_landing(settings: Settings) -> Iterator[Finding]:
    from stillwatch.landing.storage import get_landing

    folders = get_landing(settings).list_folders("")
    yield Finding(
        "landing",
        f"{settings.landing_uri}: {', '.join(folders) if folders else 'empty or absent'}",
        ""
        if folders
        else "set STILLWATCH_LANDING_URI to the folder in which inputs land, or make some: "
        "`stillwatch simulate --world demo`",
    )


def _check_config(settings: Settings) -> Iterator[Finding]:
    readable = settings.config.is_dir() and os.access(settings.config, os.R_OK | os.X_OK)
    yield Finding(
        "config",
        str(settings.config.absolute()),
        "" if readable else "set STILLWATCH_CONFIG to a readable folder",
    )
    if readable:
        from stillwatch.sources.registry import find_sources

        sources = find_sources(settings)
        listed = ", ".join(f"{source.source_id} ({source.format})" for source in sources)
        yield Finding("sources", listed or "none configured and none landed")
        for source in sources:
            yield from _check_locations(settings, source)


def _check_locations(settings: Settings, source: Source) -> Iterator[Finding]:
    """Yield whether the places of a source outside the landing root answer."""
    from stillwatch.sources.delivery import KINDS
    from stillwatch.sources.registry import open_source

    for kind in KINDS:
        location = source.get_location(kind)
        if "://" not in location:
            continue
        try:
            days = open_source(settings, source, kind).list_folders(location)
        except StillwatchError as error:
            yield Finding("location", str(error), "correct what is named here, then ask again")
        else:
            yield Finding("location", f"{location} answers: {len(days)} folders")


def _check_feeds(settings: Settings) -> Iterator[Finding]:
    from stillwatch.feeds.registry import read_entries

    entries = read_entries(settings)
    count = len(entries.feeds)
    yield Finding("feeds", f"{count} configured" if count else "none: network evidence is missing")
    for feed_id, reason in sorted(entries.unused.items()):
        yield Finding(
            "feeds",
            f"landed feed {feed_id} is not used: {reason}",
            "correct its feed.yml, or give it an entry in feeds.yml",
        )


def _check_home(settings: Settings) -> Iterator[Finding]:
    home = get_paths(settings).home
    existing = next(path for path in (home, *home.parents) if path.exists())
    with tempfile.TemporaryFile(dir=existing):
        pass
    yield Finding("home", f"{home} can be written")
    free = shutil.disk_usage(existing).free
    yield Finding(
        "disk",
        f"{free / 1e9:.1f} GB free for {home}",
        "" if free >= _DISK_BYTES else "free some space, or set STILLWATCH_HOME to a larger disk",
    )


def _check_key(settings: Settings) -> Iterator[Finding]:
    folders = [settings.config / "secrets", settings.home / "secrets"]
    candidates = (
        [settings.key_file] if settings.key_file else [f / "deployment.key" for f in folders]
    )
    found = next((path for path in candidates if path.exists()), None)
    if found is None and settings.key_file is None:
        yield Finding("key", f"will be made on first use in {folders[0]}")
        return
    get_deployment_key(settings)
    yield Finding("key", f"{found}, readable by its owner only")


def _check_memory(settings: Settings) -> Iterator[Finding]:
    available = _read_available_memory()
    allowed = _parse_size(settings.warehouse_memory)
    if available is None:
        yield Finding("memory", f"unknown here; the warehouse may use {settings.warehouse_memory}")
        return
    detail = (
        f"{available / 1e9:.1f} GB available, the warehouse may use {settings.warehouse_memory}"
    )
    advice = ""
    if available < _MEMORY_BYTES:
        advice = "give the machine 2 GB or more of free memory"
    elif allowed is None:
        advice = "write STILLWATCH_WAREHOUSE_MEMORY as a number and unit, such as 4GB"
    elif allowed > available:
        advice = f"set STILLWATCH_WAREHOUSE_MEMORY to {max(1, int(available / 1.5e9))}GB or less"
    yield Finding("memory", detail, advice)


def _read_available_memory() -> int | None:
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    return int(found.group(1)) * 1024 if found else None


def _parse_size(text: str) -> int | None:
    found = re.fullmatch(r"\s*([\d.]+)\s*([KMGT])(i?)B\s*", text, re.IGNORECASE)
    if found is None:
        return None
    power = "KMGT".index(found.group(2).upper()) + 1
    return int(float(found.group(1)) * (1024 if found.group(3) else 1000) ** power)


def _check_warehouse(settings: Settings) -> Iterator[Finding]:
    import duckdb

    paths = get_paths(settings)
    if not paths.warehouse.exists():
        yield Finding("warehouse", "not built yet")
    elif _is_locked(paths.locks / "warehouse.lock"):
        yield Finding("warehouse", "a run is building it now")
    else:
        try:
            duckdb.connect(str(paths.warehouse), read_only=True).close()
        except duckdb.Error as error:
            yield Finding(
                "warehouse",
                " ".join(str(error).split()),
                "end the process that holds it: analysts use `stillwatch query`, not the build",
            )
        else:
            yield Finding("warehouse", f"{paths.warehouse} opens")
    current = paths.published / "current.duckdb"
    yield Finding("published", str(current) if current.exists() else "nothing yet")


def _is_locked(path: Path) -> bool:
    from filelock import FileLock, Timeout

    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


_CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _check_python,
    _check_packages,
    _check_libraries,
    _check_fonts,
    _check_landing,
    _check_config,
    _check_feeds,
    _check_home,
    _check_key,
    _check_memory,
    _check_warehouse,
)
