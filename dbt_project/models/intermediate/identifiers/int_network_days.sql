{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='delivered_date', on_schema_change='append_new_columns') }}

with

exchanges as (

    select * from {{ ref('int_exchanges__delivered') }}
    where ip_hex is not null

),

labels as (

    select * from {{ ref('int_address_labels') }}

),

hiding as (

    select distinct ip_hex from labels
    where range_kind = 'indicator' and label in {{ hiding_labels() }}

),

numbered as (

    -- at most one table of AS numbers answers per address: the first feed by name
    select
        ip_hex,
        label as asn,
        row_number() over (partition by ip_hex order by feed_id) as preference

    from labels
    where range_kind = 'asn'

),

located as (

    select
        ip_hex,
        min(label) as country

    from labels
    where range_kind = 'country'
    group by ip_hex

),

placed as (

    select
        e.*,
        l.country as table_country

    from exchanges as e
    left join located as l on e.ip_hex = l.ip_hex

),

with_previous as (

    select
        *,
        {{ seconds_between('lag(event_at) over own_day', 'event_at') }} as gap_seconds,
        lag(client_country) over own_day as previous_client_country,
        lag(table_country) over own_day as previous_table_country

    from placed
    window own_day as (partition by account_key, event_date order by event_at, exchange_key)

),

with_moves as (

    -- What the platform says comes before what a table says of the address, and only like is compared with like. Null
    -- where there is nothing to compare.
    select
        *,
        case
            when gap_seconds > {{ var('travel_window_seconds') | int }} then null
            when client_country is not null and previous_client_country is not null then client_country <> previous_client_country
            else table_country <> previous_table_country
        end as has_moved

    from with_previous

)

select
    e.account_key,
    e.event_date as activity_date,
    e.delivered_date,
    count(*) as exchange_count,
    count(h.ip_hex) as hidden_exit_count,
    count(distinct n.asn) as distinct_asn_count,
    min(n.asn) as first_asn,
    count(e.has_moved) as country_pair_count,
    count(case when e.has_moved then 1 end) as country_move_count

from with_moves as e
left join hiding as h on e.ip_hex = h.ip_hex
left join numbered as n on e.ip_hex = n.ip_hex and n.preference = 1
group by e.account_key, e.event_date, e.delivered_date
