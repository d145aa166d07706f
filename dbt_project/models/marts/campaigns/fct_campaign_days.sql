{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date', on_schema_change='fail') }}

with

campaigns as (

    select * from {{ ref('int_campaigns') }}

)

select
    campaign_id,
    as_of_date,
    status,
    returned_reason,
    first_seen_at,
    last_seen_at,
    first_flagged_date,
    cast(account_count as bigint) as account_count,
    cast(active_account_count as bigint) as active_account_count,
    cast(new_account_count as bigint) as new_account_count,
    cast(lost_account_count as bigint) as lost_account_count,
    cast(exchange_count as bigint) as exchange_count,
    cast(attempted_count as bigint) as attempted_count,
    cast(total_tokens as bigint) as total_tokens,
    cast(day_exchange_count as bigint) as day_exchange_count,
    cast(day_attempted_count as bigint) as day_attempted_count,
    cast(day_account_count as bigint) as day_account_count,
    cast(exchanges_since_first_flag as bigint) as exchanges_since_first_flag,
    growth_bits,
    cast(extraction_exchange_count as bigint) as extraction_exchange_count,
    extraction_ratio,
    extraction_ratio_low,
    extraction_ratio_high,
    campaign_probability,
    prior_log10_odds,
    posterior_log10_odds,
    likelihood_term,
    confidence_level,
    confidence_reason,
    severity,
    cast(independent_family_count as integer) as independent_family_count,
    main_capability_code,
    capability_mix,
    platforms,
    parent_campaign_ids,
    merged_into_campaign_id

from campaigns
