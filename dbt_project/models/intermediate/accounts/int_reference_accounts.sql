with

windows as (

    select * from {{ ref('int_account_windows') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

account_days as (

    select * from {{ ref('int_account_days__delivered') }}
    where delivered_date <= {{ run_date() }} and {{ in_evidence_window('activity_date') }}

),

suspected_accounts as (

    select * from {{ ref('stg_suspected_accounts') }}

),

decisions as (

    select * from {{ ref('stg_decisions') }}
    where subject_type = 'campaign' and decision = 'dismiss' and (expires_at is null or expires_at >= {{ run_end() }})

),

suspected as (

    select distinct s.account_key
    from suspected_accounts as s
    left join decisions as d on s.campaign_id = d.subject_id
    where d.subject_id is null

),

history as (

    select {{ days_between('min(activity_date)', run_date()) }} + 1 - {{ var('established_recent_days') | int }} as earlier_day_count
    from account_days

),

loads as (

    select
        account_key,
        sum(case when activity_date > {{ run_date() }} - interval '{{ var("established_recent_days") | int }}' day then exchange_count else 0 end) as recent_count,
        sum(case when activity_date > {{ run_date() }} - interval '{{ var("established_recent_days") | int }}' day then 0 else exchange_count end) as earlier_count

    from account_days
    group by account_key

),

grown as (

    -- An old account that was bought or left alone until now has no good standing to lend.
    select l.account_key
    from loads as l
    cross join history as h
    where h.earlier_day_count > 0
        and l.recent_count * 1.0 / {{ var('established_recent_days') | int }}
        > {{ var('established_load_growth_maximum') }} * (1.0 + l.earlier_count * 1.0 / h.earlier_day_count)

)

select w.account_key
from windows as w
inner join accounts as a on w.account_key = a.account_key
left join suspected as s on w.account_key = s.account_key
left join grown as g on w.account_key = g.account_key
where a.is_established and s.account_key is null and g.account_key is null
