-- Expectation suites of the day.
-- key: gate, suite
select
    gate,
    suite,
    count(*) as expectation_count,
    count(case when result = 'passed' then 1 end) as passed_count,
    count(case when result = 'failed' and severity = 'warning' then 1 end) as warning_count,
    count(case when result = 'failed' and severity = 'critical' then 1 end) as critical_count,
    max(evaluated_row_count) as evaluated_row_count
from marts.rpt_data_quality
where run_date = :as_of_date
group by gate, suite
order by gate desc, suite
