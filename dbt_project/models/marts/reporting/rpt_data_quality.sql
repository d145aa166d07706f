with

results as (

    select * from {{ ref('stg_quality_results') }}

)

select
    run_date,
    gate,
    suite,
    expectation,
    column_name,
    case when success then 'passed' else 'failed' end as result,
    severity,
    observed,
    bound,
    evaluated_row_count,
    unexpected_count,
    confidence_effect

from results
