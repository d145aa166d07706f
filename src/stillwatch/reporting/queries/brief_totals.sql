-- Active campaigns, their accounts and their estimated share of all exchanges in the period.
with

active as (

    select * from marts.dim_campaigns
    where status in ('suspected', 'confirmed') and last_seen_at >= cast(:period_from as timestamp)

),

before as (

    select * from marts.fct_campaign_days
    where as_of_date = :previous_date and status in ('suspected', 'confirmed') and active_account_count > 0

),

all_days as (

    select
        count(distinct account_key) as active_account_count,
        sum(exchange_count) as exchange_count
    from marts.fct_account_days
    where activity_date >= :period_from and activity_date <= :as_of_date

),

campaign_days as (

    select a.campaign_id, sum(d.exchange_count) as exchange_count, any_value(a.extraction_ratio_low) as low,
        any_value(a.extraction_ratio_high) as high, any_value(a.extraction_ratio) as ratio
    from active as a
    inner join marts.fct_campaign_activity_days as d on a.campaign_id = d.campaign_id
    where d.activity_date >= :period_from and d.activity_date <= :as_of_date
    group by a.campaign_id

),

shares as (

    select
        sum(exchange_count) as campaign_exchange_count,
        sum(cast(exchange_count * ratio as decimal(24, 6))) as estimated,
        sum(cast(exchange_count * low as decimal(24, 6))) as estimated_low,
        sum(cast(exchange_count * high as decimal(24, 6))) as estimated_high
    from campaign_days

),

members as (

    select count(distinct b.account_key) as account_count,
        count(distinct case when b.is_banned then b.account_key end) as banned_count
    from marts.bridge_campaign_accounts as b
    inner join active as a on b.campaign_id = a.campaign_id

)

select
    (select count(*) from active) as campaign_count,
    (select count(*) from active where status = 'confirmed') as confirmed_count,
    (select count(*) from active where first_flagged_date >= :period_from) as new_campaign_count,
    (select count(*) from marts.dim_campaigns where status in ('dormant', 'disrupted')) as resting_count,
    m.account_count,
    m.banned_count,
    d.active_account_count,
    d.exchange_count,
    coalesce(s.campaign_exchange_count, 0) as campaign_exchange_count,
    coalesce(s.estimated, 0) / nullif(d.exchange_count, 0) as extraction_ratio,
    s.estimated_low / nullif(d.exchange_count, 0) as extraction_ratio_low,
    s.estimated_high / nullif(d.exchange_count, 0) as extraction_ratio_high,
    (
        select median(datediff('day', cast(first_seen_at as date), first_flagged_date)) from active
    ) as median_flag_days,
    (select count(distinct as_of_date) from marts.fct_campaign_days where as_of_date = :previous_date) as comparator_count,
    (select count(*) from active) - (select count(*) from before) as campaign_change_count,
    m.account_count - (select coalesce(sum(account_count), 0) from before) as account_change_count
from members as m
cross join all_days as d
cross join shares as s
