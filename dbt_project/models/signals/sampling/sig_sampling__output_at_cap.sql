with

windows as (

    select * from {{ ref('int_account_windows') }}

)

{{ signal_rows('windows', 'sampling__output_at_cap', 'sampling',
    "case when output_known_count > 0 then round(output_at_cap_count * 1.0 / max_tokens_known_count, 4) end",
    'max_tokens_known_count') }}
