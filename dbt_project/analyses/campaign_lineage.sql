-- Question: What has happened to campaigns: born, grown, split, merged, come back after a ban?
-- Reader: analysts who follow a campaign over time.
-- How to read it: one row per event. An id never changes its meaning; a split or merger names the
-- other campaign in `related_campaign_id`.
select
    event_at,
    event,
    campaign_id,
    related_campaign_id,
    overlap

from marts.fct_campaign_lineage
order by event_at, campaign_id, event
