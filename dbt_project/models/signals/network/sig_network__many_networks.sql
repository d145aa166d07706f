with

windows as (

    select * from {{ ref('int_account_windows') }}

)

{{ signal_rows('windows', 'network__many_networks', 'network',
    "busiest_network_count",
    'ip_known_count') }}
