-- What was looked at, by platform, in the period.
-- key: platform
with

flagged as (

    select distinct b.account_key
    from marts.bridge_campaign_accounts as b
    inner join marts.dim_campaigns as c on b.campaign_id = c.campaign_id
    where c.status in ('suspected', 'confirmed')

)

select
    a.platform,
    count(distinct d.account_key) as account_count,
    sum(d.exchange_count) as exchange_count,
    count(distinct f.account_key) as flagged_account_count
from marts.fct_account_days as d
inner join marts.dim_accounts as a on d.account_key = a.account_key
left join flagged as f on d.account_key = f.account_key
where d.activity_date >= :period_from and d.activity_date <= :as_of_date
group by a.platform
order by exchange_count desc, a.platform
