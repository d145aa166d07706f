-- Question: Which campaigns are suspected now, how sure are we, and how large are they?
-- Reader: anyone who opens the warehouse for the first time; the morning review.
-- How to read it: one row per campaign. `likelihood_term` is how likely it is that this is a campaign
-- at all; `confidence_level` is how good the data behind that judgement are. `attempted_count` holds
-- what did not succeed. Everything is suspected until a person decides (`status`).
select
    campaign_id,
    status,
    likelihood_term,
    confidence_level,
    severity,
    account_count,
    exchange_count,
    attempted_count,
    main_capability_code,
    first_seen_at,
    last_seen_at

from marts.dim_campaigns
order by campaign_probability desc, exchange_count desc, campaign_id
