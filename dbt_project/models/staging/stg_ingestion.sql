with

landed as (

    select * from {{ source('raw', 'ingestion') }}
    where delivered_date <= {{ run_date() }}

)

select * from landed
