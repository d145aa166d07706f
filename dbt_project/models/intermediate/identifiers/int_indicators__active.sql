with

indicators as (

    select * from {{ ref('stg_indicators') }}
    where valid_from < {{ run_end() }} and valid_until >= {{ run_end() }}

),

labels as (

    select
        indicator_key,
        min(label) as label

    from {{ unnest_list('indicators', 'labels', 'label') }}
    group by indicator_key

),

last_feed_days as (

    -- the processed day before this one: yesterday, unless days were left out
    select
        feed_id,
        version,
        cast(as_of_date + interval '1' day as timestamptz) as day_end

    from {{ ref('stg_feed_days') }}
    where as_of_date = (select max(as_of_date) from {{ ref('stg_feed_days') }} where as_of_date < {{ run_date() }})

),

active_before as (

    -- one row per indicator: a feed has one version in use on a day
    select p.indicator_key
    from {{ ref('stg_past_indicators') }} as p
    inner join last_feed_days as d on p.feed_id = d.feed_id and p.version = d.version
    where p.valid_from < d.day_end and p.valid_until >= d.day_end

)

select
    i.indicator_key,
    i.feed_id,
    i.version,
    i.indicator_type,
    i.match_value,
    l.label,
    i.valid_from,
    cast(i.first_seen_at as date) as known_date,
    b.indicator_key is null as is_new

from indicators as i
left join labels as l on i.indicator_key = l.indicator_key
left join active_before as b on i.indicator_key = b.indicator_key
