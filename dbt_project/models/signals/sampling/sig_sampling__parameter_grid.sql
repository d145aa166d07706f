with

windows as (

    select * from {{ ref('int_account_windows') }}

)

{{ signal_rows('windows', 'sampling__parameter_grid', 'sampling',
    "case when sampling_grid_size >= 4 then sampling_grid_size else 1 end",
    'setting_known_count') }}
