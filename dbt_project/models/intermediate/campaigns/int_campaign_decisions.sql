with

in_force as (

    select
        *,
        trim(split_part(subject_id, '|', 1)) as campaign_id,
        trim(substr(subject_id, length(split_part(subject_id, '|', 1)) + 2)) as target,
        case when decision in ('confirm', 'dismiss', 'act') then 'status' else decision end as kind

    from {{ ref('stg_decisions') }}
    where subject_type = 'campaign' and decision in ('confirm', 'dismiss', 'act', 'merge', 'split')
        and (expires_at is null or expires_at >= {{ run_end() }})

)

select
    campaign_id,
    kind,
    decision,
    case when kind <> 'status' then target end as target,
    actor,
    decided_at,
    row_number() over (partition by campaign_id, kind order by decided_at desc, decision, actor, target) as recency

from in_force
