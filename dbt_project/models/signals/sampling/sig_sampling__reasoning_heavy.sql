with

windows as (

    select * from {{ ref('int_account_windows') }}

)

{{ signal_rows('windows', 'sampling__reasoning_heavy', 'sampling',
    "case when output_tokens > 0 and reasoning_known_count > 0 then round(reasoning_tokens * 1.0 / output_tokens, 4) end",
    'ok_count') }}
