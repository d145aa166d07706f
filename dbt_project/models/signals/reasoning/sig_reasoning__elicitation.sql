with

windows as (

    select * from {{ ref('int_account_windows') }}

)

{{ signal_rows('windows', 'reasoning__elicitation', 'reasoning',
    "technique_reasoning_elicitation_count",
    'text_count') }}
