with

windows as (

    select * from {{ ref('int_account_windows') }}

)

{{ signal_rows('windows', 'pivot__within_a_day', 'pivot',
    "round(release_adopted_count * 1.0 / release_window_count, 4)",
    'release_window_count',
    minimum_exposure=4) }}
