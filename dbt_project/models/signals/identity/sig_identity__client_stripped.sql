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

),

logging_platforms as (

    -- where no exchange of a platform carries a user agent, its logs have none, and nobody hides one
    select platform
    from joined
    group by platform
    having sum(user_agent_known_count) > 0

),

comparable as (

    select joined.*
    from joined
    inner join logging_platforms on joined.platform = logging_platforms.platform

)

{{ signal_rows('comparable', 'identity__client_stripped', 'identity',
    "round(1 - user_agent_known_count * 1.0 / exchange_count, 4)",
    'exchange_count',
    stratum="platform") }}
