-- Question: Is every delivered row accounted for?
-- Reader: auditors; whoever signs the methodology annex.
-- How to read it: one row per source, kind and delivery day. `unaccounted_count` is always 0:
-- read = accepted + duplicate + quarantined. A day without files has file_count 0, which is not the
-- same as a day with empty files.
select
    delivered_date,
    source_id,
    kind,
    file_count,
    refused_file_count,
    duplicate_file_count,
    read_count,
    accepted_count,
    duplicate_count,
    quarantined_count,
    read_count - accepted_count - duplicate_count - quarantined_count as unaccounted_count,
    quarantined_by_reason

from marts.rpt_ingestion
order by delivered_date desc, source_id, kind
