with

signals as (

    select * from {{ ref('int_account_signals') }}

),

catalog as (

    select * from {{ ref('signal_catalog') }}

)

select
    s.account_key,
    s.family,
    min(c.evidence_side) as evidence_side,
    max(s.bits) as bits,
    max(case when s.is_hot then 1 else 0 end) as hot_count

from signals as s
inner join catalog as c on s.signal_code = c.signal_code
group by s.account_key, s.family
