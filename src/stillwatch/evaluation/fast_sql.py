"""The SQL that turns the columns of a fast world into canonical exchanges."""

from __future__ import annotations

import duckdb

from stillwatch.canonical import EXCHANGES
from stillwatch.log import get_logger
from stillwatch.text.features import FEATURE_COLUMNS

_LOG = get_logger(__name__)

_PRINTS = tuple(name for name in FEATURE_COLUMNS if "_fp" in name)
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


def settle_reach(bands_used: int) -> str:
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


def list_columns(connection: duckdb.DuckDBPyConnection) -> str:
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
