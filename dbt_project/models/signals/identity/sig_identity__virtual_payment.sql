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
        accounts.payment_type

    from windows
    inner join accounts on windows.account_key = accounts.account_key

)

{{ signal_rows('joined', 'identity__virtual_payment', 'identity',
    "case when payment_type in ('virtual_card', 'prepaid') then 1 when payment_type is not null then 0 end",
    '1',
    stratum="'all'",
    minimum_exposure=1) }}
