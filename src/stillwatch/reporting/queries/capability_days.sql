-- Daily exchanges of one campaign by capability over the last ninety days.
-- key: campaign_id, capability_code, activity_date
with

days as (

    select cast(unnest(generate_series(
        greatest(cast(min(activity_date) as timestamp), cast(:chart_from as timestamp)),
        cast(:as_of_date as timestamp),
        interval 1 day
    )) as date) as activity_date
    from marts.fct_campaign_activity_days
    where campaign_id = :campaign_id

),

capabilities as (

    select capability_code, sum(extraction_exchange_count) as aimed, sum(exchange_count) as weight
    from marts.fct_campaign_activity_days
    where campaign_id = :campaign_id
    group by capability_code

)

select
    :campaign_id as campaign_id,
    p.capability_code,
    d.activity_date,
    coalesce(sum(a.exchange_count), 0) as exchange_count
from days as d
cross join capabilities as p
left join marts.fct_campaign_activity_days as a
    on d.activity_date = a.activity_date and p.capability_code = a.capability_code
    and a.campaign_id = :campaign_id
group by p.capability_code, p.aimed, p.weight, d.activity_date
order by p.aimed desc, p.weight desc, p.capability_code, d.activity_date
