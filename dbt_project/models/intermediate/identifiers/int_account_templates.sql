with

identifiers as (

    select * from {{ ref('int_account_identifiers') }}
    where identifier_type = 'prefix_fp_8'

),

frequencies as (

    select * from {{ ref('int_value_frequencies') }}

),

ranked as (

    select
        i.account_key,
        i.group_id,
        i.exchange_count,
        i.distinct_prompt_count,
        coalesce(f.established_ratio, 0) as established_ratio,
        row_number() over (partition by i.account_key order by i.exchange_count desc, i.group_id) as prominence

    from identifiers as i
    left join frequencies as f on i.group_id = f.group_id

)

select
    account_key,
    group_id,
    exchange_count as template_exchange_count,
    distinct_prompt_count as template_prompt_count,
    established_ratio

from ranked
where prominence = 1
