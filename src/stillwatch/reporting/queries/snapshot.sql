-- Which snapshot this is, and how many signal versions were in force.
select
    i.snapshot_id,
    i.as_of_date,
    i.fingerprint,
    (select count(*) from (select distinct signal_code, signal_version from marts.fct_account_signals)) as signal_count,
    (
        select string_agg(signal_code || '@' || signal_version, ',' order by signal_code, signal_version)
        from (select distinct signal_code, signal_version from marts.fct_account_signals)
    ) as signal_versions
from marts.snapshot_info as i
