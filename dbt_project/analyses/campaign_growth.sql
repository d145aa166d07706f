-- Question: How has each campaign grown since it was first flagged, and what leaked before that?
-- Reader: the response team; whoever asks how fast we were.
-- How to read it: one row per campaign and day. `exchanges_before_first_flag` is what had happened
-- when the campaign was flagged for the first time: the lower, the earlier it was found.
select
    campaign_id,
    as_of_date,
    status,
    account_count,
    new_account_count,
    lost_account_count,
    day_exchange_count,
    exchange_count,
    exchanges_since_first_flag,
    exchange_count - exchanges_since_first_flag as exchanges_before_first_flag

from marts.fct_campaign_days
order by campaign_id, as_of_date
