with

feed_states as (

    select * from {{ ref('stg_feed_states') }}

)

select
    feed_id,
    as_of_date,
    version,
    pulled_at,
    age_days,
    entry_count,
    used_count,
    refused_count,
    refused_by_reason,
    state,
    marking,
    licence,
    permitted_use,
    source_reliability,
    newest_refusal

from feed_states
