-- Question: Which reports exist, in which state, approved by whom?
-- Reader: compliance.
-- How to read it: one row per version. `snapshot_id` names the published state that the report's
-- figures come from: `stillwatch query --snapshot <id>` asks exactly that one.
select
    report_id,
    version,
    document,
    subject_id,
    period_from,
    period_until,
    state,
    marking,
    approved_by,
    approved_at,
    released_at,
    snapshot_id,
    supersedes

from marts.fct_reports
order by period_until desc, report_id, version
