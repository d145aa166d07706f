-- Question: Which indicators of the advisory AA26-251A does each campaign show, and who else shows them?
-- Reader: whoever answers a partner or an authority that works with the advisory.
-- How to read it: `seen` means little where established accounts or cleared look-alikes show the same as
-- often. `not observable` is a blind spot, not an all-clear. Indicators decide nothing about a campaign.
with

latest as (

    select
        campaign_id,
        max(as_of_date) as as_of_date

    from marts.fct_campaign_coverage
    group by campaign_id

)

select
    c.campaign_id,
    c.advisory_number,
    c.title,
    c.result,
    c.statement,
    c.benign_cause

from marts.fct_campaign_coverage as c
inner join latest as l on c.campaign_id = l.campaign_id and c.as_of_date = l.as_of_date
order by c.campaign_id, c.place
