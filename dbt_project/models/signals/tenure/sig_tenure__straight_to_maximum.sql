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
        accounts.created_at

    from windows
    inner join accounts on windows.account_key = accounts.account_key

)

{{ signal_rows('joined', 'tenure__straight_to_maximum', 'tenure',
    "case when created_at is null then null when first_event_at < created_at + interval '14' day then round(exchange_count * 1.0 / active_day_count, 2) else 0 end",
    'exchange_count',
    stratum="'all'") }}
