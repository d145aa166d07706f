-- Each source and kind on the day: read = accepted + duplicate + quarantined.
-- key: source_id, kind
select
    source_id,
    kind,
    file_count,
    byte_count as size_bytes,
    read_count,
    accepted_count,
    duplicate_count,
    quarantined_count,
    refused_file_count,
    read_count - accepted_count - duplicate_count - quarantined_count as difference_count
from marts.rpt_ingestion
where delivered_date = :as_of_date
order by kind desc, source_id
