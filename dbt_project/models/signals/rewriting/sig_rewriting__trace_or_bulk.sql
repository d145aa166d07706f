with

windows as (

    select * from {{ ref('int_account_windows') }}

)

{{ signal_rows('windows', 'rewriting__trace_or_bulk', 'rewriting',
    "technique_trace_cleaning_count + technique_censorship_safe_rewriting_count + technique_bulk_instruction_count",
    'text_count') }}
