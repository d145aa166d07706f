-- The last days of one campaign, each with accounts, exchanges, attempts and tokens.
-- key: activity_date
with

members as (

    select d.activity_date, count(distinct d.account_key) as account_count
    from marts.bridge_campaign_accounts as b
    inner join marts.fct_account_days as d on b.account_key = d.account_key
    where b.campaign_id = :campaign_id
    group by d.activity_date

)

select
    a.activity_date,
    coalesce(any_value(m.account_count), 0) as account_count,
    sum(a.exchange_count) as exchange_count,
    sum(a.attempted_count) as attempted_count,
    sum(a.extraction_exchange_count) as extraction_exchange_count,
    sum(a.total_tokens) as total_tokens
from marts.fct_campaign_activity_days as a
left join members as m on a.activity_date = m.activity_date
where a.campaign_id = :campaign_id and a.activity_date <= :as_of_date
group by a.activity_date
order by a.activity_date desc
