-- Question: On what does the suspicion against each live campaign rest, and what speaks against it?
-- Reader: the reviewer who has to confirm or dismiss.
-- How to read it: one row per campaign and signal, the heaviest first. A weight of 1 makes the
-- suspicion ten times as likely, a negative weight speaks against it. Read `benign_explanation` before
-- you decide: it is what an innocent customer would look like.
with

latest as (

    select
        campaign_id,
        max(as_of_date) as as_of_date

    from marts.fct_campaign_evidence
    group by campaign_id

)

select
    e.campaign_id,
    e.family,
    e.signal_code,
    e.log10_likelihood_ratio,
    e.statement,
    e.benign_explanation

from marts.fct_campaign_evidence as e
inner join latest as l on e.campaign_id = l.campaign_id and e.as_of_date = l.as_of_date
order by e.campaign_id, e.log10_likelihood_ratio desc, e.signal_code
