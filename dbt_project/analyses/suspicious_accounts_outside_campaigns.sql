-- Question: Which accounts look suspicious on their own but belong to no campaign?
-- Reader: analysts looking for what the groups have missed.
-- How to read it: the 100 highest of the newest day. Suspicion without a campaign is weak: a lone
-- researcher or a busy customer looks like this. Check the allow-list column first.
select
    s.account_key,
    a.platform,
    a.account_id,
    s.suspicion_probability,
    s.own_log10_odds,
    s.cluster_log10_odds,
    a.is_allowlisted,
    a.allowlist_reason

from marts.fct_account_scores as s
inner join marts.dim_accounts as a on s.account_key = a.account_key
where s.campaign_id is null
    and s.as_of_date = (select max(latest.as_of_date) from marts.fct_account_scores as latest)
order by s.suspicion_probability desc, s.account_key
limit 100
