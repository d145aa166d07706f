-- The accounts that the day's judgements were made among.
select
    count(*) as account_count,
    count(case when is_allowlisted then 1 end) as allowlisted_count,
    count(case when is_verified then 1 end) as verified_count,
    (select count(*) from marts.fct_account_scores where as_of_date = :as_of_date) as scored_count,
    (
        select count(*) from marts.fct_account_scores
        where as_of_date = :as_of_date and campaign_id is not null
    ) as flagged_count,
    (select count(distinct as_of_date) from marts.fct_account_scores) as processed_day_count
from marts.dim_accounts
