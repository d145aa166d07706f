{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date', on_schema_change='fail') }}

with

days as (

    select * from {{ ref('fct_campaign_days') }}
    where as_of_date <= {{ run_date() }}

),

today as (

    select * from days
    where as_of_date = {{ run_date() }}

),

previous as (

    select * from days
    where as_of_date = (select max(as_of_date) from days where as_of_date < {{ run_date() }})

),

nodes as (

    select * from {{ ref('int_campaign_nodes') }}
    where as_of_date = {{ run_date() }} and node_type = 'account'

),

parents as (

    select
        campaign_id,
        max(parent_campaign_id) as parent_campaign_id

    from nodes
    group by campaign_id

),

compared as (

    select
        t.campaign_id,
        t.status,
        t.account_count,
        t.growth_bits,
        t.returned_reason,
        t.merged_into_campaign_id,
        q.parent_campaign_id,
        p.campaign_id is null as is_new,
        p.status as previous_status,
        p.account_count as previous_account_count,
        p.merged_into_campaign_id as previous_merged_into

    from today as t
    left join previous as p on t.campaign_id = p.campaign_id
    left join parents as q on t.campaign_id = q.campaign_id

),

events as (

    select campaign_id, 'born' as event, cast(null as varchar) as related_campaign_id, cast(null as double) as overlap
    from compared
    where is_new and parent_campaign_id is null
    union all
    select campaign_id, 'split', parent_campaign_id, cast(null as double)
    from compared
    where is_new and parent_campaign_id is not null
    union all
    select campaign_id, 'merged', merged_into_campaign_id, cast(null as double)
    from compared
    where merged_into_campaign_id is not null and previous_merged_into is null
    union all
    select campaign_id, 'grew', cast(null as varchar), {{ as_ratio('least(1.0, previous_account_count * 1.0 / account_count)') }}
    from compared
    where not is_new and merged_into_campaign_id is null and {{ has_grown('growth_bits') }}
    union all
    select campaign_id, 'resurrected', cast(null as varchar), cast(null as double)
    from compared
    where (previous_status = 'dormant' and status in ('suspected', 'confirmed'))
        or (previous_status = 'dismissed' and status = 'suspected' and returned_reason is not null)
    union all
    select campaign_id, 'dormant', cast(null as varchar), cast(null as double)
    from compared
    where coalesce(previous_status, '-') <> 'dormant' and status = 'dormant' and merged_into_campaign_id is null

)

select
    {{ run_end() }} as event_at,
    {{ run_date() }} as as_of_date,
    event,
    campaign_id,
    related_campaign_id,
    overlap

from events
