-- Daily exchanges of one campaign over the last ninety days (days without activity are zero).
-- key: campaign_id, activity_date
with

days as (

    select cast(unnest(generate_series(
        greatest(cast(min(activity_date) as timestamp), cast(:chart_from as timestamp)),
        cast(:as_of_date as timestamp),
        interval 1 day
    )) as date) as activity_date
    from marts.fct_campaign_activity_days
    where campaign_id = :campaign_id

)

select
    :campaign_id as campaign_id,
    d.activity_date,
    coalesce(sum(a.exchange_count), 0) as exchange_count
from days as d
left join marts.fct_campaign_activity_days as a
    on d.activity_date = a.activity_date and a.campaign_id = :campaign_id
group by d.activity_date
order by d.activity_date
