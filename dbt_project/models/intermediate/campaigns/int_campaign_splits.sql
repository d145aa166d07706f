with

decisions as (

    -- the rows of one campaign, time and person are one split
    select
        campaign_id,
        target,
        decided_at,
        'SW-' || upper(substr(md5(
            campaign_id || '|' || actor || '|'
            || cast({{ seconds_between("cast('1970-01-01 00:00:00+00' as timestamptz)", 'decided_at') }} as varchar)
        ), 1, 8)) as split_campaign_id

    from {{ ref('int_campaign_decisions') }}
    where kind = 'split'

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

identifiers as (

    select * from {{ ref('int_account_identifiers') }}

),

named as (

    select
        d.campaign_id,
        d.split_campaign_id,
        d.decided_at,
        a.account_key

    from decisions as d
    inner join accounts as a
        on d.target = a.account_key or d.target = a.account_id or d.target = a.platform || ':' || a.account_id
    union all
    select
        d.campaign_id,
        d.split_campaign_id,
        d.decided_at,
        i.account_key

    from decisions as d
    inner join identifiers as i on d.target = i.identifier_value or d.target = i.group_id

),

numbered as (

    select
        *,
        row_number() over (partition by account_key order by decided_at desc, split_campaign_id) as recency

    from named

)

select
    account_key,
    campaign_id,
    split_campaign_id

from numbered
where recency = 1
