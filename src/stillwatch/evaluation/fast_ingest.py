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

from stillwatch.canonical import EXCHANGES
from stillwatch.errors import InputError
from stillwatch.keyed import Keyer
from stillwatch.log import get_logger
from stillwatch.project import get_project_root
from stillwatch.runs import get_paths, replacing
from stillwatch.settings import Settings, get_deployment_key
from stillwatch.sources.history import exchange_folder
from stillwatch.sources.identity import Identities
from stillwatch.text.features import FEATURE_COLUMNS, Featurizer, TextRequest

_LOG = get_logger(__name__)

_BATCH = 20_000
_PRINTS = tuple(name for name in FEATURE_COLUMNS if "_fp" in name)
_IDENTITY = ("platform", "account_id")
_ALWAYS_KEPT = ("prompt_fp", "prefix_fp_8", "system_fp")  # say something of one account alone

# What each canonical column is, from e (exchange), a (account), x (address), c (client), t (text).
_COLUMNS = {
    "exchange_key": "printf('%020x', e.exchange)",
    "source_id": "a.source_id",
    "platform": "a.platform",
    "exchange_id": "printf('%020x', e.exchange)",
    "account_key": "a.account_key",
    "account_id": "a.account_id",
    "organization_id": "a.organization_id",
    "workspace_id": "a.workspace_id",
    "session_token": "substr(md5('session' || e.session), 1, 20)",
    "event_at": "epoch_ms(e.at_ms)",
    "event_date": "epoch_ms(e.at_ms)",
    "event_hour": "hour(epoch_ms(e.at_ms))",
    "delivered_date": "$day",
    "model": "e.model",
    "status": "e.status",
    "input_tokens": "e.input_tokens",
    "output_tokens": "e.output_tokens",
    "cached_input_tokens": "e.cached_input_tokens",
    "reasoning_tokens": "e.reasoning_tokens",
    "max_tokens": "e.max_tokens",
    "temperature": "e.temperature",
    "sample_count": "e.samples",
    "is_stream": "e.is_stream",
    "tool_count": "e.tool_count",
    "image_count": "e.image_count",
    "message_count": "e.message_count",
    "latency_ms": "e.latency_ms",
    "client_ip": "x.client_ip",
    "ip_hex": "x.ip_hex",
    "ip_token": "x.ip_token",
    "ip_net_token": "x.ip_net_token",
    "client_country": "x.country",
    "user_agent_family": "c.user_agent_family",
    "user_agent_token": "c.user_agent_token",
    "ja4": "c.ja4",
    "client_token": "c.client_token",
    "end_user_token": "substr(md5('end_user' || e.end_user), 1, 20)",
    # Bedrock's records show that there is none, where the request and the reply are known.
    "artifacts_issued": (
        "case when e.issued is not null then [printf('%020x', e.issued)] "
        "when a.platform = 'aws_bedrock' and e.output_tokens is not null then [] end"
    ),
    "artifacts_submitted": (
        "case when e.submitted is not null then [printf('%020x', e.submitted)] "
        "when a.platform = 'aws_bedrock' then [] end"
    ),
} | {name: f"t.{name}" for name in FEATURE_COLUMNS}
_ALWAYS_NULL = ("api_key_token", "endpoint", "top_p", "seed")  # no model reads them


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
            self._columns = _list_columns(connection)
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
            names = zip(*(table.column(n).to_pylist() for n in _IDENTITY), strict=True)
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
        connection.execute(_settle_reach(_read_bands_used()))


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


def _settle_reach(bands_used: int) -> str:
    """Return the SQL that makes `texts`, with who else can show each fingerprint.

    Whatever two sampled voices have, everybody can have; a voice that stands for accounts keeps the
    rest to each account, and what one text alone has is made anew by every request.
    """
    kinds = [*((name, name) for name in _PRINTS), ("band", f"unnest(minhash_bands[:{bands_used}])")]
    values = " union all ".join(
        f"select '{kind}' as kind, {value} as value, text, voice, is_own from sampled "
        "where not has_tools and not has_image"
        for kind, value in kinds
    )
    joins, columns = [], []
    for name in _PRINTS:
        joins.append(
            f"left join reach as r_{name} on r_{name}.kind = '{name}' and r_{name}.value = s.{name}"
        )
        columns.append(f"r_{name}.reach as {name}_reach")
    return f"""
        create table reach as
        select kind, value,
            case
                when count(distinct voice) > 1 then 'all'
                when count(distinct text) = 1 then 'request'
                when bool_or(is_own) then 'account'
                else 'all'
            end as reach
        from ({values}) where value is not null
        group by kind, value;
        create table texts as
        with shared_bands as (
            select b.text, list(b.value order by b.value) as bands
            from (select text, unnest(minhash_bands[:{bands_used}]) as value
                from sampled where not has_tools and not has_image) as b
            inner join reach as r on r.kind = 'band' and r.reach = 'all' and r.value = b.value
            group by b.text
        )
        select s.* exclude (minhash_bands), b.bands as minhash_bands, {", ".join(columns)}
        from sampled as s
        left join shared_bands as b on s.text = b.text
        {" ".join(joins)};
        drop table sampled;
    """


def _list_columns(connection: duckdb.DuckDBPyConnection) -> str:
    """Return the select list of the canonical columns, each cast to its type."""
    connection.register("wanted", EXCHANGES.empty_table())
    types = {row[0]: row[1] for row in connection.execute("describe wanted").fetchall()}
    connection.unregister("wanted")
    unknown = [name for name in types if name not in _COLUMNS and name not in _ALWAYS_NULL]
    if unknown:
        _LOG.warning("the fast mode knows nothing of %s: null", ", ".join(unknown))
    columns = []
    for name, kind in types.items():
        value = _COLUMNS.get(name, "null")
        if name in _PRINTS:
            own = (
                f"when 'account' then cast(hash(t.{name}, e.account) >> 1 as bigint) "
                f"when 'request' then cast(hash(t.{name}, e.exchange) >> 1 as bigint) "
            )
            kept = own if name in _ALWAYS_KEPT else ""
            value = f"case t.{name}_reach when 'all' then t.{name} {kept}end"
        columns.append(f"cast({value} as {kind}) as {name}")
    return ", ".join(columns)


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
