-- Detection rules in force on the day, and how often each spoke.
-- key: signal_code, signal_version
-- unit: largest_log10=log10
select
    signal_code,
    signal_version,
    any_value(family) as family,
    count(case when log10_likelihood_ratio > 0 then 1 end) as raised_count,
    max(log10_likelihood_ratio) as largest_log10
from marts.fct_account_signals
where as_of_date = :as_of_date
group by signal_code, signal_version
order by family, signal_code, signal_version
