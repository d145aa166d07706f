with

windows as (

    select * from {{ ref('int_account_windows') }}

),

templates as (

    select * from {{ ref('int_account_templates') }}

),

joined as (

    -- A template that established accounts share is a habit of many, not a focus of one. Where they are few, none of
    -- them is all that can be asked for.
    select
        windows.*,
        case
            when templates.established_ratio <= {{ var('template_established_ratio_maximum') }}
                or templates.established_holder_count = 0
                then templates.template_prompt_count
            else 0
        end as template_prompt_count

    from windows
    inner join templates on windows.account_key = templates.account_key

)

{{ signal_rows('joined', 'focus__one_template_many_fills', 'focus',
    "template_prompt_count",
    'text_count') }}
