-- Question: Which capabilities do campaigns draw on, and how much of that is estimated extraction?
-- Reader: model teams and leadership.
-- How to read it: one row per campaign and capability. The campaign's whole use is counted, camouflage
-- included; `extraction_exchange_count` is the part that looks like extraction. Null where a source
-- carries no text.
select
    campaign_id,
    capability_code,
    sum(exchange_count) as exchange_count,
    sum(extraction_exchange_count) as extraction_exchange_count,
    round(sum(exchange_count) / sum(sum(exchange_count)) over (partition by campaign_id), 4)
        as exchange_ratio

from marts.fct_campaign_activity_days
group by campaign_id, capability_code
order by campaign_id, exchange_count desc, capability_code
