{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='delivered_date') }}

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

)

select
    e.account_key,
    e.event_date as activity_date,
    e.delivered_date,
    count(*) as exchange_count,
    count(h.ip_hex) as hidden_exit_count,
    count(distinct n.asn) as distinct_asn_count,
    min(n.asn) as first_asn

from exchanges as e
left join hiding as h on e.ip_hex = h.ip_hex
left join numbered as n on e.ip_hex = n.ip_hex and n.preference = 1
group by e.account_key, e.event_date, e.delivered_date
