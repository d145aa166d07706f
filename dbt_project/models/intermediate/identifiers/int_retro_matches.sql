{{
    config(
        materialized='incremental', incremental_strategy='delete+insert', unique_key='matched_date'
    )
}}

with

new_indicators as (

    select * from {{ ref('int_indicators__active') }}
    where is_new

),

uses as (

    -- what was delivered on the run's day itself is matched as live
    select * from {{ ref('int_hunted_uses') }}
    where delivered_date < {{ run_date() }}
        and activity_date >= {{ run_date() }} - interval '{{ var("retro_hunt_days") | int }}' day

),

ranges as (

    select
        r.feed_id,
        r.start_hex,
        r.end_hex,
        r.label,
        r.indicator_key

    from {{ ref('stg_address_ranges') }} as r
    inner join new_indicators as n on r.indicator_key = n.indicator_key

),

feeds as (

    select distinct feed_id from ranges

),

addresses as (

    select distinct identifier_value as ip_hex from uses
    where identifier_type = 'address'

),

probes as (

    select
        feeds.feed_id,
        addresses.ip_hex

    from addresses
    cross join feeds

),

candidates as (

    select
        probes.ip_hex,
        ranges.indicator_key,
        ranges.label,
        ranges.end_hex

    from {{ join_ranges('probes', 'ranges') }}

),

compared as (

    {{ list_hunted_identifiers() }}

),

targets as (

    select
        c.identifier_type,
        n.match_value,
        n.indicator_key,
        n.label

    from new_indicators as n
    inner join compared as c on n.indicator_type = c.indicator_type
    where n.match_value is not null and c.identifier_type <> 'address'

),

bin_prefixes as (

    -- a list may name 4 to 8 digits; each value is compared by each of its prefixes
    {% for length in range(4, 9) -%}
    select distinct
        identifier_value,
        substr(identifier_value, 1, {{ length }}) as prefix
    from uses
    where identifier_type = 'payment_bin' and length(identifier_value) >= {{ length }}
    {% if not loop.last -%} union all
    {% endif -%}
    {%- endfor %}

),

matched_values as (

    select
        'address' as identifier_type,
        ip_hex as identifier_value,
        indicator_key,
        label

    from candidates
    where ip_hex <= end_hex
    union all
    select
        t.identifier_type,
        p.identifier_value,
        t.indicator_key,
        t.label

    from targets as t
    inner join bin_prefixes as p on t.match_value = p.prefix
    where t.identifier_type = 'payment_bin'
    union all
    select
        identifier_type,
        match_value as identifier_value,
        indicator_key,
        label

    from targets
    where identifier_type <> 'payment_bin'

),

matched as (

    select
        u.account_key,
        u.activity_date,
        u.delivered_date,
        m.indicator_key,
        m.label,
        sum(u.exchange_count) as exchange_count

    from uses as u
    inner join matched_values as m
        on u.identifier_type = m.identifier_type and u.identifier_value = m.identifier_value
    group by u.account_key, u.activity_date, u.delivered_date, m.indicator_key, m.label

)

select
    m.account_key,
    m.activity_date,
    m.delivered_date,
    {{ run_date() }} as matched_date,
    m.indicator_key,
    n.feed_id,
    n.indicator_type,
    m.label,
    n.known_date,
    n.valid_from,
    cast(m.exchange_count as bigint) as exchange_count

from matched as m
inner join new_indicators as n on m.indicator_key = n.indicator_key
