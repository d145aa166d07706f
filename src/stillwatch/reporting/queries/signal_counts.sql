-- On how many members of one campaign each signal speaks.
-- key: signal_code
select
    s.signal_code,
    count(case when s.log10_likelihood_ratio > 0 then 1 end) as raised_count
from marts.fct_account_signals as s
inner join marts.bridge_campaign_accounts as b
    on s.account_key = b.account_key and b.campaign_id = :campaign_id
where s.as_of_date = :as_of_date
group by s.signal_code
order by s.signal_code
