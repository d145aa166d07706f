with

nodes as (

    select * from {{ ref('int_campaign_nodes') }}
    where as_of_date = {{ run_date() }}

),

account_nodes as (

    select
        campaign_id,
        node_key as account_key

    from nodes
    where node_type = 'account'

),

fingerprints as (

    select distinct
        campaign_id,
        identifier_type,
        identifier_value

    from nodes
    where node_type = 'fingerprint'

),

identifier_days as (

    select * from {{ ref('int_identifier_days') }}
    where delivered_date <= {{ run_date() }}

),

per_type as (

    -- Prefixes and suffixes of one type are exclusive, so their counts add up. An exchange has many bands,
    -- so of those only the commonest one counts.
    select
        a.campaign_id,
        d.account_key,
        d.activity_date,
        d.capability_code,
        d.identifier_type,
        case
            when d.identifier_type in ('minhash_band', 'artifact') then max(d.exchange_count)
            else sum(d.exchange_count)
        end as exchange_count

    from identifier_days as d
    inner join account_nodes as a on d.account_key = a.account_key
    inner join fingerprints as f
        on a.campaign_id = f.campaign_id
        and d.identifier_type = f.identifier_type and d.identifier_value = f.identifier_value
    group by a.campaign_id, d.account_key, d.activity_date, d.capability_code, d.identifier_type

)

select
    campaign_id,
    account_key,
    activity_date,
    capability_code,
    max(exchange_count) as extraction_exchange_count

from per_type
group by campaign_id, account_key, activity_date, capability_code
