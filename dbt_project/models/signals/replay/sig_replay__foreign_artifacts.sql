with

windows as (

    select * from {{ ref('int_account_windows') }}

)

{{ signal_rows('windows', 'replay__foreign_artifacts', 'replay',
    "replay_count",
    'artifact_known_count') }}
