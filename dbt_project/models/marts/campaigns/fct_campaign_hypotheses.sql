{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date', on_schema_change='fail') }}

with

members as (

    select * from {{ ref('int_campaign_nodes') }}
    where as_of_date = {{ run_date() }} and node_type = 'account'

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

campaigns as (

    select * from {{ ref('int_campaigns') }}

),

sizes as (

    select
        campaign_id,
        count(*) as account_count

    from members
    group by campaign_id

),

named as (

    select
        m.campaign_id,
        a.organization_id,
        count(*) as account_count

    from members as m
    inner join accounts as a on m.node_key = a.account_key
    where a.organization_id is not null
    group by m.campaign_id, a.organization_id

),

organizations as (

    -- An organisation id is what the account's owner typed at sign-up: a weak hint, so only large shares count.
    select
        n.campaign_id,
        n.organization_id,
        n.account_count,
        s.account_count as member_count

    from named as n
    inner join sizes as s on n.campaign_id = s.campaign_id
    where n.account_count >= 0.1 * s.account_count

),

hypotheses as (

    select
        campaign_id,
        organization_id,
        'unlikely' as likelihood_term,
        {{ number_text('account_count') }} || ' of ' || {{ number_text('member_count') }} || ' member accounts name this organisation.' as evidence_for,
        {{ number_text('member_count - account_count') }} || ' member accounts do not; the name is self-declared and unverified.' as evidence_against

    from organizations
    union all
    select
        campaign_id,
        'unattributed' as organization_id,
        cast(null as varchar) as likelihood_term,
        'No field in the data names who directs the accounts.' as evidence_for,
        'Attribution needs evidence from outside the usage logs.' as evidence_against

    from sizes

)

select
    h.campaign_id,
    h.organization_id,
    {{ run_date() }} as as_of_date,
    h.likelihood_term,
    'low' as confidence_level,
    h.evidence_for,
    h.evidence_against,
    'F6' as source_grades

from hypotheses as h
inner join campaigns as c on h.campaign_id = c.campaign_id
