"""The published folder: files stay hidden until they are complete, then a rename shows them."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from stillwatch.errors import WarehouseError
from stillwatch.log import get_logger
from stillwatch.runs import Paths, read_json, replacing

KEPT_SNAPSHOTS = 5

_log = get_logger(__name__)


def find_snapshots(paths: Paths) -> list[Path]:
    """Return the kept snapshot files, the last published one first."""
    files = (paths.published / "snapshots").glob("*.duckdb")
    return sorted(files, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)


def put_in_place(paths: Paths, private: Path, snapshot: Path) -> None:
    """Rename the finished file to its snapshot name and link it as `current`."""
    snapshot.parent.mkdir(parents=True, exist_ok=True)
    if snapshot.exists():
        os.utime(snapshot)  # published again: it is the newest; reports may cite the file as it is
    else:
        link = private.with_suffix(".snapshot")
        try:
            os.link(private, link)
        except OSError:  # a file system without hard links
            shutil.copyfile(private, link)
            sync(link)
        link.replace(snapshot)
    private.replace(paths.published / "current.duckdb")
    sync(snapshot.parent)
    sync(paths.published)


def put_export_in_place(paths: Paths, export: Path) -> None:
    """Point `parquet` at the finished folder; the folder before it stays for its readers."""
    final = export.with_name(f".parquet_{export.name.removeprefix('.build_')}")
    export.rename(final)
    target = paths.published / "parquet"
    if target.is_dir() and not target.is_symlink():
        target.rename(paths.published / f".parquet_{secrets.token_hex(6)}")
    link = paths.published / f".build_{secrets.token_hex(6)}.link"
    link.symlink_to(final.name)
    link.replace(target)
    sync(paths.published)


def copy_docs(paths: Paths) -> bool:
    """Publish the static docs that dbt wrote last; return whether there are any."""
    source = paths.dbt / "target" / "static_index.html"
    if not source.exists():
        return False
    with replacing(paths.published / "docs" / "index.html") as temporary:
        shutil.copyfile(source, temporary)
    return True


def remove_orphans(paths: Paths) -> None:
    """Remove what killed publishers left behind, and snapshots that nothing refers to any more."""
    published = paths.published
    in_use = os.path.realpath(published / "parquet")
    leftovers = [
        *published.glob(".build_*"),
        *(path for path in published.glob(".parquet_*") if os.path.realpath(path) != in_use),
    ]
    for path in leftovers:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        _log.info("removed the orphan %s", path)
    cited = {
        read_json(record).get("snapshot_id")
        for record in (paths.ledger / "reports").glob("*.json")
        if record.name[0] != "."
    }
    for path in find_snapshots(paths)[KEPT_SNAPSHOTS:]:
        if path.stem not in cited:
            path.unlink()
            _log.info("removed the old snapshot %s", path.stem)


@contextmanager
def private_file(paths: Paths) -> Iterator[Path]:
    """Yield the path of a hidden database file; whatever is left of it is removed."""
    paths.published.mkdir(parents=True, exist_ok=True)
    path = paths.published / f".build_{secrets.token_hex(6)}.duckdb"
    try:
        yield path
    finally:
        for leftover in paths.published.glob(f"{path.stem}.*"):
            leftover.unlink(missing_ok=True)


@contextmanager
def private_folder(paths: Paths) -> Iterator[Path]:
    """Yield a hidden folder; it is removed unless it was renamed."""
    path = paths.published / f".build_{secrets.token_hex(6)}"
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def named_errors(paths: Paths) -> Iterator[None]:
    """Turn a failure of disk or engine into a WarehouseError that names path and free space."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        free = shutil.disk_usage(paths.published).free if paths.published.exists() else 0
        raise WarehouseError(
            f"publishing to {paths.published} failed ({free / 1e6:.0f} MB free there): {error}. "
            "The last published snapshot stands; publish again when the cause is gone"
        ) from error


def sync(path: Path) -> None:
    """Force a file or folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
