with

components as (

    select * from {{ ref('int_components') }}

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

component_addresses as (

    select distinct
        c.component_label,
        c.account_key,
        d.ip_hex

    from components as c
    inner join address_days as d on c.account_key = d.account_key

),

public_addresses as (

    -- used by an established account that is not suspected, or by a cleared one: whose exit it is, nobody can tell
    select distinct d.ip_hex
    from address_days as d
    inner join evidence as e on d.account_key = e.account_key
    left join components as c on d.account_key = c.account_key
    where (e.is_reference or e.is_cleared) and c.account_key is null

)

select
    a.component_label,
    a.account_key,
    a.ip_hex,
    p.ip_hex is null as is_own

from component_addresses as a
left join public_addresses as p on a.ip_hex = p.ip_hex
