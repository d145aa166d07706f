with

windows as (

    select * from {{ ref('int_account_windows') }}

)

{{ signal_rows('windows', 'arbitrage__another_model_after_refusal', 'arbitrage',
    "round(after_refusal_switch_count * 1.0 / after_refusal_count - coalesce(after_answer_switch_count * 1.0 / nullif(after_answer_count, 0), 0), 4)",
    'after_refusal_count') }}
