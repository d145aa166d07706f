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

identifiers as (

    select * from {{ ref('int_account_identifiers') }}

),

frequencies as (

    select * from {{ ref('int_value_frequencies') }}
    where established_ratio <= {{ var('template_established_ratio_maximum') }} or established_holder_count = 0

),

identifier_days as (

    select * from {{ ref('int_identifier_days') }}
    where delivered_date <= {{ run_date() }} and {{ in_evidence_window('activity_date') }}

),

block_days as (

    select
        account_key,
        cast(banned_at as date) as blocked_date

    from accounts
    where banned_at < {{ run_end() }}
    union all
    -- a day on which most was blocked; a stray refusal of a key is none. Who came on that day may have come before it.
    select
        account_key,
        cast(activity_date + interval '1' day as date) as blocked_date

    from account_days
    group by account_key, activity_date
    having sum(blocked_count) * 2 >= sum(exchange_count) and sum(exchange_count) >= {{ var('minimum_exposure_count') | int }}

),

blocked as (

    select
        account_key,
        min(blocked_date) as blocked_date

    from block_days
    where {{ in_evidence_window('blocked_date') }}
    group by account_key

),

held as (

    -- rare values that a blocked account holds, with everybody who holds them
    select
        i.account_key,
        i.identifier_type,
        i.identifier_value,
        i.group_id

    from identifiers as i
    inner join frequencies as f on i.group_id = f.group_id
    where i.group_id in (
        select lost.group_id
        from identifiers as lost
        inner join blocked on lost.account_key = blocked.account_key
    )

),

first_uses as (

    select
        h.account_key,
        h.group_id,
        min(d.activity_date) as first_date

    from held as h
    inner join identifier_days as d
        on h.account_key = d.account_key and h.identifier_type = d.identifier_type and h.identifier_value = d.identifier_value
    group by h.account_key, h.group_id
    union all
    select
        h.account_key,
        h.group_id,
        cast(a.created_at as date) as first_date

    from held as h
    inner join accounts as a on h.account_key = a.account_key
    where h.identifier_type in ('payment_instrument', 'payment_bin_and_email_grammar', 'email_domain_and_grammar', 'signup_client_and_bin')

),

holders_by_day as (

    -- a value may have many holders: they are counted before they meet those who came after them
    select
        f.group_id,
        f.first_date,
        b.blocked_date,
        count(*) as holder_count

    from first_uses as f
    left join blocked as b on f.account_key = b.account_key
    group by f.group_id, f.first_date, b.blocked_date

),

succeeded as (

    -- Who was first used after a block and began with a value of the blocked within two days of it. A value that most
    -- earlier holders still have is a phrase of many, of whom one was blocked; what one or two had is often chance.
    select
        later.account_key,
        later.group_id,
        sum(case when cast(a.first_seen_at as date) >= earlier.blocked_date
            and later.first_date between earlier.blocked_date and earlier.blocked_date + interval '2' day
            then earlier.holder_count else 0 end) as blocked_holder_count

    from first_uses as later
    inner join accounts as a on later.account_key = a.account_key
    inner join holders_by_day as earlier on later.group_id = earlier.group_id and earlier.first_date < later.first_date
    where a.first_seen_at >= {{ run_date() }} - interval '{{ var("evidence_window_days") | int }}' day
    group by later.account_key, later.group_id
    having sum(case when earlier.blocked_date is not null then earlier.holder_count else 0 end) * 2 >= sum(earlier.holder_count)
        and sum(case when earlier.blocked_date is not null then earlier.holder_count else 0 end) >= {{ var('group_members_minimum') | int }}

),

per_account as (

    select
        account_key,
        max(blocked_holder_count) as blocked_holder_count

    from succeeded
    group by account_key

),

joined as (

    select
        w.account_key,
        w.exchange_count,
        w.volume_band,
        coalesce(p.blocked_holder_count, 0) as blocked_holder_count

    from windows as w
    left join per_account as p on w.account_key = p.account_key
    where exists (select 1 from blocked)

)

{{ signal_rows('joined', 'failover__after_a_block', 'failover',
    "blocked_holder_count",
    'exchange_count') }}
