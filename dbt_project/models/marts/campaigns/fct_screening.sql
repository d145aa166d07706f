{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date', on_schema_change='fail') }}

with

entities as (

    select
        entity_id,
        name

    from {{ ref('stg_entities') }}

),

listings as (

    select * from {{ ref('stg_screening_listings') }}

),

matches as (

    select * from {{ ref('stg_screening_matches') }}

),

holdings as (

    select * from {{ ref('stg_screening_holdings') }}

),

-- Parties that only the ownership table names are screened too: an affiliate that nobody has entered
-- yet must not be missed. They have no name.
parties as (

    select
        entity_id,
        name

    from entities
    union all
    select distinct
        h.entity_id,
        cast(null as varchar) as name

    from holdings as h
    left join entities as e on h.entity_id = e.entity_id
    where e.entity_id is null

),

listed as (

    -- a party on several lists keeps the first by code; the explanation names all
    select
        entity_id,
        min(list_code) as list_code,
        {{ join_texts("list_code || ': ' || explanation", "list_code") }} as explanation

    from listings
    group by entity_id

),

possible as (

    select
        entity_id,
        count(*) as match_count,
        max(score) as match_score,
        {{ join_texts("list_code || ': ' || explanation", "-score") }} as explanation

    from matches
    where outcome = 'possible'
    group by entity_id

),

-- The rule that decides: one under which the party is owned before one under which it may be, a rule in
-- force before one that is suspended, then the larger share.
ranked as (

    select
        *,
        row_number() over (
            partition by entity_id
            order by
                case
                    when is_owned and rule_status = 'in_force' then 1
                    when may_be_owned and not is_owned and rule_status = 'in_force' then 2
                    when is_owned and rule_status = 'suspended' then 3
                    when is_owned then 4
                    when may_be_owned then 5
                    else 6
                end,
                owned_percent desc,
                instrument
        ) as place

    from holdings

),

held as (

    select * from ranked
    where place = 1

),

rules as (

    -- what stands in the row of a party of which nobody listed holds anything
    select
        {{ join_texts("instrument || case when rule_status = 'in_force' then '' else ' (' || rule_status || ')' end", "instrument") }}
            as told

    from {{ ref('stg_screening_rules') }}

)

select
    p.entity_id,
    {{ run_date() }} as as_of_date,
    p.name,
    l.entity_id is not null as listed,
    l.list_code as list,
    cast(coalesce(h.owned_percent, 0) as double) as owned_percent_by_listed,
    cast(coalesce(h.owned_percent_upper, 0) as double) as owned_percent_upper,
    cast(coalesce(h.multiplied_percent, 0) as double) as owned_percent_multiplied,
    coalesce(
        h.instrument || case when h.rule_status in ('in_force', 'not_recorded') then '' else ' (' || h.rule_status || ')' end,
        r.told,
        'none recorded'
    ) as rule,
    case
        when l.entity_id is not null then 'listed'
        when h.is_owned and h.rule_status = 'in_force' then 'owned'
        when h.may_be_owned and not h.is_owned and h.rule_status = 'in_force' then 'unknown share'
        when m.entity_id is not null then 'possible match'
        when h.is_owned and h.rule_status = 'suspended' then 'owned, rule suspended'
        when h.is_owned then 'owned, rule not in force'
        when h.may_be_owned then 'unknown share'
        else 'none'
    end as result,
    cast(coalesce(m.match_count, 0) as bigint) as possible_match_count,
    m.match_score as possible_match_score,
    coalesce(l.explanation, m.explanation) as match_explanation,
    h.explanation as ownership_explanation

from parties as p
left join listed as l on p.entity_id = l.entity_id
left join possible as m on p.entity_id = m.entity_id
left join held as h on p.entity_id = h.entity_id
cross join rules as r
