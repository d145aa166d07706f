with

exchanges as (

    select * from {{ ref('int_exchanges__delivered') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

ranges as (

    select * from {{ ref('stg_address_ranges') }}

),

addresses as (

    select ip_hex from exchanges where ip_hex is not null
    union
    select signup_ip_hex from accounts where signup_ip_hex is not null

),

feeds as (

    select distinct feed_id from ranges

),

probes as (

    select
        feeds.feed_id,
        addresses.ip_hex

    from addresses
    cross join feeds

),

labelled as (

    select
        probes.ip_hex,
        probes.feed_id,
        ranges.range_kind,
        ranges.label,
        ranges.indicator_key,
        ranges.end_hex

    from {{ join_ranges('probes', 'ranges') }}

)

select
    ip_hex,
    feed_id,
    range_kind,
    label,
    indicator_key

from labelled
where ip_hex <= end_hex
