with

windows as (

    select * from {{ ref('int_account_windows') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

joined as (

    select
        windows.*,
        accounts.platform

    from windows
    inner join accounts on windows.account_key = accounts.account_key

)

{{ signal_rows('joined', 'identity__client_stripped', 'identity',
    "round(1 - user_agent_known_count * 1.0 / exchange_count, 4)",
    'exchange_count',
    stratum="platform") }}
