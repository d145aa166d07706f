-- Members of one campaign that an honest explanation could cover.
with

members as (

    select a.*
    from marts.bridge_campaign_accounts as b
    inner join marts.dim_accounts as a on b.account_key = a.account_key
    where b.campaign_id = :campaign_id

),

organizations as (

    select organization_id, count(*) as account_count
    from members
    where organization_id is not null
    group by organization_id

)

select
    count(*) as account_count,
    count(case when is_allowlisted then 1 end) as allowlisted_count,
    count(case when is_verified then 1 end) as verified_count,
    count(case when organization_id is null then 1 end) as no_organization_count,
    (select count(*) from organizations) as organization_count,
    (select max(account_count) from organizations) as largest_organization_count,
    count(case when signup_path like '%edu%' then 1 end) as education_count
from members
