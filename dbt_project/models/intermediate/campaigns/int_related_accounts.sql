with

components as (

    select * from {{ ref('int_components') }}

),

joined as (

    select * from {{ ref('int_joined_components') }}

),

exits as (

    select * from {{ ref('int_component_exits') }}
    where is_own

),

address_days as (

    select
        account_key,
        identifier_value as ip_hex

    from {{ ref('int_identifier_uses') }}
    where identifier_type = 'address'
        and delivered_date <= {{ run_date() }} and {{ in_evidence_window('activity_date') }}

),

evidence as (

    select * from {{ ref('int_account_evidence') }}

),

registry_groups as (

    -- the day and network of sign-up are no second witness beside where accounts come from
    select * from {{ ref('int_groups__scored') }}
    where is_flagged and not is_text and identifier_type <> 'signup_burst'

),

group_members as (

    select * from {{ ref('int_group_members') }}
    where not is_cleared

),

newcomers as (

    select count(*) as newcomer_count
    from evidence
    where not is_reference and not is_cleared

),

clusters as (

    select
        c.account_key,
        j.cluster_label

    from components as c
    inner join joined as j on c.component_label = j.component_label

),

cluster_exits as (

    select distinct
        j.cluster_label,
        e.ip_hex

    from exits as e
    inner join joined as j on e.component_label = j.component_label

),

owned_counts as (

    select
        g.group_id,
        c.cluster_label,
        count(*) as holder_count

    from registry_groups as g
    inner join group_members as m on g.group_id = m.group_id
    inner join clusters as c on m.account_key = c.account_key
    group by g.group_id, c.cluster_label

),

owned_groups as (

    -- what at least half of the holders share with a cluster is how that cluster registers
    select
        o.cluster_label,
        g.*

    from owned_counts as o
    inner join registry_groups as g on o.group_id = g.group_id
    where o.holder_count * 2 >= g.uncleared_count

),

links as (

    select
        m.account_key,
        o.cluster_label,
        o.group_id,
        o.identifier_type,
        o.total_bits,
        m.exchange_count,
        least(0.999, greatest(0.001, 1.0 - least(o.established_ratio, o.bystander_ratio) * n.newcomer_count / o.uncleared_count)) as holder_probability

    from owned_groups as o
    inner join group_members as m on o.group_id = m.group_id
    left join clusters as c on m.account_key = c.account_key
    cross join newcomers as n
    where c.account_key is null and not m.is_reference

),

candidates as (

    select distinct
        account_key,
        cluster_label

    from links

),

addresses as (

    select distinct
        d.account_key,
        d.ip_hex

    from address_days as d
    inner join candidates as c on d.account_key = c.account_key

),

address_counts as (

    select
        account_key,
        count(*) as address_count

    from addresses
    group by account_key

),

shared_exits as (

    select
        c.account_key,
        c.cluster_label,
        count(*) as shared_exit_count

    from candidates as c
    inner join addresses as a on c.account_key = a.account_key
    inner join cluster_exits as e on c.cluster_label = e.cluster_label and a.ip_hex = e.ip_hex
    group by c.account_key, c.cluster_label

),

weighed as (

    -- Registered like the cluster, and mostly to be found behind exits that only the cluster uses. Values of the
    -- registry are not independent of each other: the strongest counts.
    select
        s.account_key,
        s.cluster_label,
        s.shared_exit_count,
        n.address_count,
        max({{ log2_of('l.holder_probability / (1.0 - l.holder_probability)') }})
        + {{ var('evidence_slope') }} * cast(max(e.own_bits) as double) as membership_bits

    from shared_exits as s
    inner join address_counts as n on s.account_key = n.account_key
    inner join links as l on s.account_key = l.account_key and s.cluster_label = l.cluster_label
    inner join evidence as e on s.account_key = e.account_key
    where s.shared_exit_count >= {{ var('related_exits_minimum') | int }}
        and s.shared_exit_count >= {{ var('related_exit_ratio_minimum') }} * n.address_count
    group by s.account_key, s.cluster_label, s.shared_exit_count, n.address_count

),

ranked as (

    select
        *,
        row_number() over (partition by account_key order by shared_exit_count desc, cluster_label) as preference

    from weighed
    where {{ probability_of_bits('membership_bits') }} >= {{ var('membership_probability_minimum') }}

)

select
    r.account_key,
    r.cluster_label,
    l.group_id,
    l.identifier_type,
    l.total_bits as group_bits,
    l.exchange_count,
    r.shared_exit_count,
    r.address_count,
    {{ as_ratio(probability_of_bits('r.membership_bits')) }} as membership_probability

from ranked as r
inner join links as l on r.account_key = l.account_key and r.cluster_label = l.cluster_label
where r.preference = 1
