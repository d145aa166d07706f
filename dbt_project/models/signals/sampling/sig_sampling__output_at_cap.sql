with

windows as (

    select * from {{ ref('int_account_windows') }}

)

{{ signal_rows('windows', 'sampling__output_at_cap', 'sampling',
    "round(output_at_cap_count * 1.0 / max_tokens_known_count, 4)",
    'max_tokens_known_count') }}
