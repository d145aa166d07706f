-- Question: Did a campaign turn to a model within two days of its release?
-- Reader: model teams; the fourth inference factor of a regulator notice.
-- How to read it: one row per campaign and release. Compare the exchanges of the two days from the
-- release with those of the two days before it. Honest customers try new models, too: only a jump far
-- above that of other customers says something.
select
    d.campaign_id,
    r.model,
    r.platform,
    r.released_at,
    sum(case when d.activity_date < cast(r.released_at as date) then d.exchange_count else 0 end)
        as exchange_count_before,
    sum(case when d.activity_date >= cast(r.released_at as date) then d.exchange_count else 0 end)
        as exchange_count_after

from marts.dim_model_releases as r
inner join marts.fct_campaign_activity_days as d
    on d.platform = r.platform
    and d.activity_date >= cast(r.released_at as date) - interval 2 day
    and d.activity_date < cast(r.released_at as date) + interval 2 day
where cast(r.released_at as date) <= (select max(seen.activity_date) from marts.fct_campaign_activity_days as seen)
group by d.campaign_id, r.model, r.platform, r.released_at
order by r.released_at, d.campaign_id
