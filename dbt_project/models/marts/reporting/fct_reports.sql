with

reports as (

    select * from {{ ref('stg_reports') }}

)

select
    report_id,
    version,
    kind,
    audience,
    document,
    subject_id,
    period_from,
    period_until,
    marking,
    state,
    sha256,
    snapshot_id,
    approved_by,
    approved_at,
    comment,
    released_at,
    supersedes

from reports
