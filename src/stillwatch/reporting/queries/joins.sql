-- Pairs of parts of one campaign that no shared text connects, and what they have in common.
-- key: pair
select
    account_key || '-' || other_account_key as pair,
    account_key,
    other_account_key,
    account_count,
    other_account_count,
    neighbour_count,
    other_neighbour_count,
    shared_exit_count,
    shared_registration_count
from marts.fct_campaign_joins
where campaign_id = :campaign_id and as_of_date = :as_of_date
order by account_count + other_account_count desc, account_key, other_account_key
limit 12
