-- Question: Which data-quality checks failed, and what does that do to our confidence?
-- Reader: everyone, before quoting a figure.
-- How to read it: one row per failed check; none is good. A critical failure stops publishing, so
-- what stands here are warnings of published days, and what they mean for the figures.
select
    run_date,
    gate,
    suite,
    expectation,
    column_name,
    severity,
    observed,
    bound,
    confidence_effect

from marts.rpt_data_quality
where result = 'failed'
order by run_date desc, gate, suite, expectation, column_name
