with

landed as (

    select * from {{ source('raw', 'exchanges') }}
    where dt <= {{ run_date() }}

)

select * from landed
