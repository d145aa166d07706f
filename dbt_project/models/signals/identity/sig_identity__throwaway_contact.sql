with

windows as (

    select * from {{ ref('int_account_windows') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

indicators as (

    select * from {{ ref('stg_indicators') }}
    where indicator_type in ('domain', 'email_domain')
        and valid_from < {{ run_end() }} and valid_until >= {{ run_end() }}
        and {{ list_has('labels', "'disposable_email'") }}

),

disposable_domains as (

    select distinct match_value as email_domain from indicators

),

joined as (

    select
        windows.account_key,
        windows.exchange_count,
        windows.volume_band,
        case when disposable_domains.email_domain is not null then 1 else 0 end as is_disposable

    from windows
    inner join accounts on windows.account_key = accounts.account_key
    left join disposable_domains on accounts.email_domain = disposable_domains.email_domain
    where accounts.email_domain is not null

)

{{ signal_rows('joined', 'identity__throwaway_contact', 'identity',
    "is_disposable",
    '1',
    stratum="'all'",
    minimum_exposure=1) }}
