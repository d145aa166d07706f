with

windows as (

    select * from {{ ref('int_account_windows') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

joined as (

    select
        windows.*,
        accounts.plan

    from windows
    inner join accounts on windows.account_key = accounts.account_key

)

{{ signal_rows('joined', 'cost__usage_above_plan', 'cost',
    "case when output_known_count > 0 then round((input_tokens + output_tokens) * 1.0 / active_day_count, 1) end",
    'input_known_count',
    stratum="coalesce(plan, 'unknown')") }}
