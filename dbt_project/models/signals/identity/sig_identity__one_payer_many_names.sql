with

windows as (

    select * from {{ ref('int_account_windows') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

reference as (

    select * from {{ ref('int_reference_accounts') }}

),

payers as (

    select
        w.account_key,
        a.payment_token,
        a.email_domain,
        a.organization_id

    from windows as w
    inner join accounts as a on w.account_key = a.account_key
    where a.payment_token is not null and a.email_domain is not null

),

established as (

    select count(*) as account_count from reference

),

provider_domains as (

    -- a domain that enough established accounts have is a mail provider's, not that of one company or school
    select a.email_domain
    from accounts as a
    inner join reference as r on a.account_key = r.account_key
    cross join established as n
    group by a.email_domain
    having count(*) > {{ var('tie_established_ratio_maximum') }} * max(n.account_count)

),

named as (

    select
        p.account_key,
        p.payment_token,
        p.organization_id is null and d.email_domain is not null as is_private

    from payers as p
    left join provider_domains as d on p.email_domain = d.email_domain

),

counted as (

    select
        account_key,
        case
            when is_private then count(case when is_private then 1 end) over (partition by payment_token) - 1
            else 0
        end as other_name_count

    from named

)

{{ signal_rows('counted', 'identity__one_payer_many_names', 'identity',
    "other_name_count",
    '1',
    stratum="'all'",
    minimum_exposure=1) }}
