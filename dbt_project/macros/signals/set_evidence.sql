{#-
    Evidence on sets of accounts, the same for a candidate group and for a campaign: one row per set and
    family. `members` names a CTE with columns set_key, account_key, exchange_count, active_day_count,
    technique_ratio (share of the shared text that carries a technique; null where no text is shared) and
    excluded_attributes. The CTEs families, evidence and attributes must be in scope.

    - behaviour and access: share of members that are hot in the family against the share among established
      accounts, as a divergence, times the effective number of independent members;
    - content: the same for the share of the common text that carries an extraction technique;
    - equal share: how much more even the members' daily loads are than those of established accounts;
    - sign-up spread: how much closer together the members signed up than new accounts do;
    - shared attributes: for each attribute its most over-represented value, the three strongest summed.
-#}
{% macro set_evidence_ctes(members) -%}
set_sizes as (

    select
        set_key,
        count(*) as member_count

    from {{ members }}
    group by set_key

),

base_rates as (

    select
        f.family,
        greatest({{ var('hot_tail_probability') }}, avg(cast(f.hot_count as double))) as base_ratio,
        count(*) as base_population

    from families as f
    inner join evidence as e on f.account_key = e.account_key
    where e.is_reference
    group by f.family

),

family_counts as (

    select
        m.set_key,
        f.family,
        min(f.evidence_side) as evidence_side,
        count(*) as available_count,
        sum(f.hot_count) as hot_count

    from {{ members }} as m
    inner join families as f on m.account_key = f.account_key
    group by m.set_key, f.family

),

family_rows as (

    select
        c.set_key,
        c.family,
        c.evidence_side,
        c.available_count,
        cast(c.hot_count as double) as observed_count,
        c.hot_count * 1.0 / c.available_count as observed_ratio,
        b.base_ratio,
        b.base_population

    from family_counts as c
    inner join base_rates as b on c.family = b.family
    where c.available_count >= {{ var('group_members_minimum') | int }}

),

technique_base as (

    select
        least(0.5, greatest(0.02, avg(least(1.0, cast(t.technique_count as double) / t.text_count)))) as base_ratio,
        count(*) as base_population

    from account_techniques as t
    inner join evidence as e on t.account_key = e.account_key
    where e.is_reference and t.text_count > 0

),

content_rows as (

    select
        m.set_key,
        'content' as family,
        'behaviour' as evidence_side,
        count(m.technique_ratio) as available_count,
        sum(cast(m.technique_ratio as decimal(18, 6))) as observed_count,
        cast(sum(cast(m.technique_ratio as decimal(18, 6))) as double) / count(m.technique_ratio) as observed_ratio,
        min(b.base_ratio) as base_ratio,
        min(b.base_population) as base_population

    from {{ members }} as m
    cross join technique_base as b
    where m.technique_ratio is not null
    group by m.set_key
    having count(m.technique_ratio) >= {{ var('group_members_minimum') | int }}

),

share_rows as (

    select * from family_rows
    union all
    select * from content_rows

),

weighed_shares as (

    select
        set_key,
        family,
        evidence_side,
        available_count,
        cast(round(observed_count) as bigint) as observed_count,
        observed_ratio,
        base_ratio,
        base_population,
        case
            when observed_ratio > base_ratio
                then least(
                    {{ var('group_family_bits_cap') }},
                    {{ effective_size('available_count') }}
                    * {{ divergence_bits('least(observed_ratio, 1.0)', 'base_ratio') }}
                )
            when evidence_side = 'behaviour' then -0.5
            else 0
        end as bits

    from share_rows

),

loads as (

    select
        m.set_key,
        count(*) as available_count,
        avg(cast(m.active_day_count as decimal(18, 6))) as mean_day_count,
        sum(cast(ln(m.exchange_count * 1.0 / m.active_day_count) as decimal(18, 6))) as load_sum,
        sum(cast(ln(m.exchange_count * 1.0 / m.active_day_count) * ln(m.exchange_count * 1.0 / m.active_day_count) as decimal(18, 6))) as load_square_sum

    from {{ members }} as m
    group by m.set_key

),

reference_load as (

    select
        stddev_samp(cast(ln(exchange_count * 1.0 / active_day_count) as decimal(18, 6))) as spread,
        count(*) as base_population

    from evidence
    where is_reference

),

load_spreads as (

    select
        l.set_key,
        l.available_count,
        l.mean_day_count,
        greatest(0.05, sqrt(greatest(0.0, (cast(l.load_square_sum as double) - cast(l.load_sum as double) * cast(l.load_sum as double) / l.available_count) / (l.available_count - 1)))) as spread,
        greatest(0.3, r.spread) as reference_spread,
        r.base_population

    from loads as l
    cross join reference_load as r
    where l.available_count >= {{ var('group_members_minimum') | int }} and r.spread is not null

),

weighed_loads as (

    -- Divergence of two normal distributions of log loads; one member is spent on the unknown mean. Who does the
    -- same thing once has the same load: only what lasts for days shows a balance.
    select
        set_key,
        'equal_share' as family,
        'coordination' as evidence_side,
        available_count,
        available_count as observed_count,
        spread as observed_ratio,
        reference_spread as base_ratio,
        base_population,
        case
            when spread < reference_spread
                then least(
                    {{ var('group_family_bits_cap') }},
                    {{ var('group_equal_share_bits_per_day') }} * (cast(mean_day_count as double) - 1),
                    ({{ effective_size('available_count') }} - 1)
                    * ({{ log2_of('reference_spread / spread') }}
                        + (spread * spread / (2 * reference_spread * reference_spread) - 0.5) / ln(2.0))
                )
            else 0
        end as bits

    from load_spreads

),

signup_ranks as (

    -- Place in the order of sign-ups of all new accounts, from 0 to 1: evenly spread, however fast the platform grows.
    select
        e.account_key,
        row_number() over (order by r.created_at, e.account_key) * 1.0 / count(*) over () as signup_rank,
        count(*) over () as newcomer_count

    from evidence as e
    inner join registered as r on e.account_key = r.account_key
    where not e.is_reference and not e.is_cleared and r.created_at is not null

),

signup_spreads as (

    select
        m.set_key,
        count(*) as available_count,
        max(r.newcomer_count) as base_population,
        greatest(0.05, stddev_samp(cast(r.signup_rank as decimal(18, 6)))) as spread,
        {{ even_spread() }} as even_spread

    from {{ members }} as m
    inner join signup_ranks as r on m.account_key = r.account_key
    where m.excluded_attributes is null or position(';signup_date;' in ';' || m.excluded_attributes || ';') = 0
    group by m.set_key
    having count(*) >= {{ var('group_members_minimum') | int }}

),

weighed_signups as (

    -- the same divergence as of the loads, against places that are independent of each other
    select
        p.set_key,
        'signup_spread' as family,
        'coordination' as evidence_side,
        p.available_count,
        p.available_count as observed_count,
        p.spread as observed_ratio,
        p.even_spread as base_ratio,
        p.base_population,
        case
            when p.spread < p.even_spread
                then least(
                    {{ var('group_family_bits_cap') }},
                    ({{ effective_size('p.available_count') }} - 1)
                    * ({{ log2_of('p.even_spread / p.spread') }}
                        + (p.spread * p.spread / (2 * p.even_spread * p.even_spread) - 0.5) / ln(2.0))
                )
            else 0
        end as bits

    from signup_spreads as p
    inner join set_sizes as s on p.set_key = s.set_key
    where p.available_count * 2 >= s.member_count
        and p.base_population >= {{ var('signup_population_minimum') | int }}

),

attribute_counts as (

    select
        m.set_key,
        a.attribute,
        a.attribute_value,
        min(a.reference_ratio) as reference_ratio,
        count(*) as holder_count

    from {{ members }} as m
    inner join attributes as a on m.account_key = a.account_key
    where m.excluded_attributes is null
        or position(';' || a.attribute || ';' in ';' || m.excluded_attributes || ';') = 0
    group by m.set_key, a.attribute, a.attribute_value

),

attribute_bits as (

    -- The lower end of the share counts, so that three accounts that agree say little.
    select
        c.set_key,
        c.attribute,
        c.attribute_value,
        c.holder_count,
        s.member_count,
        c.reference_ratio,
        least(
            {{ var('group_sharing_bits_cap') }},
            {{ log2_of("greatest(c.holder_count * 1.0 / s.member_count - 1.0 / sqrt(s.member_count), 0.0001) / c.reference_ratio") }}
        ) as bits

    from attribute_counts as c
    inner join set_sizes as s on c.set_key = s.set_key
    where c.holder_count * 1.0 / s.member_count - 1.0 / sqrt(s.member_count) >= 0.3

),

strongest_values as (

    select
        *,
        row_number() over (partition by set_key, attribute order by bits desc, attribute_value) as value_rank

    from attribute_bits
    where bits >= 1

),

strongest_attributes as (

    select
        *,
        row_number() over (partition by set_key order by bits desc, attribute) as attribute_rank

    from strongest_values
    where value_rank = 1

),

weighed_attributes as (

    select
        set_key,
        'shared_attributes' as family,
        'coordination' as evidence_side,
        max(member_count) as available_count,
        max(holder_count) as observed_count,
        max(case when attribute_rank = 1 then holder_count * 1.0 / member_count end) as observed_ratio,
        max(case when attribute_rank = 1 then reference_ratio end) as base_ratio,
        cast(null as bigint) as base_population,
        least({{ var('group_sharing_total_bits_cap') }}, sum(cast(bits as decimal(12, 4)))) as bits

    from strongest_attributes
    where attribute_rank <= 3
    group by set_key

),

set_evidence as (

    select set_key, family, evidence_side, available_count, observed_count, observed_ratio, base_ratio, base_population, {{ as_bits('bits') }} as bits
    from weighed_shares
    where family <> '{{ var('left_out_family') }}'
    union all
    select set_key, family, evidence_side, available_count, observed_count, observed_ratio, base_ratio, base_population, {{ as_bits('bits') }} as bits
    from weighed_loads
    where family <> '{{ var('left_out_family') }}'
    union all
    select set_key, family, evidence_side, available_count, observed_count, observed_ratio, base_ratio, base_population, {{ as_bits('bits') }} as bits
    from weighed_signups
    where family <> '{{ var('left_out_family') }}'
    union all
    select set_key, family, evidence_side, available_count, observed_count, observed_ratio, base_ratio, base_population, {{ as_bits('bits') }} as bits
    from weighed_attributes
    where family <> '{{ var('left_out_family') }}'

)
{%- endmacro %}

{#- The relations that set_evidence_ctes needs. -#}
{% macro set_evidence_imports() -%}
families as (

    select * from {{ ref('int_account_families') }}

),

evidence as (

    select * from {{ ref('int_account_evidence') }}

),

attributes as (

    select * from {{ ref('int_account_attributes') }}

),

registered as (

    select
        account_key,
        created_at

    from {{ ref('int_accounts') }}

),

windows as (

    select * from {{ ref('int_account_windows') }}

),

account_techniques as (

    select
        account_key,
        text_count,
        {{ technique_sum('windows') }} as technique_count

    from windows

)
{%- endmacro %}

{#- Standard deviation of places that are spread evenly between 0 and 1. -#}
{% macro even_spread() -%} sqrt(1.0 / 12) {%- endmacro %}
