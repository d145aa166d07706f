"""Reads what competitors may know from the marts and the canonical tables, with one SQL each."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import InputError
from stillwatch.evaluation.competitors.protocol import (
    ExchangeTokens,
    SharedValues,
    WorldTables,
)

NEWEST_EXCHANGES = 1500  # per account: the larger window of the MMD paper
LARGEST_GROUP = 1000  # a value that more accounts hold connects nobody

_CAPABILITIES = (
    "reasoning", "coding", "agentic_tool_use", "computer_use", "computer_vision", "data_analysis",
    "grading", "rewriting", "kernel_engineering", "cyber", "general",
)  # fmt: skip
_TECHNIQUES = (
    "reasoning_elicitation", "rubric_grading", "trace_cleaning", "censorship_safe_rewriting",
    "jailbreak", "model_identity_probe", "quality_probe", "bulk_instruction",
)  # fmt: skip
_SHARES = (
    *(f"capability_{code}_ratio" for code in _CAPABILITIES),
    *(f"technique_{code}_ratio" for code in _TECHNIQUES),
)

_FEATURES = {
    "log_busiest_day_exchanges": "ln(1 + max(d.exchange_count))",
    "log_exchanges": "ln(1 + sum(d.exchange_count))",
    "active_days": "count(*)",
    "mean_active_hours": "avg(d.active_hour_count)",
    "busiest_day_addresses": "max(d.distinct_ip_count)",
    "busiest_day_user_agents": "max(d.distinct_user_agent_count)",
    "refused_ratio": "sum(d.refused_count) / sum(d.exchange_count)",
    "rate_limited_ratio": "sum(d.rate_limited_count) / sum(d.exchange_count)",
    "blocked_ratio": "sum(d.blocked_count) / sum(d.exchange_count)",
    "log_input_tokens": "ln(1 + sum(d.input_tokens) / sum(d.exchange_count))",
    "log_output_tokens": "ln(1 + sum(d.output_tokens) / sum(d.exchange_count))",
    "log_reasoning_tokens": "ln(1 + sum(d.reasoning_tokens) / sum(d.exchange_count))",
    "top_template_ratio": "avg(d.top_template_ratio)",
    **{name: f"sum(d.{name} * d.exchange_count) / sum(d.exchange_count)" for name in _SHARES},
    "log_tenure_days": "ln(1 + greatest(0, any_value(date_diff('day', a.created_at, $until))))",
}
WORLD_FEATURES = tuple(_FEATURES)

# What accounts may share. Addresses connect people by accident, so only sign-up networks are here.
_ACCOUNT_VALUES = {
    "payment": "payment_token",
    "bin_and_grammar": "payment_bin || '/' || email_grammar",
    "phone": "phone_token",
    "signup_network": "signup_ip_net_token",
    "email_domain": "email_domain",
}
_EXCHANGE_VALUES = {
    "template": "cast(prefix_fp_16 as varchar)",
    "end_user": "end_user_token",
    "network_and_client": "ip_net_token || '/' || client_token",
}


def load_world_tables(
    world: str, warehouse: Path, canonical: Path, first_day: date, as_of_date: date
) -> WorldTables:
    """Return a world's tables for [first_day, as_of_date], from a published file and its inputs.

    Only accounts with activity in that time are listed, sorted by key. Nothing later is read.
    """
    for path in (warehouse, canonical / "exchanges", canonical / "accounts"):
        if not path.exists():
            raise InputError(f"{path} is missing: run the pipeline on world {world!r} first")
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"attach '{_quote(warehouse)}' as built (read_only)")
        period = {"first": first_day, "until": as_of_date}
        _create_views(connection, canonical, period)
        columns = ", ".join(f"cast({sql} as double) as {name}" for name, sql in _FEATURES.items())
        rows = connection.execute(
            f"""
            select d.account_key, {columns},
                cast(any_value(date_diff('day', a.created_at, $until)) as double) as tenure_days
            from built.marts.fct_account_days as d
            left join built.marts.dim_accounts as a on d.account_key = a.account_key
            where d.activity_date between $first and $until
            group by d.account_key order by d.account_key
            """,
            period,
        ).fetchnumpy()
        keys = tuple(str(key) for key in rows["account_key"])
        connection.execute("create temp table listed (account_key varchar, number bigint)")
        if keys:
            connection.execute(
                "insert into listed select unnest($keys), unnest(range(len($keys)))",
                {"keys": list(keys)},
            )
        return WorldTables(
            world=world,
            as_of_date=as_of_date,
            account_keys=keys,
            feature_names=WORLD_FEATURES,
            features=np.column_stack([_get_floats(rows[name]) for name in WORLD_FEATURES]),
            tenure_days=_get_floats(rows["tenure_days"]),
            attributes=_read_attributes(connection),
            shared=_read_shared_values(connection),
            exchanges=_read_exchanges(connection),
        )


def _create_views(
    connection: duckdb.DuckDBPyConnection, canonical: Path, period: dict[str, date]
) -> None:
    exchanges = _quote(canonical / "exchanges/dt=*/source=*/*.parquet")
    accounts = _quote(canonical / "accounts/dt=*/source=*/*.parquet")
    first, until = period["first"], period["until"]
    connection.execute(
        f"""
        create temp view exchanges as
        select * from read_parquet('{exchanges}', union_by_name = true)
        where event_date between date '{first}' and date '{until}'
            and delivered_date <= date '{until}'
        """
    )
    connection.execute(
        f"""
        create temp view accounts as
        select * from read_parquet('{accounts}', union_by_name = true)
        where snapshot_date <= date '{until}'
        qualify row_number() over (
            partition by account_key order by snapshot_date desc, source_id
        ) = 1
        """
    )


def _read_attributes(connection: duckdb.DuckDBPyConnection) -> dict[str, NDArray[np.str_]]:
    """Return the most used JA4 and client country of each account, ties to the smaller text."""
    found = {}
    for name, column in (("ja4", "ja4"), ("country", "client_country")):
        rows = connection.execute(
            f"""
            with counted as (
                select account_key, {column} as value, count(*) as uses
                from exchanges where {column} is not null group by all
            ),
            first as (
                select account_key, value from counted qualify row_number() over (
                    partition by account_key order by uses desc, value
                ) = 1
            )
            select coalesce(f.value, '') as value
            from listed as l left join first as f on l.account_key = f.account_key
            order by l.number
            """
        ).fetchnumpy()
        found[name] = np.asarray(rows["value"], dtype=str)
    return found


def _read_shared_values(connection: duckdb.DuckDBPyConnection) -> SharedValues:
    """Return the identifier values that 2 to LARGEST_GROUP accounts hold, and who holds them."""
    parts = [
        f"select account_key, '{name}' as value_type, {sql} as value from accounts"
        for name, sql in _ACCOUNT_VALUES.items()
    ] + [
        f"select account_key, '{name}', {sql} from exchanges"
        for name, sql in _EXCHANGE_VALUES.items()
    ]
    rows = connection.execute(
        f"""
        with held as (
            select distinct l.number as account, h.value_type, h.value
            from ({" union all ".join(parts)}) as h
            inner join listed as l on h.account_key = l.account_key
            where h.value is not null
        )
        select account, value_type, dense_rank() over (order by value_type, value) - 1 as value
        from held
        qualify count(*) over (partition by value_type, held.value) between 2 and {LARGEST_GROUP}
        order by account, value
        """
    ).fetchnumpy()
    # Numbers of values that were cut leave gaps: close them.
    kept, numbers = np.unique(np.asarray(rows["value"], dtype=np.int64), return_inverse=True)
    types = np.empty(len(kept), dtype=object)
    types[numbers] = np.asarray(rows["value_type"], dtype=object)
    return SharedValues(
        account=np.asarray(rows["account"], dtype=np.int64),
        value=numbers.astype(np.int64),
        value_types=tuple(str(name) for name in types),
    )


def _read_exchanges(connection: duckdb.DuckDBPyConnection) -> ExchangeTokens:
    """Return the newest exchanges of each account as hashed features of what was asked."""
    rows = connection.execute(
        f"""
        with newest as (
            select l.number as account, e.*
            from exchanges as e inner join listed as l on e.account_key = l.account_key
            qualify row_number() over (
                partition by e.account_key order by e.event_at desc, e.exchange_key
            ) <= {NEWEST_EXCHANGES}
        )
        select account, list_filter([
            hash('template', prefix_fp_8), hash('prefix', prefix_fp_16),
            hash('suffix', suffix_fp_6), hash('system', system_fp),
            hash('capability', capability_code), hash('language', language_code),
            hash('endpoint', endpoint), hash('tools', tool_count > 0),
            hash('length', cast(log2(1 + prompt_char_count) as integer)),
            hash('techniques', list_sort(technique_codes))
        ], lambda item: item is not null) as hashes
        from newest order by account, event_at, exchange_key
        """
    ).to_arrow_table()
    lists = rows.column("hashes").combine_chunks()
    return ExchangeTokens(
        account=rows.column("account").to_numpy().astype(np.int64),
        starts=np.asarray(lists.offsets, dtype=np.int64),
        hashes=np.asarray(lists.flatten(), dtype=np.uint64),
    )


def _get_floats(column: Any) -> NDArray[np.float64]:
    """Return a column with NaN where it is null."""
    values = np.array(np.ma.getdata(column), dtype=np.float64)
    values[np.ma.getmaskarray(column)] = np.nan
    return values


def _quote(path: Path) -> str:
    return str(path).replace("'", "''")
