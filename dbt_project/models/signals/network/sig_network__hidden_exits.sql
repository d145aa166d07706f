with

windows as (

    select * from {{ ref('int_account_windows') }}

)

{{ signal_rows('windows', 'network__hidden_exits', 'network',
    "round(hidden_exit_count * 1.0 / network_known_count, 4)",
    'network_known_count') }}
