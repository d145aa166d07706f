-- Rows set aside on the day, by source and reason.
-- key: source_id, kind, reason
select
    i.source_id,
    i.kind,
    r.reason,
    cast(json_extract(i.quarantined_by_reason, '$."' || r.reason || '"') as bigint) as row_count
from marts.rpt_ingestion as i
cross join unnest(json_keys(i.quarantined_by_reason)) as r(reason)
where i.delivered_date = :as_of_date
    and i.quarantined_by_reason is not null
    and cast(json_extract(i.quarantined_by_reason, '$."' || r.reason || '"') as bigint) > 0
order by row_count desc, i.source_id, i.kind, r.reason
