{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date') }}

with

accounts as (

    select
        campaign_id,
        node_key as account_key

    from {{ ref('int_campaign_nodes') }}
    where as_of_date = {{ run_date() }} and node_type = 'account'

),

account_days as (

    select * from {{ ref('int_account_days__delivered') }}
    where delivered_date <= {{ run_date() }}

),

evidence as (

    select * from {{ ref('int_campaign_evidence') }}

),

used as (

    select
        a.campaign_id,
        count(distinct a.account_key) as account_count,
        sum(case when d.activity_date = {{ run_date() }} then d.exchange_count else 0 end) as day_exchange_count,
        sum(case when d.activity_date > {{ run_date() }} - interval '7' day then d.exchange_count else 0 end) as week_exchange_count,
        least(7, {{ days_between('min(d.activity_date)', run_date()) }} + 1) as week_day_count

    from accounts as a
    inner join account_days as d on a.account_key = d.account_key
    group by a.campaign_id

),

measured as (

    select campaign_id, 'accounts' as measure, cast(account_count as double) as measured_value
    from used
    union all
    select campaign_id, 'day_exchanges', cast(day_exchange_count as double)
    from used
    union all
    select campaign_id, 'exchanges_per_day', cast(week_exchange_count as double) / week_day_count
    from used
    union all
    select campaign_id, 'strong_' || family, cast(bits as double)
    from evidence
    where evidence_side = 'behaviour' and bits >= {{ var('family_bits_strong') }}

)

select
    {{ run_date() }} as as_of_date,
    campaign_id,
    measure,
    {{ as_ratio('measured_value') }} as measured_value

from measured
