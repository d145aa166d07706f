-- Data quality of the day: rows received, expectations evaluated, feeds in use.
with

received as (

    select
        count(*) as delivery_count,
        count(distinct source_id) as source_count,
        sum(file_count) as file_count,
        sum(byte_count) as size_bytes,
        sum(read_count) as read_count,
        sum(accepted_count) as accepted_count,
        sum(duplicate_count) as duplicate_count,
        sum(quarantined_count) as quarantined_count,
        sum(refused_file_count) as refused_file_count,
        count(case when read_count <> accepted_count + duplicate_count + quarantined_count then 1 end)
            as unbalanced_count
    from marts.rpt_ingestion
    where delivered_date = :as_of_date

),

earlier as (

    select count(distinct source_id || '/' || kind) as missing_count
    from marts.rpt_ingestion as e
    where e.delivered_date < :as_of_date
        and e.delivered_date >= :period_from
        and not exists (
            select 1 from marts.rpt_ingestion as n
            where n.delivered_date = :as_of_date and n.source_id = e.source_id and n.kind = e.kind
        )

),

checks as (

    select
        count(*) as expectation_count,
        count(distinct suite) as suite_count,
        count(case when result = 'passed' then 1 end) as passed_count,
        count(case when result = 'failed' and severity = 'warning' then 1 end) as warning_count,
        count(case when result = 'failed' and severity = 'critical' then 1 end) as critical_count
    from marts.rpt_data_quality
    where run_date = :as_of_date

),

feeds as (

    select
        count(*) as feed_count,
        count(case when state = 'current' then 1 end) as current_feed_count,
        count(case when state = 'last_good' then 1 end) as old_feed_count,
        count(case when state = 'missing' then 1 end) as missing_feed_count
    from marts.rpt_feeds

)

select
    r.delivery_count,
    r.source_count,
    coalesce(r.file_count, 0) as file_count,
    coalesce(r.size_bytes, 0) as size_bytes,
    coalesce(r.read_count, 0) as read_count,
    coalesce(r.accepted_count, 0) as accepted_count,
    coalesce(r.duplicate_count, 0) as duplicate_count,
    coalesce(r.quarantined_count, 0) as quarantined_count,
    coalesce(r.refused_file_count, 0) as refused_file_count,
    r.quarantined_count / nullif(r.read_count, 0) as quarantined_ratio,
    r.unbalanced_count,
    e.missing_count,
    c.expectation_count,
    c.suite_count,
    c.passed_count,
    c.warning_count,
    c.critical_count,
    f.feed_count,
    f.current_feed_count,
    f.old_feed_count,
    f.missing_feed_count
from received as r
cross join earlier as e
cross join checks as c
cross join feeds as f
