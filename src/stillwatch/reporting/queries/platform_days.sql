-- Daily exchanges of one campaign by platform over the last ninety days.
-- key: campaign_id, platform, activity_date
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

platforms as (

    select platform, sum(exchange_count) as weight
    from marts.fct_campaign_activity_days
    where campaign_id = :campaign_id
    group by platform

)

select
    :campaign_id as campaign_id,
    p.platform,
    d.activity_date,
    coalesce(sum(a.exchange_count), 0) as exchange_count
from days as d
cross join platforms as p
left join marts.fct_campaign_activity_days as a
    on d.activity_date = a.activity_date and p.platform = a.platform and a.campaign_id = :campaign_id
group by p.platform, p.weight, d.activity_date
order by p.weight desc, p.platform, d.activity_date
