with

landed as (

    select * from {{ source('raw', 'accounts') }}
    where dt <= {{ run_date() }}

)

select * from landed
