with

identifier_days as (

    select * from {{ ref('int_identifier_days') }}
    where identifier_type = 'prefix_fp_8'
        and delivered_date <= {{ run_date() }} and {{ in_evidence_window('activity_date') }}

),

frequencies as (

    select * from {{ ref('int_value_frequencies') }}

),

used as (

    select
        account_key,
        identifier_type,
        identifier_value,
        sum(exchange_count) as exchange_count,
        sum(distinct_prompt_count) as distinct_prompt_count

    from identifier_days
    group by account_key, identifier_type, identifier_value

),

ranked as (

    select
        *,
        row_number() over (partition by account_key order by exchange_count desc, identifier_value) as prominence

    from used

),

most_used as (

    select
        account_key,
        {{ stable_key("identifier_type || '|' || identifier_value") }} as group_id,
        exchange_count,
        distinct_prompt_count

    from ranked
    where prominence = 1

)

select
    m.account_key,
    m.group_id,
    m.exchange_count as template_exchange_count,
    m.distinct_prompt_count as template_prompt_count,
    coalesce(f.established_ratio, 0) as established_ratio,
    coalesce(f.established_holder_count, 0) as established_holder_count

from most_used as m
left join frequencies as f on m.group_id = f.group_id
