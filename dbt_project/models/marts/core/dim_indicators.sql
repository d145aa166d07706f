with

indicators as (

    select * from {{ ref('stg_indicators') }}

)

select
    indicator_key,
    feed_id,
    indicator_type,
    value,
    {{ json_of_list('labels') }} as labels,
    confidence,
    valid_from,
    valid_until,
    source_reliability,
    information_credibility,
    marking,
    permitted_use,
    licence,
    first_seen_at,
    last_seen_at,
    valid_until < {{ run_end() }} as is_expired

from indicators
