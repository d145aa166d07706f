with

exchanges as (

    select * from {{ ref('int_exchanges__delivered') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

feeds as (

    -- a number sorts faster than a name
    select
        feed_id,
        cast(row_number() over (order by feed_id) as smallint) as feed_number

    from (select distinct feed_id from {{ ref('stg_address_ranges') }}) as named

),

ranges as (

    select
        f.feed_number,
        r.*

    from {{ ref('stg_address_ranges') }} as r
    inner join feeds as f on r.feed_id = f.feed_id

),

valid_indicators as (

    select indicator_key from {{ ref('stg_indicators') }}
    where valid_from < {{ run_end() }} and valid_until >= {{ run_end() }}

),

addresses as (

    select ip_hex from exchanges where ip_hex is not null
    union
    select signup_ip_hex from accounts where signup_ip_hex is not null

),

probes as (

    select
        feeds.feed_id,
        feeds.feed_number,
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

    from {{ join_ranges('probes', 'ranges', 'feed_number') }}

)

select
    l.ip_hex,
    l.feed_id,
    l.range_kind,
    l.label,
    l.indicator_key

from labelled as l
left join valid_indicators as v on l.indicator_key = v.indicator_key
where l.ip_hex <= l.end_hex and (l.range_kind <> 'indicator' or v.indicator_key is not null)
