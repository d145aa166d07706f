with

windows as (

    select * from {{ ref('int_account_windows') }}

),

families as (

    select * from {{ ref('int_account_families') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

reference as (

    select * from {{ ref('int_reference_accounts') }}

),

summed as (

    select
        account_key,
        sum(bits) as own_bits,
        sum(case when evidence_side = 'behaviour' then hot_count else 0 end) as hot_behaviour_count,
        sum(case when family in {{ hiding_families() }} or family = 'timing' then hot_count else 0 end) as hot_pool_count

    from families
    group by account_key

)

select
    w.account_key,
    a.platform,
    a.is_verified or a.is_allowlisted as is_cleared,
    coalesce(r.is_baseline, false) as is_reference,
    row_number() over (order by w.account_key) as account_ordinal,
    w.exchange_count,
    w.active_day_count,
    w.text_count,
    coalesce(s.own_bits, 0) as own_bits,
    coalesce(s.hot_behaviour_count, 0) as hot_behaviour_count,
    coalesce(s.hot_pool_count, 0) >= 2 as is_pool_like,
    (a.is_established or r.account_key is not null)
    and not (a.is_verified or a.is_allowlisted)
    and coalesce(s.hot_behaviour_count, 0) < 2
    and not (
        {{ technique_sum('w') }} >= {{ var('minimum_exposure_count') | int }}
        and {{ technique_sum('w') }} >= {{ var('bystander_technique_ratio_maximum') }} * w.exchange_count
    ) as is_bystander

from windows as w
inner join accounts as a on w.account_key = a.account_key
left join summed as s on w.account_key = s.account_key
left join reference as r on w.account_key = r.account_key
