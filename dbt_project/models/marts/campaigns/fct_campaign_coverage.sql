{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date', on_schema_change='fail') }}

with

campaigns as (

    select
        campaign_id,
        baseline_accounts

    from {{ ref('int_campaigns') }}

),

indicators as (

    select * from {{ ref('advisory_indicators') }}

),

members as (

    select * from {{ ref('int_campaign_members') }}

),

reference as (

    select * from {{ ref('int_reference_accounts') }}

),

lookalikes as (

    select * from {{ ref('int_lookalike_accounts') }}

),

account_indicators as (

    select * from {{ ref('int_account_indicators') }}

),

suspected as (

    select distinct account_key
    from members

),

populations as (

    select campaign_id as population, account_key
    from members
    union all
    select 'established' as population, r.account_key
    from reference as r
    left join suspected as s on r.account_key = s.account_key
    where s.account_key is null
    union all
    select 'lookalike' as population, account_key
    from lookalikes

),

counted as (

    select
        p.population,
        i.indicator_code,
        count(*) as measured_count,
        sum(i.is_shown) as shown_count

    from populations as p
    inner join account_indicators as i on p.account_key = i.account_key
    group by p.population, i.indicator_code

),

compared as (

    select
        c.campaign_id,
        c.baseline_accounts,
        i.*,
        coalesce(m.measured_count, 0) as measured_count,
        coalesce(m.shown_count, 0) as shown_count,
        m.shown_count * 1.0 / m.measured_count as shown_ratio,
        coalesce(e.measured_count, 0) as established_count,
        e.shown_count * 1.0 / e.measured_count as established_ratio,
        coalesce(l.measured_count, 0) as lookalike_count,
        l.shown_count * 1.0 / l.measured_count as lookalike_ratio

    from campaigns as c
    cross join indicators as i
    left join counted as m on c.campaign_id = m.population and i.indicator_code = m.indicator_code
    left join counted as e on e.population = 'established' and i.indicator_code = e.indicator_code
    left join counted as l on l.population = 'lookalike' and i.indicator_code = l.indicator_code

),

judged as (

    select
        *,
        case
            when measured_count < {{ var('group_members_minimum') | int }} then 'not observable'
            when shown_count >= {{ var('group_members_minimum') | int }}
                and shown_ratio >= {{ var('indicator_seen_ratio') }}
                and shown_ratio > coalesce(established_ratio, 0) then 'seen'
            else 'not seen'
        end as result

    from compared

)

select
    campaign_id,
    {{ run_date() }} as as_of_date,
    indicator_code,
    cast(place as integer) as place,
    cast(advisory_number as integer) as advisory_number,
    title,
    result,
    cast(measured_count as bigint) as measured_count,
    cast(shown_count as bigint) as shown_count,
    {{ as_ratio('shown_ratio') }} as shown_ratio,
    cast(established_count as bigint) as established_count,
    {{ as_ratio('established_ratio') }} as established_ratio,
    cast(lookalike_count as bigint) as lookalike_count,
    {{ as_ratio('lookalike_ratio') }} as lookalike_ratio,
    case
        when coalesce(signal_codes, technique_codes, link_types) is null
            then 'Not observable: nothing in force measures it.'
        when result = 'not observable'
            then 'Not observable: fewer than {{ var("group_members_minimum") | int }} member accounts have what it is measured by ('
                || replace(data_fields, ';', ', ') || ').'
        else {{ number_text('shown_count') }} || ' of ' || {{ number_text('measured_count') }}
            || ' member accounts in which it can be observed show it. '
            || case
                when established_ratio is null then 'No established account could be measured'
                else {{ number_text('100 * established_ratio', 1) }} || ' % of ' || {{ number_text('established_count') }}
                    || ' ' || baseline_accounts || ' outside campaigns do'
            end
            || case
                when lookalike_ratio is null then '; no cleared look-alike could be measured.'
                else ', and ' || {{ number_text('100 * lookalike_ratio', 1) }} || ' % of ' || {{ number_text('lookalike_count') }}
                    || ' cleared look-alikes.'
            end
    end as statement,
    benign_cause,
    coalesce('["' || replace(signal_codes, ';', '", "') || '"]', '[]') as signal_codes,
    coalesce('["' || replace(technique_codes, ';', '", "') || '"]', '[]') as technique_codes,
    coalesce('["' || replace(link_types, ';', '", "') || '"]', '[]') as link_types,
    '["' || replace(data_fields, ';', '", "') || '"]' as data_fields

from judged
