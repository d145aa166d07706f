with

accounts as (

    select * from {{ ref('int_accounts') }}

)

select
    account_key,
    platform,
    account_id,
    organization_id,
    created_at,
    status,
    closed_at,
    banned_at,
    signup_path,
    payment_type,
    billing_country,
    email_domain,
    plan,
    kyc_level,
    is_verified,
    is_allowlisted,
    allowlist_reason,
    first_seen_at,
    last_seen_at

from accounts
