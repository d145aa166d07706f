-- Question: How old are the threat feeds in use, and may their rows leave the house?
-- Reader: whoever prepares a peer edition.
-- How to read it: one row per feed. `last_good` says that the newest pull was refused by the sanity
-- gate and an older one is used; `missing` says that there has never been a good one.
select
    feed_id,
    state,
    version,
    age_days,
    entry_count,
    used_count,
    refused_count,
    marking,
    permitted_use,
    licence,
    source_reliability

from marts.rpt_feeds
order by state desc, feed_id
