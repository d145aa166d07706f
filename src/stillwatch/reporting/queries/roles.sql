-- Members of one campaign by role.
-- key: role
with

activity as (

    select b.account_key, sum(d.exchange_count) as exchange_count
    from marts.bridge_campaign_accounts as b
    inner join marts.fct_account_days as d on b.account_key = d.account_key
    where b.campaign_id = :campaign_id and d.activity_date <= :as_of_date
    group by b.account_key

)

select
    b.role,
    count(*) as account_count,
    count(case when b.is_banned then 1 end) as banned_count,
    coalesce(sum(a.exchange_count), 0) as exchange_count
from marts.bridge_campaign_accounts as b
left join activity as a on b.account_key = a.account_key
where b.campaign_id = :campaign_id
group by b.role
order by case b.role when 'core' then 0 when 'member' then 1 else 2 end, b.role
