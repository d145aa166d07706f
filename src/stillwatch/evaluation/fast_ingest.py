"""Worlds of the fast mode as canonical data: the rows that an ingest of the same logs would leave.

Every address, client and sample text is put once through the code by which the ingest does it, with
the deployment's key. A request that shows sample text number 7 then has the features of that text.
Two things differ, because a sample stands for many texts that nobody wrote out:

- A fingerprint that only one sampled text or voice has is taken as nobody else's: it is made the
  request's or the account's own. Where no second account can hold it, a fingerprint of a part of a
  text is left out, because nothing could come of it.
- Tokens of sessions, end users and artefacts are plain digests: nothing else is joined with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import product
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from stillwatch.errors import InputError
from stillwatch.evaluation.fast_sql import list_columns, settle_reach
from stillwatch.keyed import Keyer
from stillwatch.project import get_project_root
from stillwatch.runs import get_paths, replacing
from stillwatch.settings import Settings, get_deployment_key
from stillwatch.sources.history import exchange_folder
from stillwatch.sources.identity import Identities
from stillwatch.text.features import Featurizer, TextRequest

_BATCH = 20_000
_ID_COLUMNS = ("platform", "account_id")


class FastIngest:
    """Writes canonical partitions of exchanges from the folder of a fast world, day by day.

    `scratch` is a file for the tables of accounts, addresses, clients and texts.
    """

    def __init__(self, settings: Settings, folder: Path, scratch: Path) -> None:
        self._settings, self._folder, self._scratch = settings, folder, scratch
        self._paths = get_paths(settings)
        self._keyer = Keyer(get_deployment_key(settings))
        if not (folder / "texts.parquet").is_file():
            raise InputError(
                f"{folder} holds no world of the fast mode: write one with `stillwatch simulate "
                "--fast`"
            )
        scratch.parent.mkdir(parents=True, exist_ok=True)
        scratch.unlink(missing_ok=True)
        with self._open() as connection:
            self._load_accounts(connection)
            self._load_exits(connection)
            self._load_clients(connection)
            self._load_texts(connection)
            self._columns = list_columns(connection)
            rows = connection.execute("select distinct source_id from accounts order by 1")
            self._sources = [source_id for (source_id,) in rows.fetchall()]

    def ingest_day(self, day: date) -> None:
        """Write the partition of each source for one day."""
        with self._open() as connection:
            for source_id in self._sources:
                path = exchange_folder(self._paths, source_id, day) / "part-0.parquet"
                with replacing(path) as temporary:
                    self._write(connection, day, source_id, temporary)

    def forget_day(self, day: date) -> None:
        """Remove the partitions of a day whose facts have been built."""
        for source_id in self._sources:
            (exchange_folder(self._paths, source_id, day) / "part-0.parquet").unlink()

    @contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(
            str(self._scratch), config={"memory_limit": self._settings.warehouse_memory}
        ) as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute("set preserve_insertion_order = false")
            yield connection

    def _write(
        self, connection: duckdb.DuckDBPyConnection, day: date, source_id: str, path: Path
    ) -> None:
        columns = self._columns.replace("$day", f"date '{day}'")
        connection.execute(
            f"""
            copy (
                select {columns}
                from read_parquet({_list(self._folder, f"exchanges/dt={day}/*.parquet")},
                    hive_partitioning = false) as e
                inner join accounts as a on e.account = a.account
                left join exits as x on e.exit = x.exit
                left join clients as c on e.client = c.client
                inner join texts as t on e.text = t.text
                    and (e.tool_count > 0) = t.has_tools and (e.image_count > 0) = t.has_image
                where a.source_id = '{_quote(source_id)}'
            ) to '{_quote(path)}' (format parquet, compression zstd, compression_level 1)
            """
        )

    def _load_accounts(self, connection: duckdb.DuckDBPyConnection) -> None:
        for table in _read_batches(self._folder, "accounts/*.parquet"):
            names = zip(*(table.column(n).to_pylist() for n in _ID_COLUMNS), strict=True)
            keys = [self._keyer.token("account", *name) for name in names]
            _append(connection, "accounts", table.append_column("account_key", pa.array(keys)))

    def _load_exits(self, connection: duckdb.DuckDBPyConnection) -> None:
        identities = Identities(self._keyer)
        for table in _read_batches(self._folder, "exits/*.parquet"):
            parsed = [identities.address(text) for text in table.column("address").to_pylist()]
            columns = {
                "client_ip": [each and each.text for each in parsed],
                "ip_hex": [each and each.hex for each in parsed],
                "ip_token": [each and each.token for each in parsed],
                "ip_net_token": [each and each.net_token for each in parsed],
            }
            for name, values in columns.items():
                table = table.append_column(name, pa.array(values, pa.string()))
            _append(connection, "exits", table)

    def _load_clients(self, connection: duckdb.DuckDBPyConnection) -> None:
        identities = Identities(self._keyer)
        for table in _read_batches(self._folder, "clients.parquet"):
            rows = table.to_pylist()
            for row in rows:
                family, token = identities.user_agent(row["user_agent"])
                row |= {"user_agent_family": family, "user_agent_token": token}
                row["client_token"] = identities.client(
                    family, row["ja4"], row["header_order_hash"]
                )
            _append(connection, "clients", pa.Table.from_pylist(rows))

    def _load_texts(self, connection: duckdb.DuckDBPyConnection) -> None:
        featurizer = Featurizer(self._keyer)
        for table in _read_batches(self._folder, "texts.parquet"):
            for has_tools, has_image in product((False, True), repeat=2):
                rows = _describe(featurizer, table, has_tools, has_image)
                _append(connection, "sampled", rows)
        connection.execute(settle_reach(_read_bands_used()))


def _describe(
    featurizer: Featurizer, table: pa.Table, has_tools: bool, has_image: bool
) -> pa.Table:
    """Return the features of sample texts in requests with or without tools and an image."""
    texts = zip(table.column("prompt").to_pylist(), table.column("system").to_pylist(), strict=True)
    requests = [TextRequest(*text, int(has_tools), int(has_image)) for text in texts]
    return pa.table(
        {
            **{name: table.column(name) for name in ("text", "voice", "is_own")},
            "has_tools": pa.array([has_tools] * len(requests), pa.bool_()),
            "has_image": pa.array([has_image] * len(requests), pa.bool_()),
            **featurizer.make_columns(requests),
        }
    )


def _read_bands_used() -> int:
    """Return how many MinHash bands the models use; others would only take room."""
    text = (get_project_root() / "dbt_project" / "dbt_project.yml").read_text("utf-8")
    return int(yaml.safe_load(text)["vars"]["minhash_bands_used"])


def _read_batches(folder: Path, pattern: str) -> Iterator[pa.Table]:
    for path in sorted(folder.glob(pattern)):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH):
                yield pa.Table.from_batches([batch])


def _append(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    connection.register("incoming", table)
    connection.execute(f"create table if not exists {name} as select * from incoming limit 0")
    connection.execute(f"insert into {name} select * from incoming")
    connection.unregister("incoming")


def _list(folder: Path, pattern: str) -> str:
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise InputError(f"{folder / pattern} matches no file: the world has no such day")
    return "[" + ", ".join(f"'{_quote(path)}'" for path in paths) + "]"


def _quote(text: Path | str) -> str:
    return str(text).replace("'", "''")
