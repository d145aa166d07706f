with

windows as (

    select * from {{ ref('int_account_windows') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

identifiers as (

    select * from {{ ref('int_account_identifiers') }}

),

types as (

    select * from {{ ref('group_types') }}

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

    select
        {{ days_between('min(activity_date)', run_date()) }} + 1 as day_count,
        {{ days_between('min(activity_date)', run_date()) }} + 1 - {{ var('established_recent_days') | int }} as earlier_day_count,
        cast(floor(({{ days_between('min(activity_date)', run_date()) }} + 1) / 2) as integer) as half_day_count

    from account_days

),

aged as (

    select
        d.account_key,
        d.exchange_count,
        {{ days_between('d.activity_date', run_date()) }} as age_days,
        h.day_count,
        h.earlier_day_count,
        h.half_day_count

    from account_days as d
    cross join history as h

),

loads as (

    -- per day, of the last days and of those before, and of the two halves of the window
    select
        account_key,
        max(day_count) as day_count,
        max(earlier_day_count) as earlier_day_count,
        sum(case when age_days < {{ var('established_recent_days') | int }} then exchange_count else 0 end)
        * 1.0 / {{ var('established_recent_days') | int }} as recent_load,
        sum(case when age_days >= {{ var('established_recent_days') | int }} then exchange_count else 0 end)
        * 1.0 / greatest(1, max(earlier_day_count)) as earlier_load,
        sum(case when age_days < half_day_count then exchange_count else 0 end)
        * 1.0 / greatest(1, max(half_day_count)) as second_half_load,
        sum(case when age_days >= half_day_count then exchange_count else 0 end)
        * 1.0 / greatest(1, max(day_count - half_day_count)) as first_half_load

    from aged
    group by account_key

),

grown as (

    -- An old account that was bought or left alone until now has no good standing to lend, nor has one that grows
    -- day by day: so a campaign would raise the baselines before it is measured against them.
    select account_key
    from loads
    where (
        earlier_day_count > 0
        and recent_load > {{ var('established_load_growth_maximum') }} * (1.0 + earlier_load)
    )
    or (
        day_count >= {{ var('established_trend_days') | int }}
        and second_half_load > {{ var('established_trend_maximum') }} * (1.0 + first_half_load)
    )

),

in_good_standing as (

    select
        w.account_key,
        a.is_established

    from windows as w
    inner join accounts as a on w.account_key = a.account_key
    left join suspected as s on w.account_key = s.account_key
    left join grown as g on w.account_key = g.account_key
    where a.is_in_good_standing and s.account_key is null and g.account_key is null

),

established as (

    select count(*) as established_count
    from in_good_standing
    where is_established

),

prompt_sharers as (

    -- whatever they are, no single customers: campaigns, classes, companies. A tool's system prompt ties nobody.
    select distinct i.account_key
    from identifiers as i
    inner join windows as w on i.account_key = w.account_key
    inner join types as t on i.identifier_type = t.identifier_type
    where t.is_text
        and i.identifier_type <> 'system_fp'
        and i.exchange_count >= 2
        and i.exchange_count >= {{ var('reference_shared_prompt_ratio') }} * w.exchange_count

)

-- A platform that is new, or that delivers no registry, has nobody of whom tenure is known. Everybody in good standing
-- then tells how common a value is, which makes campaigns look more ordinary than they are: it errs towards innocence. How people
-- behave is measured on single customers: accounts that ask nothing in common with others.
select
    g.account_key,
    g.is_established or p.account_key is null as is_baseline,
    not g.is_established as is_stand_in

from in_good_standing as g
cross join established as e
left join prompt_sharers as p on g.account_key = p.account_key
where g.is_established or e.established_count < {{ var('reference_accounts_minimum') | int }}
