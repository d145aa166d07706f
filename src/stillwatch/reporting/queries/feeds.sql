-- Threat feeds in use at the end of the day.
-- key: feed_id
select
    feed_id,
    state,
    version,
    age_days,
    entry_count,
    used_count,
    refused_count,
    marking,
    licence,
    permitted_use,
    source_reliability
from marts.rpt_feeds
order by feed_id
