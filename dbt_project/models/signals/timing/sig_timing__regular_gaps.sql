with

windows as (

    select * from {{ ref('int_account_windows') }}

)

{{ signal_rows('windows', 'timing__regular_gaps', 'timing',
    "round(- sqrt(greatest(gap_seconds_square_sum * 1.0 / gap_count - (gap_seconds_sum * 1.0 / gap_count) * (gap_seconds_sum * 1.0 / gap_count), 0)) / greatest(gap_seconds_sum * 1.0 / gap_count, 1), 4)",
    'gap_count',
    minimum_exposure=20) }}
