{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='delivered_date') }}

with

exchanges as (

    select * from {{ ref('int_exchanges__delivered') }}

),

labels as (

    select * from {{ ref('int_address_labels') }}
    where range_kind = 'indicator'

),

matched as (

    -- one row per exchange and feed: the ranges of a feed are disjoint
    select
        e.account_key,
        e.event_date as activity_date,
        e.delivered_date,
        l.indicator_key,
        l.feed_id,
        l.label

    from exchanges as e
    inner join labels as l on e.ip_hex = l.ip_hex

)

select
    account_key,
    activity_date,
    delivered_date,
    indicator_key,
    feed_id,
    label,
    count(*) as exchange_count

from matched
group by account_key, activity_date, delivered_date, indicator_key, feed_id, label
