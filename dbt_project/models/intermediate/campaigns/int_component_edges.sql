with

members as (

    select * from {{ ref('int_suspected_members') }}

),

evidence as (

    select * from {{ ref('int_account_evidence') }}

),

text_accounts as (

    select distinct account_key from members
    where is_text

),

technique_accounts as (

    select distinct account_key from members
    where is_technique_text

),

plain_texts as (

    -- Of the texts without a technique, those that mostly serve accounts whose extraction is seen elsewhere: what the
    -- customers of a pool ask, and of other pools, too.
    select m.group_id
    from members as m
    left join technique_accounts as t on m.account_key = t.account_key
    where m.is_text and not m.is_technique_text
    group by m.group_id
    having count(t.account_key) * 2 >= count(*)

),

known_accounts as (

    -- by what they extract, not only by what their pool's customers ask
    select distinct m.account_key
    from members as m
    left join plain_texts as p on m.group_id = p.group_id
    where m.is_text and not m.is_pool and p.group_id is null

),

registry_groups as (

    -- How much of a group tied by registration or client is tied by text, and whether there is text to see.
    select
        m.group_id,
        count(t.account_key) as text_account_count,
        count(case when e.text_count > 0 then 1 end) as visible_account_count

    from members as m
    inner join evidence as e on m.account_key = e.account_key
    left join text_accounts as t on m.account_key = t.account_key
    where not m.is_text
    group by m.group_id

),

connecting as (

    select
        m.account_key,
        m.group_id,
        m.exchange_count,
        e.account_ordinal as node_label,
        max(m.exchange_count) over (partition by m.account_key) as most_exchange_count

    from members as m
    inner join evidence as e on m.account_key = e.account_key
    left join registry_groups as r on m.group_id = r.group_id
    left join plain_texts as p on m.group_id = p.group_id
    left join known_accounts as k on m.account_key = k.account_key
    where (m.is_text and p.group_id is null and not (m.is_pool and k.account_key is not null))
        or (not m.is_text and r.text_account_count = 0 and r.visible_account_count = 0)

)

-- What an account shares once, by chance, beside what it does all day does not make two clusters one.
select
    account_key,
    group_id,
    node_label

from connecting
where exchange_count >= {{ var('component_link_ratio_minimum') }} * most_exchange_count
