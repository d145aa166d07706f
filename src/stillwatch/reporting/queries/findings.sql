-- Expectations that failed on the day.
-- key: gate, suite, expectation, ordinal
select
    gate,
    suite,
    expectation,
    row_number() over (
        partition by gate, suite, expectation order by column_name, severity, observed, bound
    ) as ordinal,
    column_name,
    severity,
    observed,
    bound,
    unexpected_count,
    confidence_effect
from marts.rpt_data_quality
where run_date = :as_of_date and result = 'failed'
order by severity, gate desc, suite, expectation, ordinal
