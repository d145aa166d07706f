"""One world in six log formats: what is read from each is what the platform carries, no more.

The writers of the worlds and the adapters of the sources were written apart from each other, both
from the vendors' documentation, and share no code. Nothing here asks either of them: what a format
carries is stated below, column by column, as an expression over the native delivery. Which record
is which is known from the truth, whose rows keep one order whatever the format.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch import canonical
from stillwatch.settings import Settings
from stillwatch.sources.formats import ADAPTERS
from stillwatch.sources.ingest import ingest_day
from stillwatch.worlds.simulate import write_world

WORLD = Path(__file__).parent / "six_formats.yml"
DAYS = (date(2026, 11, 1), date(2026, 11, 2))
SOURCE = "gateway"

TEXT = (
    "has_text",
    "prompt_char_count",
    "prompt_word_count",
    "prompt_fp",
    "prefix_fp_8",
    "prefix_fp_16",
    "prefix_fp_32",
    "suffix_fp_6",
    "suffix_fp_12",
    "system_fp",
    "minhash_bands",
    "technique_codes",
    "capability_code",
    "language_code",
)
ADDRESS = ("client_ip", "ip_hex", "ip_token", "ip_net_token")
AGENT = ("user_agent_family", "user_agent_token")
TIME = ("event_at", "event_date", "event_hour", "delivered_date")
IDS = ("exchange_key", "exchange_id", "account_key", "account_id", "platform", "endpoint")

# The columns of each format as SQL over the native row `n` (and the Azure category `c`). A column
# that is not listed must be null. `=` means: as in the native delivery.
ANSWERED = "n.status in ('ok', 'refused')"
SIGNED = {
    "artifacts_issued": "=",
    # the signature stands in an earlier reply: a request of one message has no place for it
    "artifacts_submitted": "case when n.message_count > 1 then n.artifacts_submitted end",
}
REQUEST = ("max_tokens", "temperature", "is_stream", "tool_count", "image_count", "message_count")
ALWAYS = dict.fromkeys(("source_id", "status", *TIME), "=")
CARRIED: dict[str, dict[str, str]] = {
    "aws_bedrock_invocation": {
        **ALWAYS,
        **dict.fromkeys((*TEXT, *REQUEST, "input_tokens", "cached_input_tokens"), "="),
        **SIGNED,
        "event_at": "date_trunc('second', n.event_at)",
        "model": "'examplelab.' || n.model || '-v1:0'",
        "organization_id": "aws_account(f.account_id)",
        "output_tokens": f"case when {ANSWERED} then n.output_tokens end",
        "latency_ms": f"case when {ANSWERED} then n.latency_ms end",
        # this model's InvokeModel body must have a limit
        "max_tokens": "case when f.endpoint like 'Invoke%' then coalesce(n.max_tokens, 1024)"
        " else n.max_tokens end",
    },
}


@dataclass(frozen=True)
class Delivered:
    """A world in one format, ingested."""

    root: Path
    format: str

    @property
    def exchanges(self) -> str:
        return str(self.root / "home/canonical/exchanges/dt=*/source=*/*.parquet")

    def read_truth(self, table: str) -> pa.Table:
        return pq.read_table(self.root / f"truth/{table}.parquet")

    def read_manifest(self) -> dict:
        return json.loads((self.root / "truth/manifest.json").read_text())


def _deliver(root: Path, wanted: str, file_kind: str | None = None) -> Delivered:
    write_world(str(WORLD), root / "landing", root / "truth", None, wanted, file_kind)
    settings = Settings(
        home=root / "home", landing_uri=str(root / "landing"), config=root / "config"
    )
    for day in DAYS:
        for result in ingest_day(settings, day):
            fates = result.accepted_count + result.duplicate_count + result.quarantined_count
            assert result.read_count == fates
    return Delivered(root, wanted)


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    return _deliver(tmp_path_factory.mktemp("native"), "native")


@pytest.fixture(scope="module", params=list(CARRIED))
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    if request.param not in ADAPTERS:
        pytest.fail(f"no adapter reads {request.param}")
    return _deliver(tmp_path_factory.mktemp("other"), request.param)


def _connect(native: Delivered, other: Delivered) -> duckdb.DuckDBPyConnection:
    """Return a database with the rows `n` and `f` of each exchange side by side, as `pairs`."""
    db = duckdb.connect()
    db.execute("set TimeZone = 'UTC'")
    ours, theirs = native.read_truth("exchanges"), other.read_truth("exchanges")
    assert ours.num_rows == theirs.num_rows
    same = pa.table(
        {
            "native_id": ours["exchange_id"],
            "other_id": theirs["exchange_id"],
            "native_account": ours["account_id"],
            "other_account": theirs["account_id"],
        }
    )
    db.register("same", same)
    db.register("categories", _read_categories(other))
    db.execute("create macro aws_account(arn) as split_part(arn, ':', 5)")
    db.execute(f"create table n as select * from read_parquet('{native.exchanges}')")
    db.execute(f"create table f as select * from read_parquet('{other.exchanges}')")
    return db


def _read_categories(other: Delivered) -> pa.Table:
    """Return the log category of each Azure resource, straight from the landed lines."""
    found: dict[str, str] = {}
    if other.format == "azure_openai_diagnostic":
        for path in sorted(other.root.glob("landing/usage/*/dt=*/*.gz")):
            for line in gzip.decompress(path.read_bytes()).splitlines():
                try:
                    value = orjson.loads(line)
                except orjson.JSONDecodeError:
                    continue
                for record in value.get("records", [value]):
                    if "resourceId" in record:
                        found[record["resourceId"]] = record["category"]
    schema = pa.schema([("account_id", pa.string()), ("category", pa.string())])
    return pa.table([list(found), list(found.values())], schema=schema)


_PAIRS = """
    from same as s
    inner join n on n.exchange_id = s.native_id
    inner join f on f.exchange_id = s.other_id
    left join categories as c on c.account_id = f.account_id
"""


def test_six_formats__every_exchange_is_read_once_from_its_account(
    native: Delivered, other: Delivered
) -> None:
    with _connect(native, other) as db:
        (total,) = db.execute("select count(*) from same").fetchone()
        (paired,) = db.execute(f"select count(*) {_PAIRS}").fetchone()
        (read,) = db.execute("select count(*) from f").fetchone()
        (strangers,) = db.execute(
            f"select count(*) {_PAIRS} where f.account_id <> s.other_account"
        ).fetchone()
    assert total > 4000
    assert (paired, read, strangers) == (total, total, 0)


def test_six_formats__broken_records_and_repeats_are_counted_as_delivered(
    other: Delivered,
) -> None:
    manifest = other.read_manifest()
    ledgers = sorted(other.root.glob("home/**/ledger/**/*.json"))
    assert ledgers, "no ledger was written"
    rows = [json.loads(path.read_text()) for path in ledgers]
    usage = [row for row in rows if row["kind"] == "usage"]
    assert sum(row["duplicate_count"] for row in usage) == manifest["duplicate_count"]
    assert sum(row["quarantined_count"] for row in usage) == manifest["broken_count"]


def test_six_formats__each_column_is_native_or_null_as_stated(
    native: Delivered, other: Delivered
) -> None:
    carried = CARRIED[other.format]
    wrong = {}
    with _connect(native, other) as db:
        for column in canonical.EXCHANGES.names:
            if column in IDS or column == "client_token":
                continue
            expression = carried.get(column, "null")
            wanted = f"n.{column}" if expression == "=" else expression
            if column.startswith("artifacts_"):  # no artefact and unknown are told apart elsewhere
                empty = "cast([] as varchar[])"
                condition = f"coalesce(f.{column}, {empty}) <> coalesce({wanted}, {empty})"
            else:
                condition = f"f.{column} is distinct from {wanted}"
            count, *example = db.execute(
                f"select count(*), any_value(f.{column}), any_value({wanted}),"
                f" any_value(n.status), any_value(c.category) {_PAIRS} where {condition}"
            ).fetchone()
            if count:
                wrong[column] = (count, *example)
    assert wrong == {}


def test_six_formats__no_column_is_filled_that_the_adapter_does_not_claim(
    other: Delivered,
) -> None:
    claimed = ADAPTERS[other.format].columns
    stated = set(CARRIED[other.format])
    assert stated <= claimed, f"not claimed, though carried: {sorted(stated - claimed)}"
    with duckdb.connect() as db:
        for column in sorted(set(canonical.EXCHANGES.names) - claimed):
            (filled,) = db.execute(
                f"select count({column}) from read_parquet('{other.exchanges}')"
            ).fetchone()
            assert filled == 0, column


@pytest.mark.parametrize("file_kind", ["jsonl", "zstd", "parquet"])
def test_native__is_the_same_from_every_kind_of_file(
    native: Delivered, tmp_path: Path, file_kind: str
) -> None:
    again = _deliver(tmp_path, "native", file_kind)
    with duckdb.connect() as db:
        (different,) = db.execute(
            f"""
            select count(*) from (
                select * from read_parquet('{native.exchanges}')
                except select * from read_parquet('{again.exchanges}')
            )
            """
        ).fetchone()
        (rows,) = db.execute(f"select count(*) from read_parquet('{again.exchanges}')").fetchone()
    assert different == 0
    assert rows == native.read_truth("exchanges").num_rows
