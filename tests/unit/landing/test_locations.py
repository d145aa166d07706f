"""Locations on a real S3-compatible server, and stores that do not answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from object_store import KEY, SECRET, Store, define
from stillwatch.errors import ConfigError, InputError, LocationError
from stillwatch.landing import connections, storage
from stillwatch.landing.decoding import check_file
from stillwatch.landing.parquet import check_parquet
from stillwatch.landing.storage import Landing

FOLDER = "usage/a/dt=2026-11-02"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(storage, "_LONGEST_WAIT_SECONDS", 0.02)


def put(store: Store, name: str, data: bytes = b'{"a":1}\n') -> None:
    store.client.put_object(Bucket="inputs", Key=name, Body=data)


def test_landing__lists_and_reads_a_bucket(store: Store, connection: str) -> None:
    put(store, f"x/{FOLDER}/b.jsonl", b"b" * (3 << 20))
    put(store, f"x/{FOLDER}/a.jsonl")
    put(store, f"x/{FOLDER}/_SUCCESS", b"")
    put(store, f"x/{FOLDER}/", b"")  # what a console leaves when it makes a folder
    landing = Landing("s3://inputs/x/", connection)
    assert landing.list_folders("usage") == ["a"]
    found = landing.read_folder(FOLDER)
    assert [(file.name, file.byte_count) for file in found.files] == [
        (f"{FOLDER}/a.jsonl", 8),
        (f"{FOLDER}/b.jsonl", 3 << 20),
    ]
    assert found.markers == {"_SUCCESS"}
    assert len({file.tag for file in found.files}) == 2
    assert b"".join(landing.read_blocks(f"{FOLDER}/b.jsonl")) == b"b" * (3 << 20)
    by_url = landing.read_folder(f"s3://inputs/x/{FOLDER}").files[0]
    assert by_url.name == f"s3://inputs/x/{FOLDER}/a.jsonl"
    assert list(landing.read_blocks(by_url.name)) == [b'{"a":1}\n']


def test_landing__reads_the_hours_of_a_day_and_names_other_folders(
    store: Store, connection: str
) -> None:
    for name in ("07/a.json.gz", "07/data/body.json.gz", "h=08/m=00/b.json", "eu/c.json", "d.json"):
        put(store, f"{FOLDER}/{name}")
    found = Landing("s3://inputs", connection).read_folder(FOLDER)
    assert [file.name for file in found.files] == [
        f"{FOLDER}/07/a.json.gz",
        f"{FOLDER}/d.json",
        f"{FOLDER}/h=08/m=00/b.json",
    ]
    assert found.unread == ("eu",)


def test_landing__sees_what_has_landed_since_the_last_look(store: Store, connection: str) -> None:
    landing = Landing("s3://inputs", connection)
    put(store, f"{FOLDER}/a.jsonl")
    assert len(landing.read_folder(FOLDER).files) == 1
    put(store, f"{FOLDER}/b.jsonl")
    assert len(landing.read_folder(FOLDER).files) == 2
    assert len(Landing("s3://inputs", connection).read_folder(FOLDER).files) == 2


def test_landing__an_absent_folder_is_empty_only_where_the_bucket_answers(
    store: Store, connection: str
) -> None:
    assert Landing("s3://inputs", connection).read_folder(FOLDER).files == ()
    assert Landing("s3://bare/deep", connection).list_folders("usage") == []
    with pytest.raises(ConfigError, match=r"s3://nowhere/x, connection my_s3.*no bucket.*nowhere"):
        Landing("s3://nowhere/x", connection).read_folder(FOLDER)


def test_landing__an_absent_folder_of_its_own_is_a_mount_that_is_gone(tmp_path: Path) -> None:
    gone = Landing(f"file://{tmp_path}/mnt", must_exist=True)
    with pytest.raises(LocationError, match="mount or make the folder"):
        gone.read_folder("dt=2026-11-02")
    (tmp_path / "mnt").mkdir()
    assert gone.read_folder("dt=2026-11-02").files == ()


def test_landing__access_denied_names_location_and_connection(
    store: Store, connection: str
) -> None:
    httpx.post(f"{store.url}/moto-api/reset-auth", content=b"0")  # now every request is judged
    try:
        with pytest.raises(ConfigError, match=r"s3://inputs, connection my_s3.*denied") as error:
            Landing("s3://inputs", connection).read_folder(FOLDER)
    finally:
        httpx.post(f"{store.url}/moto-api/reset-auth", content=b"inf")
    assert KEY not in str(error.value)
    assert SECRET not in str(error.value)


def test_landing__no_credentials_anywhere_is_named(store: Store) -> None:
    with pytest.raises(ConfigError, match="no usable credentials"):
        Landing("s3://inputs").read_folder(FOLDER)


def test_landing__a_closed_port_is_tried_again_and_then_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    define(monkeypatch, url)
    landing = Landing("s3://inputs/x", "my_s3", "source gate in sources.yml")
    attempts = count_calls(landing, "ls")
    with pytest.raises(LocationError) as error:
        landing.read_folder(FOLDER)
    assert len(attempts) == storage._ATTEMPTS
    for words in ("s3://inputs/x", "connection my_s3", "source gate", FOLDER, "did not answer"):
        assert words in str(error.value)
    assert error.value.__cause__ is None


def test_landing__a_listing_that_times_out_is_no_empty_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "_READ_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes requests, answers none
        define(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(LocationError, match="did not answer"):
            Landing("s3://inputs", "my_s3").read_folder(FOLDER)


def test_landing__a_store_that_recovers_is_read(store: Store, connection: str) -> None:
    put(store, f"{FOLDER}/a.jsonl", b"1" * (2 << 20))
    landing = Landing("s3://inputs", connection)
    fail_first(landing, "ls", 2, OSError(16, "Please reduce your request rate (SlowDown)"))
    (file,) = landing.read_folder(FOLDER).files
    fail_first(landing, "open", 3, TimeoutError("read timed out"))
    assert sum(len(block) for block in landing.read_blocks(file.name)) == 2 << 20


def test_landing__a_read_that_breaks_off_goes_on_where_it_stood(
    store: Store, connection: str
) -> None:
    data = bytes(range(256)) * (3 << 12)
    put(store, f"{FOLDER}/a.jsonl", data)
    landing = Landing("s3://inputs", connection)
    with landing.open(f"{FOLDER}/a.jsonl") as file:
        head = file.read(1000)
        break_reads(file, 2)
        assert head + file.read(-1) == data


def test_landing__a_file_that_is_gone_is_an_error_not_an_end(store: Store, connection: str) -> None:
    with pytest.raises(InputError, match=r"gone\.jsonl is gone"):
        list(Landing("s3://inputs", connection).read_blocks(f"{FOLDER}/gone.jsonl"))


def test_check_parquet__a_store_that_fails_does_not_make_the_file_bad(
    store: Store, connection: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": list(range(50_000))}), path)
    put(store, f"{FOLDER}/a.parquet", path.read_bytes())
    landing = Landing("s3://inputs", connection)
    (file,) = landing.read_folder(FOLDER).files
    assert check_parquet(landing, file).decoded_byte_count > 0
    fail_first(landing, "open", 99, TimeoutError("read timed out"))
    with pytest.raises(LocationError, match="read timed out"):
        check_parquet(landing, file)


def test_check_file__the_hash_is_that_of_the_local_file(
    store: Store, connection: str, tmp_path: Path
) -> None:
    data = b'{"a":1}\n' * 400_000
    put(store, f"{FOLDER}/a.jsonl", data)
    (tmp_path / "a.jsonl").write_bytes(data)
    remote, local = Landing("s3://inputs", connection), Landing(str(tmp_path))
    (there,), (here,) = remote.read_folder(FOLDER).files, local.read_folder("").files
    assert check_file(remote, there) == check_file(local, here)


@pytest.mark.parametrize(
    ("root", "extra"),
    [("gs://inputs/x", "gcs"), ("az://inputs/x", "azure"), ("abfs://i/x", "azure")],
)
def test_landing__a_missing_library_names_the_extra(
    root: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ImportError("Please install it")

    monkeypatch.setattr("fsspec.core.url_to_fs", refuse)
    with pytest.raises(ConfigError, match=rf'pip install "stillwatch\[{extra}\]"') as error:
        Landing(root)
    assert "\n" not in str(error.value)


def test_landing__credentials_in_a_url_are_refused_unseen() -> None:
    with pytest.raises(ConfigError, match="holds credentials") as error:
        Landing(f"s3://{KEY}:canary@inputs/x")
    assert KEY not in str(error.value)
    assert "canary" not in str(error.value)


def test_landing__faults_of_ours_pass_through(tmp_path: Path) -> None:
    landing = Landing(str(tmp_path))
    fail_first(landing, "ls", 1, KeyError("a fault in our code"))
    with pytest.raises(KeyError):
        landing.read_folder("")


def count_calls(landing: Landing, name: str) -> list[int]:
    """Count the calls of a function of the landing's file system from now on."""
    filesystem, _ = landing.filesystem
    function, calls = getattr(filesystem, name), []

    def counted(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        return function(*arguments, **named)

    setattr(filesystem, name, counted)
    return calls


def fail_first(landing: Landing, name: str, count: int, error: Exception) -> None:
    """Let the next `count` calls of a function of the landing's file system fail."""
    filesystem, _ = landing.filesystem
    function, left = getattr(filesystem, name), [count]

    def failing(*arguments: Any, **named: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise error
        return function(*arguments, **named)

    setattr(filesystem, name, failing)


def break_reads(file: Any, count: int) -> None:
    """Let the next `count` reads of an open remote file break off, each time it is opened."""
    open_file: Callable[[], Any] = file._open
    left = [count]
    lock = threading.Lock()

    def open_breaking() -> Any:
        inner = open_file()
        read = inner.read

        def breaking(size: int = -1) -> Any:
            with lock:
                if left[0]:
                    left[0] -= 1
                    raise ConnectionResetError(104, "reset by peer")
            return read(size)

        inner.read = breaking
        return inner

    file._open = open_breaking
    file._drop()
