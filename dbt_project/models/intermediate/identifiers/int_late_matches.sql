{{
    config(
        materialized='incremental', incremental_strategy='delete+insert', unique_key='matched_date'
    )
}}

with

uses as (

    -- delivered on the run's day for days before it
    select * from {{ ref('int_hunted_uses') }}
    where delivered_date = {{ run_date() }} and activity_date < {{ run_date() }}

),

late_dates as (

    select distinct activity_date from uses

),

active_today as (

    select indicator_key from {{ ref('int_indicators__active') }}

),

versions as (

    select
        d.as_of_date,
        d.feed_id,
        d.version,
        cast(d.as_of_date + interval '1' day as timestamptz) as day_end

    from {{ ref('stg_feed_days') }} as d
    inner join late_dates as l on d.as_of_date = l.activity_date

),

in_force as (

    -- what matched on the day of the use and does not match today: the others are matched as of today
    select
        v.as_of_date,
        i.indicator_key,
        i.feed_id,
        i.version,
        i.indicator_type,
        i.match_value,
        i.labels,
        i.valid_from,
        cast(i.first_seen_at as date) as known_date

    from {{ ref('stg_past_indicators') }} as i
    inner join versions as v on i.feed_id = v.feed_id and i.version = v.version
    left join active_today as t on i.indicator_key = t.indicator_key
    where i.valid_from < v.day_end and i.valid_until >= v.day_end and t.indicator_key is null

),

labels as (

    select
        indicator_key,
        min(label) as label

    from {{ unnest_list('in_force', 'labels', 'label') }}
    group by indicator_key

),

ranges as (

    -- the ranges of one feed on one day are disjoint: day and feed together stand for the feed
    select
        cast(i.as_of_date as varchar) || '|' || i.feed_id as feed_id,
        r.start_hex,
        r.end_hex,
        r.indicator_key,
        i.as_of_date

    from in_force as i
    inner join {{ ref('stg_past_address_ranges') }} as r
        on i.feed_id = r.feed_id and i.version = r.version and i.indicator_key = r.indicator_key

),

feeds as (

    select distinct
        feed_id,
        as_of_date

    from ranges

),

addresses as (

    select distinct
        activity_date,
        identifier_value as ip_hex

    from uses
    where identifier_type = 'address'

),

probes as (

    select
        f.feed_id,
        a.activity_date,
        a.ip_hex

    from addresses as a
    inner join feeds as f on a.activity_date = f.as_of_date

),

candidates as (

    select
        probes.activity_date,
        probes.ip_hex,
        ranges.indicator_key,
        ranges.end_hex

    from {{ join_ranges('probes', 'ranges') }}

),

compared as (

    {{ list_hunted_identifiers() }}

),

matched_values as (

    select
        activity_date,
        'address' as identifier_type,
        ip_hex as identifier_value,
        indicator_key

    from candidates
    where ip_hex <= end_hex
    union all
    select
        i.as_of_date as activity_date,
        c.identifier_type,
        i.match_value as identifier_value,
        i.indicator_key

    from in_force as i
    inner join compared as c on i.indicator_type = c.indicator_type
    where i.match_value is not null and c.identifier_type <> 'address'

),

matched as (

    select
        u.account_key,
        u.activity_date,
        u.delivered_date,
        m.indicator_key,
        sum(u.exchange_count) as exchange_count

    from uses as u
    inner join matched_values as m
        on u.activity_date = m.activity_date
        and u.identifier_type = m.identifier_type and u.identifier_value = m.identifier_value
    group by u.account_key, u.activity_date, u.delivered_date, m.indicator_key

)

select
    m.account_key,
    m.activity_date,
    m.delivered_date,
    {{ run_date() }} as matched_date,
    m.indicator_key,
    i.feed_id,
    l.label,
    i.known_date,
    i.valid_from,
    cast(m.exchange_count as bigint) as exchange_count

from matched as m
inner join in_force as i on m.indicator_key = i.indicator_key and m.activity_date = i.as_of_date
inner join labels as l on m.indicator_key = l.indicator_key
