{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date', on_schema_change='fail') }}

with

entities as (

    select * from {{ ref('stg_entities') }}

),

ownership as (

    select * from {{ ref('stg_ownership') }}
    where valid_from < {{ run_end() }} and (valid_until is null or valid_until >= {{ run_end() }})

),

facts as (

    select * from {{ ref('stg_policy_facts') }}
    where effective_from < {{ run_end() }} and (effective_until is null or effective_until >= {{ run_end() }})

),

listings as (

    -- an entity is listed while a policy fact says so: instrument names the list, fact names the entity
    select
        fact as entity_id,
        min(instrument) as list_name

    from facts
    where status = 'listed'
    group by fact

),

rules as (

    select
        min(case when status = 'in_force' then instrument end) as rule_in_force,
        min(case when status = 'suspended' then instrument end) as rule_suspended

    from facts
    where fact = 'ownership_50_percent'

),

-- Aggregate share held by listed parties, direct and through up to four owners; a cycle adds nothing new
-- after its shares have been multiplied through. An unknown share counts as none and is said so.
level_1 as (

    select
        o.owned_id,
        l.entity_id as listed_id,
        coalesce(o.share_percent, 0) as share_percent

    from ownership as o
    inner join listings as l on o.owner_id = l.entity_id

),

{% for level in range(2, 5) -%}
level_{{ level }} as (

    select
        o.owned_id,
        p.listed_id,
        coalesce(o.share_percent, 0) * p.share_percent / 100.0 as share_percent

    from ownership as o
    inner join level_{{ level - 1 }} as p on o.owner_id = p.owned_id
    where o.owned_id <> p.listed_id

),

{% endfor -%}
held as (

    select
        owned_id,
        least(100.0, sum(cast(share_percent as decimal(18, 6)))) as owned_percent

    from (
        {% for level in range(1, 5) -%}
        select * from level_{{ level }}
        {{ "union all" if not loop.last }}
        {% endfor %}
    ) as levels
    group by owned_id

),

unknown_shares as (

    select distinct owned_id from ownership
    where share_percent is null

)

select
    e.entity_id,
    {{ run_date() }} as as_of_date,
    l.entity_id is not null as listed,
    l.list_name as list,
    cast(coalesce(h.owned_percent, 0) as double) as owned_percent_by_listed,
    coalesce(r.rule_in_force, r.rule_suspended || ' (suspended)', 'none recorded') as rule,
    case
        when l.entity_id is not null then 'listed'
        when coalesce(h.owned_percent, 0) >= 50 and r.rule_in_force is not null then 'owned'
        when coalesce(h.owned_percent, 0) >= 50 then 'owned, rule not in force'
        when u.owned_id is not null then 'unknown share'
        else 'none'
    end as result

from entities as e
left join listings as l on e.entity_id = l.entity_id
left join held as h on e.entity_id = h.owned_id
left join unknown_shares as u on e.entity_id = u.owned_id
cross join rules as r
