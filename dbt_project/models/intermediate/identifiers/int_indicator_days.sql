{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='delivered_date') }}

{%- set fingerprints = [
    'prompt_fp', 'prefix_fp_8', 'prefix_fp_16', 'prefix_fp_32', 'suffix_fp_6', 'suffix_fp_12', 'system_fp'
] %}

with

exchanges as (

    select * from {{ ref('int_exchanges__delivered') }}

),

labels as (

    select * from {{ ref('int_address_labels') }}

),

indicators as (

    -- Their match values are in the form of the columns below: tokens and fingerprints made with the
    -- deployment's key where the columns are keyed.
    select
        indicator_key,
        indicator_type,
        feed_id,
        match_value,
        labels

    from {{ ref('stg_indicators') }}
    where indicator_type in ('asn', 'ja4', 'user_agent', 'template_fingerprint', 'artifact_digest')
        and match_value is not null
        and valid_from < {{ run_end() }} and valid_until >= {{ run_end() }}

),

indicator_labels as (

    select
        indicator_key,
        min(label) as label

    from {{ unnest_list('indicators', 'labels', 'label') }}
    group by indicator_key

),

listed_addresses as (

    select * from labels
    where range_kind = 'indicator'

),

address_networks as (

    -- at most one table of AS numbers answers per address: the first feed by name
    select
        ip_hex,
        label as asn,
        row_number() over (partition by ip_hex order by feed_id) as preference

    from labels
    where range_kind = 'asn'

),

with_artifacts as (

    select * from exchanges
    where artifacts_submitted is not null

),

observed as (

    select
        e.exchange_key, e.account_key, e.event_date, e.delivered_date,
        'asn' as indicator_type,
        n.asn as observed_value
    from exchanges as e
    inner join address_networks as n on e.ip_hex = n.ip_hex and n.preference = 1
    union all
    select
        exchange_key, account_key, event_date, delivered_date,
        'ja4', ja4
    from exchanges
    where ja4 is not null
    union all
    select
        exchange_key, account_key, event_date, delivered_date,
        'user_agent', user_agent_token
    from exchanges
    where user_agent_token is not null
    union all
    {% for column in fingerprints -%}
    select
        exchange_key, account_key, event_date, delivered_date,
        'template_fingerprint', cast({{ column }} as varchar)
    from exchanges
    where {{ column }} is not null
    union all
    {% endfor -%}
    select
        exchange_key, account_key, event_date, delivered_date,
        'artifact_digest', artifact_token
    from {{ unnest_list('with_artifacts', 'artifacts_submitted', 'artifact_token') }}

),

matched as (

    -- one row per exchange and feed: the ranges of a feed are disjoint
    select
        e.exchange_key,
        e.account_key,
        e.event_date,
        e.delivered_date,
        l.indicator_key,
        l.feed_id,
        l.label

    from exchanges as e
    inner join listed_addresses as l on e.ip_hex = l.ip_hex
    union all
    -- An exchange can match an indicator more than once (a template at two depths, an artefact handed in
    -- twice), which is why exchanges are counted by key below.
    select
        o.exchange_key,
        o.account_key,
        o.event_date,
        o.delivered_date,
        i.indicator_key,
        i.feed_id,
        l.label

    from observed as o
    inner join indicators as i on o.indicator_type = i.indicator_type and o.observed_value = i.match_value
    inner join indicator_labels as l on i.indicator_key = l.indicator_key

)

select
    account_key,
    event_date as activity_date,
    delivered_date,
    indicator_key,
    feed_id,
    label,
    count(distinct exchange_key) as exchange_count

from matched
group by account_key, event_date, delivered_date, indicator_key, feed_id, label
