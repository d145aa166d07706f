with

exchanges as (

    select * from {{ ref('int_exchanges__delivered') }}
    where artifacts_submitted is not null

),

submitted as (

    select
        exchange_key,
        account_key,
        event_date,
        artifact_token

    from {{ unnest_list('exchanges', 'artifacts_submitted', 'artifact_token') }}

),

issued as (

    select distinct
        artifact_token,
        account_key

    from {{ ref('int_artifacts_issued') }}
    where delivered_date <= {{ run_date() }}

),

foreign_submissions as (

    -- issued to somebody, and the submitter is not among those it was issued to
    select
        s.exchange_key,
        s.account_key,
        s.event_date,
        s.artifact_token

    from submitted as s
    where
        exists (select 1 from issued as i where i.artifact_token = s.artifact_token)
        and not exists (
            select 1 from issued as i
            where i.artifact_token = s.artifact_token and i.account_key = s.account_key
        )

)

select
    account_key,
    event_date as activity_date,
    count(distinct exchange_key) as replay_count

from foreign_submissions
group by account_key, event_date
