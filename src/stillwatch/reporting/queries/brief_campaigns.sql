-- Active campaigns, most urgent first, with their exchanges in the period and in the one before.
-- key: campaign_id
with

weeks as (

    select
        campaign_id,
        sum(case when activity_date >= :period_from then exchange_count else 0 end) as period_count,
        sum(case when activity_date < :period_from then exchange_count else 0 end) as before_count
    from marts.fct_campaign_activity_days
    where activity_date >= :previous_from and activity_date <= :as_of_date
    group by campaign_id

),

banned as (

    select
        b.campaign_id,
        count(case when b.is_banned then 1 end) as banned_count,
        max(cast(a.banned_at as date)) as last_ban_date
    from marts.bridge_campaign_accounts as b
    left join marts.dim_accounts as a on b.account_key = a.account_key
    group by b.campaign_id

),

after_ban as (

    select d.campaign_id, sum(d.exchange_count) as after_ban_count
    from marts.fct_campaign_activity_days as d
    inner join banned as b on d.campaign_id = b.campaign_id
    where d.activity_date > b.last_ban_date and d.activity_date <= :as_of_date
    group by d.campaign_id

)

select
    c.campaign_id,
    c.status,
    c.main_capability_code,
    c.likelihood_term,
    c.confidence_level,
    c.confidence_reason,
    c.severity,
    c.unavailable_families,
    c.platforms,
    c.first_flagged_date,
    c.account_count,
    coalesce(w.period_count, 0) as exchange_count,
    coalesce(w.period_count, 0) - coalesce(w.before_count, 0) as exchange_change_count,
    c.campaign_probability,
    c.independent_family_count,
    b.banned_count,
    b.last_ban_date,
    coalesce(a.after_ban_count, 0) as after_ban_count,
    rank() over (order by coalesce(w.period_count, 0) desc) as period_exchange_rank
from marts.dim_campaigns as c
left join weeks as w on c.campaign_id = w.campaign_id
left join banned as b on c.campaign_id = b.campaign_id
left join after_ban as a on c.campaign_id = a.campaign_id
where c.status in ('suspected', 'confirmed') and c.last_seen_at >= cast(:period_from as timestamp)
order by
    case c.severity when 'critical' then 0 when 'high' then 1 when 'medium' then 2 else 3 end,
    case when coalesce(a.after_ban_count, 0) > 0 and b.banned_count > 0 then 0 else 1 end,
    c.campaign_probability desc, period_exchange_rank, c.campaign_id
