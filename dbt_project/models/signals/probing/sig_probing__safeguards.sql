with

windows as (

    select * from {{ ref('int_account_windows') }}

)

{{ signal_rows('windows', 'probing__safeguards', 'probing',
    "technique_jailbreak_count + technique_model_identity_probe_count + technique_quality_probe_count",
    'text_count') }}
