-- All members of one campaign, for the attached list.
with

activity as (

    select b.account_key, sum(d.exchange_count) as exchange_count
    from marts.bridge_campaign_accounts as b
    inner join marts.fct_account_days as d on b.account_key = d.account_key
    where b.campaign_id = :campaign_id and d.activity_date <= :as_of_date
    group by b.account_key

)

select
    b.account_key,
    a.platform,
    b.role,
    cast(b.first_seen_at as date) as first_seen_date,
    cast(b.last_seen_at as date) as last_seen_date,
    b.first_flagged_date,
    coalesce(d.exchange_count, 0) as exchanges,
    b.membership_probability,
    b.is_banned,
    cast(a.banned_at as date) as banned_date
from marts.bridge_campaign_accounts as b
left join marts.dim_accounts as a on b.account_key = a.account_key
left join activity as d on b.account_key = d.account_key
where b.campaign_id = :campaign_id
order by
    case b.role when 'core' then 0 when 'member' then 1 else 2 end,
    exchanges desc, b.account_key
