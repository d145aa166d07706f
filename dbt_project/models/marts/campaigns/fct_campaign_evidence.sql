{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date', on_schema_change='fail') }}

with

evidence as (

    select * from {{ ref('int_campaign_evidence') }}

),

catalog as (

    select * from {{ ref('signal_catalog') }}

),

nodes as (

    select * from {{ ref('int_campaign_nodes') }}
    where as_of_date = {{ run_date() }} and node_type = 'account'

),

campaigns as (

    select
        campaign_id,
        baseline_accounts

    from {{ ref('int_campaigns') }}

),

signals as (

    select * from {{ ref('int_account_signals') }}

),

members as (

    select * from {{ ref('int_campaign_members') }}

),

member_percentiles as (

    -- where the middle member stands among comparable established accounts
    select
        m.campaign_id,
        s.signal_code,
        {{ median_of('1 - s.tail_probability') }} as median_percentile

    from members as m
    inner join signals as s on m.account_key = s.account_key
    group by m.campaign_id, s.signal_code

),

signal_counts as (

    -- the signal that speaks for its family is the one in which most members are hot
    select
        n.campaign_id,
        s.family,
        s.signal_code,
        sum(case when s.is_hot then 1 else 0 end) as hot_count

    from nodes as n
    inner join signals as s on n.node_key = s.account_key
    group by n.campaign_id, s.family, s.signal_code

),

speaking_signals as (

    select
        campaign_id,
        family,
        signal_code,
        row_number() over (partition by campaign_id, family order by hot_count desc, signal_code) as loudness

    from signal_counts

),

group_kinds as (

    select
        family,
        signal_code

    from catalog
    where family in ('content', 'equal_share', 'signup_spread', 'shared_attributes', 'established_members')

),

named as (

    select
        e.*,
        coalesce(s.signal_code, k.signal_code) as signal_code

    from evidence as e
    left join speaking_signals as s on e.campaign_id = s.campaign_id and e.family = s.family and s.loudness = 1
    left join group_kinds as k on e.family = k.family

)

select
    n.campaign_id,
    {{ run_date() }} as as_of_date,
    {{ stable_key("n.campaign_id || '|' || cast(" ~ run_date() ~ " as varchar) || '|' || n.family") }} as evidence_id,
    n.signal_code,
    cast(c.signal_version as integer) as signal_version,
    n.family,
    replace(case n.family
        when 'equal_share'
            then 'The daily loads of ' || {{ number_text('n.available_count') }} || ' member accounts ' || c.phrase
                || ': their spread (standard deviation of the logarithm) is ' || {{ number_text('n.observed_ratio', 2) }}
                || ', against ' || {{ number_text('n.base_ratio', 2) }} || ' among ' || {{ number_text('n.base_population') }}
                || ' established accounts.'
        when 'signup_spread'
            then 'The sign-ups of ' || {{ number_text('n.available_count') }} || ' member accounts ' || c.phrase
                || ': their places in the order of all ' || {{ number_text('n.base_population') }} || ' new accounts, from 0 to 1, spread by '
                || {{ number_text('n.observed_ratio', 2) }} || ', against ' || {{ number_text('n.base_ratio', 2) }} || ' if they were independent.'
        when 'shared_attributes'
            then {{ number_text('n.observed_count') }} || ' of ' || {{ number_text('n.available_count') }} || ' member accounts '
                || c.phrase || '; the rarest of these values is held by '
                || {{ number_text('100 * n.base_ratio', 2) }} || ' % of established accounts.'
        when 'established_members'
            then {{ number_text('n.observed_count') }} || ' of ' || {{ number_text('n.available_count') }} || ' member accounts ' || c.phrase || '.'
        when 'content'
            then 'On average ' || {{ number_text('100 * n.observed_ratio') }} || ' % of the exchanges in which '
                || {{ number_text('n.available_count') }} || ' member accounts share a text ' || c.phrase
                || ', against ' || {{ number_text('100 * n.base_ratio', 1) }} || ' % of all exchanges of '
                || {{ number_text('n.base_population') }} || ' established accounts (at least 2 % is assumed).'
        else {{ number_text('n.observed_count') }} || ' of ' || {{ number_text('n.available_count') }} || ' member accounts ('
            || {{ number_text('100 * n.observed_ratio') }} || ' %) ' || c.phrase
            || '; ' || {{ number_text('100 * n.base_ratio') }} || ' % of ' || {{ number_text('n.base_population') }}
            || ' established accounts would be expected to.'
    end, 'established accounts', m.baseline_accounts) as statement,
    n.observed_ratio as observed_value,
    n.base_ratio as baseline_value,
    cast(n.base_population as bigint) as base_population,
    cast(n.available_count as bigint) as measured_count,
    cast(n.observed_count as bigint) as shown_count,
    {{ as_ratio('p.median_percentile') }} as median_percentile,
    {{ as_ratio(var('evidence_slope') ~ " * cast(n.bits as double) * ln(2.0) / ln(10.0)") }} as log10_likelihood_ratio,
    c.benign_explanation,
    '["' || replace(c.data_fields, ';', '", "') || '"]' as data_fields_used

from named as n
inner join campaigns as m on n.campaign_id = m.campaign_id
inner join catalog as c on n.signal_code = c.signal_code
left join member_percentiles as p on n.campaign_id = p.campaign_id and n.signal_code = p.signal_code
