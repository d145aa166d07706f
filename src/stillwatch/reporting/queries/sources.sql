-- Each source over all days delivered up to the day.
-- key: source_id, kind
select
    source_id,
    kind,
    count(distinct delivered_date) as day_count,
    sum(read_count) as read_count,
    sum(accepted_count) as accepted_count,
    sum(duplicate_count) as duplicate_count,
    sum(quarantined_count) as quarantined_count
from marts.rpt_ingestion
where delivered_date <= :as_of_date
group by source_id, kind
order by kind desc, source_id
