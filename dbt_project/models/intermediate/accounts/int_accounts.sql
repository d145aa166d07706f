with

snapshots as (

    select * from {{ ref('stg_accounts') }}

),

account_days as (

    select * from {{ ref('int_account_days__delivered') }}
    where delivered_date <= {{ run_date() }}

),

allowlist as (

    select * from {{ ref('stg_allowlist') }}
    where valid_from < {{ run_end() }} and valid_until >= {{ run_end() }}

),

numbered_snapshots as (

    select
        *,
        row_number() over (partition by account_key order by snapshot_date desc, source_id) as recency

    from snapshots

),

latest_snapshots as (

    select * from numbered_snapshots
    where recency = 1

),

used as (

    select
        account_key,
        min(platform) as platform,
        min(account_id) as account_id,
        max(organization_id) as organization_id,
        min(first_event_at) as first_seen_at,
        max(last_event_at) as last_seen_at

    from account_days
    group by account_key

),

joined as (

    -- one row per account on each side
    select
        coalesce(s.account_key, u.account_key) as account_key,
        coalesce(s.platform, u.platform) as platform,
        coalesce(s.account_id, u.account_id) as account_id,
        coalesce(s.organization_id, u.organization_id) as organization_id,
        s.account_key is not null as has_registry_row,
        s.created_at,
        s.status,
        s.closed_at,
        s.banned_at,
        s.email_domain,
        s.email_grammar,
        s.payment_token,
        s.payment_bin,
        s.payment_type,
        s.billing_country,
        s.signup_ip_hex,
        s.signup_user_agent_family,
        s.signup_ja4,
        s.signup_country,
        s.signup_path,
        s.plan,
        s.kyc_level,
        u.first_seen_at,
        u.last_seen_at

    from latest_snapshots as s
    full outer join used as u on s.account_key = u.account_key

),

allowed as (

    -- several entries may name one account: the first reason in alphabetical order is shown
    select
        j.account_key,
        min(a.reason) as allowlist_reason

    from joined as j
    inner join allowlist as a
        on (a.scope = 'account' and (a.value = j.account_id or a.value = j.platform || ':' || j.account_id))
        or (a.scope = 'organization' and a.value = j.organization_id)
    group by j.account_key

),

judged as (

    select
        j.*,
        coalesce(j.kyc_level = 'document', false) as is_verified,
        a.account_key is not null as is_allowlisted,
        a.allowlist_reason,
        coalesce(j.status, 'active') = 'active' and j.banned_at is null and a.account_key is null as is_in_good_standing,
        -- where no registry was delivered, an account is as old as its first use that was
        {{ days_between('cast(coalesce(j.created_at, j.first_seen_at) as date)', run_date()) }} as tenure_days

    from joined as j
    left join allowed as a on j.account_key = a.account_key

)

select
    *,
    coalesce(tenure_days >= {{ var('established_tenure_days') | int }}, false) and is_in_good_standing as is_established

from judged
