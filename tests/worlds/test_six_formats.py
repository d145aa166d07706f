"""One world in six log formats: what is read from each is what the platform carries, no more.

The writers of the worlds and the adapters of the sources were written apart from each other, both
from the vendors' documentation, and share no code. Nothing here asks either of them: what a format
carries is stated below, column by column, as an expression over the native delivery. Which record
is which is known from the truth, whose rows keep one order whatever the format.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, replace
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
from stillwatch.worlds.model import FileKind, Format, World, deliver_as
from stillwatch.worlds.presets import load_world
from stillwatch.worlds.simulate import write

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

# The columns of each format as SQL over the native row `n` (and the Azure category `c`), `$` being
# the column's name. A column that is not listed must be null. `=` means: as in the native delivery.
GATEWAY = "(c.category = 'GatewayLogs')"
SHOWS_TEXT = "(c.category <> 'RequestResponse')"
METERED = (
    "(c.category = 'GatewayLogs' and n.status = 'ok'"
    " or c.category = 'GatewayLlmLogs' and n.status in ('ok', 'refused'))"
)
ANSWERED = "n.status in ('ok', 'refused')"
SIGNED = {
    "artifacts_issued": "=",
    # the signature stands in an earlier reply: a request of one message has no place for it
    "artifacts_submitted": "case when n.message_count > 1 then n.artifacts_submitted end",
}
EMPTY = "cast([] as varchar[])"
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
    "gcp_vertex_request_response": {
        **ALWAYS,
        **dict.fromkeys((*TEXT, *REQUEST, "latency_ms"), "="),
        **SIGNED,
        "model": "n.model",
        "sample_count": "=",
        "input_tokens": f"case when {ANSWERED} then n.input_tokens end",
        "output_tokens": f"case when {ANSWERED} then n.output_tokens end",
        "cached_input_tokens": f"case when {ANSWERED} then n.cached_input_tokens end",
        # generateContent counts thoughts and has no end user; rawPredict the other way round
        "reasoning_tokens": "case when f.endpoint not ilike '%rawpredict'"
        " then n.reasoning_tokens end",
        "end_user_token": "case when f.endpoint ilike '%rawpredict' then n.end_user_token end",
    },
    "azure_openai_diagnostic": {
        **ALWAYS,
        **dict.fromkeys(TEXT, f"case when {SHOWS_TEXT} then n.$ end"),
        "has_text": SHOWS_TEXT,
        # tools are no part of the logged messages, and a request with tools is told by them
        "capability_code": f"case when {GATEWAY} or {SHOWS_TEXT} and n.tool_count = 0"
        f" then n.capability_code when {SHOWS_TEXT} then f.capability_code end",
        # only the gateway's own log tells a filtered answer
        "status": f"case when n.status = 'refused' and not {GATEWAY} then 'ok' else n.status end",
        "model": "'examplelab-' || n.model",
        "organization_id": "split_part(f.account_id, '/', 3)",  # the subscription
        "latency_ms": "case when c.category <> 'GatewayLlmLogs' then n.latency_ms end",
        "is_stream": "=",
        **dict.fromkeys((*ADDRESS, *AGENT), f"case when {GATEWAY} then n.$ end"),
        **dict.fromkeys(
            ("max_tokens", "temperature", "sample_count", "tool_count", "end_user_token"),
            f"case when {GATEWAY} then n.$ end",
        ),
        **dict.fromkeys(("image_count", "message_count"), f"case when {SHOWS_TEXT} then n.$ end"),
        **dict.fromkeys(("input_tokens", "output_tokens"), f"case when {METERED} then n.$ end"),
        **dict.fromkeys(
            ("cached_input_tokens", "reasoning_tokens"),
            f"case when {GATEWAY} and n.status = 'ok' then n.$ end",
        ),
    },
    "otel_genai": {
        **ALWAYS,
        **dict.fromkeys(
            (*TEXT, *REQUEST, *ADDRESS, *AGENT, "model", "latency_ms", "session_token"), "="
        ),
        **dict.fromkeys(("sample_count", "end_user_token"), "="),
        # definitions of tools are opt-in: without them nobody knows whether there were tools
        "tool_count": "nullif(n.tool_count, 0)",
        **dict.fromkeys(
            ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens"), "="
        ),
    },
    "litellm_spend": {
        **ALWAYS,
        **dict.fromkeys((*TEXT, *REQUEST, *ADDRESS, *AGENT, "latency_ms", "session_token"), "="),
        **dict.fromkeys(("sample_count", "end_user_token", "organization_id", "workspace_id"), "="),
        **SIGNED,
        "model": "'examplelab/' || n.model",
        # a failed call is logged with no tokens at all
        "input_tokens": f"case when {ANSWERED} then n.input_tokens else 0 end",
        "output_tokens": "=",
        **dict.fromkeys(
            ("cached_input_tokens", "reasoning_tokens"), f"case when {ANSWERED} then n.$ end"
        ),
        "api_key_token": "f.api_key_token",  # the hash of the key: compared below
    },
}

# Where an adapter reads something else than the platform says: what it reads instead. The test
# fails as soon as this is no longer so, and then the entry goes. None is known.
KNOWN: dict[str, dict[str, str]] = {}


@dataclass(frozen=True)
class Delivered:
    """A world in one format, ingested."""

    root: Path
    format: str
    duplicate_count: int
    quarantined_count: int

    @property
    def exchanges(self) -> str:
        return str(self.root / "home/canonical/exchanges/dt=*/source=*/*.parquet")

    def read_truth(self, table: str) -> pa.Table:
        return pq.read_table(self.root / f"truth/{table}.parquet")

    def read_manifest(self) -> dict:
        return json.loads((self.root / "truth/manifest.json").read_text())


def _make_small(wanted: Format, file_kind: FileKind | None) -> World:
    """Return the world with fewer accounts: enough of every kind of record, soon read."""
    world = load_world(str(WORLD))
    ordinary, partner = world.cohorts
    (relay,) = world.attackers
    pools = (replace(relay.pools[0], accounts=12),)
    small = replace(
        world,
        cohorts=(replace(ordinary, accounts=200), partner),
        attackers=(replace(relay, pools=pools),),
    )
    return deliver_as(small, wanted, file_kind)


def _make_settings(root: Path) -> Settings:
    key = root / "deployment.key"
    key.write_text("5e" * 32)
    key.chmod(0o600)
    return Settings(
        home=root / "home",
        landing_uri=str(root / "landing"),
        config=root / "config",
        key_file=key,
    )


def _deliver(root: Path, wanted: Format, file_kind: FileKind | None = None) -> Delivered:
    """Write and ingest the world; one key for all deliveries makes their tokens comparable."""
    write(_make_small(wanted, file_kind), root / "landing", root / "truth")
    settings = _make_settings(root)
    usage = []
    for day in DAYS:
        for result in ingest_day(settings, day):
            fates = result.accepted_count + result.duplicate_count + result.quarantined_count
            assert result.read_count == fates
            if result.kind == "usage":
                usage.append(result)
    return Delivered(
        root=root,
        format=wanted,
        duplicate_count=sum(result.duplicate_count for result in usage),
        quarantined_count=sum(result.quarantined_count for result in usage),
    )


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
                        found[record["resourceId"].lower()] = record["category"]
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
    assert total > 1500
    assert (paired, read, strangers) == (total, total, 0)


def test_six_formats__broken_records_and_repeats_are_counted_as_delivered(
    other: Delivered,
) -> None:
    manifest = other.read_manifest()
    assert other.duplicate_count == manifest["duplicate_count"] > 0
    assert other.quarantined_count == manifest["broken_count"] > 0


def test_six_formats__each_column_is_native_or_null_as_stated(
    native: Delivered, other: Delivered
) -> None:
    carried, known = CARRIED[other.format], KNOWN.get(other.format, {})
    wrong, met = {}, set()
    with _connect(native, other) as db:
        for column in canonical.EXCHANGES.names:
            if column in IDS or column == "client_token":
                continue
            expression = carried.get(column, "null")
            wanted = f"n.{column}" if expression == "=" else expression.replace("$", column)
            found = f"f.{column}"
            if column in SIGNED and column in carried:  # no artefact may be null or an empty list
                found, wanted = f"coalesce({found}, {EMPTY})", f"coalesce({wanted}, {EMPTY})"
            differing = f"{_PAIRS} where {found} is distinct from {wanted}"
            if column in known:
                if db.execute(f"select count(*) {differing}").fetchone() != (0,):
                    met.add(column)
                differing += f" and {found} is distinct from {known[column]}"
            count, *example = db.execute(
                f"select count(*), any_value({found}), any_value({wanted}), any_value(n.status),"
                f" any_value(c.category) {differing}"
            ).fetchone()
            if count:
                wrong[column] = (count, *example)
    assert not wrong, wrong
    assert met == set(known), "an adapter reads more than was known of it: correct KNOWN"


def test_six_formats__tokens_of_keys_and_clients_tell_the_same_ones_apart(
    native: Delivered, other: Delivered
) -> None:
    carried = CARRIED[other.format]
    with _connect(native, other) as db:
        if "api_key_token" in carried:
            assert db.execute(
                f"""
                select count(distinct n.api_key_token) = count(distinct f.api_key_token)
                    and count(distinct n.api_key_token)
                        = count(distinct n.api_key_token || f.api_key_token)
                {_PAIRS}
                """
            ).fetchone() == (True,)
        (clients, families) = db.execute(
            "select count(distinct client_token), count(distinct user_agent_family) from f"
        ).fetchone()
    # without TLS fingerprint and header order a client is no more than its agent's family
    assert clients == families
    assert (clients > 1) == ("user_agent_family" in carried)


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
    native: Delivered, tmp_path: Path, file_kind: FileKind
) -> None:
    _compare_rows(native, _deliver(tmp_path, "native", file_kind))


def test_vertex__is_the_same_from_json_lines_and_parquet(tmp_path: Path) -> None:
    wanted: Format = "gcp_vertex_request_response"
    lines = _deliver(tmp_path / "lines", wanted, "jsonl")
    _compare_rows(lines, _deliver(tmp_path / "parquet", wanted, "parquet"))


def _compare_rows(one: Delivered, again: Delivered) -> None:
    with duckdb.connect() as db:
        (different,) = db.execute(
            f"""
            select count(*) from (
                select * from read_parquet('{one.exchanges}')
                except select * from read_parquet('{again.exchanges}')
            )
            """
        ).fetchone()
        (rows,) = db.execute(f"select count(*) from read_parquet('{again.exchanges}')").fetchone()
    assert different == 0
    assert rows == one.read_truth("exchanges").num_rows


# The marts. What differs from the native delivery is what a format cannot carry, all of it and
# nothing else: null where the native delivery has a number, or a part of that number.
ADDRESS_COUNTS = {"distinct_ip_count", "distinct_user_agent_count"}
DAYS_DIFFER: dict[str, set[str]] = {
    "aws_bedrock_invocation": {"output_tokens", "reasoning_tokens", *ADDRESS_COUNTS},
    "gcp_vertex_request_response": {
        "input_tokens",
        "output_tokens",
        "reasoning_tokens",
        *ADDRESS_COUNTS,
    },
    "azure_openai_diagnostic": {
        "input_tokens",
        "output_tokens",
        "reasoning_tokens",
        "ok_count",
        "refused_count",
        *ADDRESS_COUNTS,
    },
    "otel_genai": set(),
    "litellm_spend": {"input_tokens"},
}
UNSEEN = ["failover"]  # nobody is blocked in this world
BLIND: dict[str, list[str]] = {
    "aws_bedrock_invocation": ["network"],
    "gcp_vertex_request_response": ["network"],
    # neither has a place for reasoning artefacts
    "azure_openai_diagnostic": ["replay"],
    "otel_genai": ["replay"],
}


@dataclass(frozen=True)
class Built:
    """A world in one format, taken through the whole pipeline."""

    root: Path
    format: str


def _build(root: Path, wanted: Format) -> Built:
    from stillwatch.pipeline import run_day

    write(deliver_as(load_world(str(WORLD)), wanted), root / "landing", root / "truth")
    settings = _make_settings(root)
    for day in DAYS:
        run_day(settings, day, reports=False)
    return Built(root, wanted)


@pytest.fixture(scope="module")
def built_native(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return _build(tmp_path_factory.mktemp("built_native"), "native")


@pytest.fixture(scope="module", params=list(CARRIED))
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return _build(tmp_path_factory.mktemp("built"), request.param)


def _connect_marts(native: Built, other: Built) -> duckdb.DuckDBPyConnection:
    """Return a database with the marts of both, and `same`: one row per account with both keys.

    `is_told` says whether the account's logs carry text, without which no content is compared.
    """
    db = duckdb.connect()
    ours, theirs = (pq.read_table(each.root / "truth/accounts.parquet") for each in (native, other))
    names = {"native_id": ours["account_id"], "other_id": theirs["account_id"]}
    db.register("ids", pa.table({**names, "is_attacker": ours["is_attacker"]}))
    db.register("categories", _read_categories(other))
    for name, each in (("n", native), ("f", other)):
        snapshot = each.root / "home/published/current.duckdb"
        db.execute(f"attach '{snapshot}' as {name} (read_only)")
    db.execute(
        """
        create table same as
        select
            n.account_key as native_key,
            f.account_key as other_key,
            ids.is_attacker,
            coalesce(c.category <> 'RequestResponse', true) as is_told
        from ids
        inner join n.marts.dim_accounts as n on n.account_id = ids.native_id
        inner join f.marts.dim_accounts as f on f.account_id = ids.other_id
        left join categories as c on c.account_id = ids.other_id
        """
    )
    return db


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_six_formats__the_same_campaign_is_found(built_native: Built, built: Built) -> None:
    with _connect_marts(built_native, built) as db:
        (known,) = db.execute("select count(*) = (select count(*) from ids) from same").fetchone()
        campaigns = db.execute("select count(*) from f.marts.dim_campaigns").fetchone()
        members = db.execute(
            """
            select count(*), count(*) filter (where s.is_attacker)
            from f.marts.bridge_campaign_accounts as b
            left join same as s on b.account_key = s.other_key
            """
        ).fetchone()
        (planted,) = db.execute(
            "select count(*) from same where is_attacker and is_told"
        ).fetchone()
    assert known, "an account of the registry is not the account of the logs"
    assert campaigns == (1,)
    assert members == (planted, planted)
    assert planted >= 30


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_six_formats__account_days_differ_only_in_what_is_not_carried(
    built_native: Built, built: Built
) -> None:
    with _connect_marts(built_native, built) as db:
        columns = [row[0] for row in db.execute("describe n.marts.fct_account_days").fetchall()]
        pairs = """
            from same as s
            inner join n.marts.fct_account_days as n on n.account_key = s.native_key
            full join f.marts.fct_account_days as f
                on f.account_key = s.other_key and f.activity_date = n.activity_date
            where coalesce(s.is_told, true)
        """
        differing = {
            column
            for column in columns
            if column not in ("account_key", "activity_date")
            and not column.startswith("capability_")  # Azure's message logs know of no tools
            and db.execute(
                f"select count(*) {pairs} and n.{column} is distinct from f.{column}"
            ).fetchone()
            != (0,)
        }
        (count,) = db.execute(f"select count(*) {pairs}").fetchone()
    assert count > 500
    assert differing == DAYS_DIFFER[built.format]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_six_formats__account_scores_stay_close_and_membership_stays(
    built_native: Built, built: Built
) -> None:
    with _connect_marts(built_native, built) as db:
        moved, furthest, honest = db.execute(
            """
            select
                count(*) filter (where (n.campaign_id is null) <> (f.campaign_id is null)),
                max(abs(n.suspicion_probability - f.suspicion_probability)),
                max(f.suspicion_probability) filter (where not s.is_attacker)
            from same as s
            inner join n.marts.fct_account_scores as n on n.account_key = s.native_key
            inner join f.marts.fct_account_scores as f
                on f.account_key = s.other_key and f.as_of_date = n.as_of_date
            where s.is_told
            """
        ).fetchone()
    assert moved == 0
    # measured: 0.13 on Azure, where a third of the calls show no caller; elsewhere at most 0.06
    assert furthest < 0.15
    assert honest < 0.35  # measured: at most 0.30 (Bedrock)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_six_formats__what_a_format_cannot_show_is_a_blind_spot(
    built_native: Built, built: Built
) -> None:
    with _connect_marts(built_native, built) as db:
        rows = [
            db.execute(
                f"select unavailable_families, confidence_reason from {name}.marts.dim_campaigns"
            ).fetchone()
            for name in ("n", "f")
        ]
    (native, _), (families, reason) = rows
    assert json.loads(native) == UNSEEN
    assert json.loads(families) == sorted(UNSEEN + BLIND.get(built.format, []))
    assert ("addresses are missing" in reason) == ("network" in families)
