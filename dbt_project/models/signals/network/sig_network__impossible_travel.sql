with

windows as (

    select * from {{ ref('int_account_windows') }}

)

{{ signal_rows('windows', 'network__impossible_travel', 'network',
    "round(country_move_count * 1.0 / country_pair_count, 4)",
    'country_pair_count') }}
