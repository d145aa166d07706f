with

windows as (

    select * from {{ ref('int_account_windows') }}

)

{{ signal_rows('windows', 'grader__rubric_prompts', 'grader',
    "technique_rubric_grading_count",
    'text_count') }}
